"""A board's charts are drawn once by a real browser, as GitHub draws them: without errors, and readable.

``make needs`` installs Debian's Chromium and npm's mermaid. Which version of Mermaid GitHub runs is not known.
``COC_PICTURES`` names a folder in which the pictures are kept, to be looked at.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from integration.board import Standing, make_board
from integration.code_name import CodeName
from integration.github.board_text import board_body
from integration.incident import Incident, IncidentType, SpaceName
from integration.mirror import mirror
from integration.process import default_process
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Sequence

CHROMIUM = shutil.which("chromium")
MERMAID = Path(__file__).parent / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
COUNTS = (3, 7, 2, 5, 12, 1, 0, 4, 9, 2, 6, 3)
"""Incidents in each month, the oldest first: seventy a year is much for one team."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: make needs"),
    pytest.mark.skipif(not MERMAID.exists(), reason="npm's mermaid is not installed: make needs"),
]

_PAGE = """<!doctype html><meta charset="utf-8"><body style="background: #fff; width: 860px">
{charts}
<script src="{mermaid}"></script>
<script>
const places = chart => [...document.querySelectorAll(chart + " text")].map(
  one => ({{text: one.textContent, at: one.getBoundingClientRect().toJSON()}})).filter(one => one.text.trim());
const say = what => {{
  const result = document.createElement("pre");
  result.id = "result";
  result.style.display = "none";
  result.textContent = JSON.stringify(what);
  document.body.append(result);
}};
mermaid.initialize({{startOnLoad: false}});
const mistake = text => mermaid.parse(text).then(() => null, error => String(error));
mermaid.run().then(() => null, error => String(error)).then(async error => say(
  {{error, pie: places("#chart0"), bars: places("#chart1"), broken: await mistake({broken})}}));
</script>
"""


def charts(counts: Sequence[int] = COUNTS) -> list[str]:
    """The charts in a real board's text, cut out as GitHub finds them."""
    process, standings = default_process(), []
    for back, count in enumerate(reversed(counts)):
        for number in range(count):
            incident = Incident(
                id=new_incident_id(),
                code_name=CodeName(f"AMBER-HERON-{back}{number}"),
                type=list(IncidentType)[number % 3 == 0],
                space=SpaceName("hub"),
                opened_at=(NOW.replace(day=15) - timedelta(days=back * 30.4)),
            )
            standings.append(Standing(mirror(incident, process), {}))
    text = board_body(make_board(standings, NOW))
    return re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Drawn:
    """What the browser said of the charts, and its picture of them."""

    said: dict[str, Any]
    picture: Path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The browser is started once: that takes longer than all else."""
    folder = tmp_path_factory.mktemp("charts")
    texts = charts()
    blocks = "".join(
        f'<pre class="mermaid" id="chart{number}">{html.escape(text)}</pre>'
        for number, text in enumerate(texts)
    )
    broken = json.dumps(texts[0].replace('"Conduct Enforcement"', '"Conduct "Enforcement"'))
    page, picture = folder / "charts.html", Path(os.environ.get("COC_PICTURES", folder)) / "board.png"
    page.write_text(_PAGE.format(charts=blocks, broken=broken, mermaid=MERMAID.as_uri()), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--window-size=900,1150", "--virtual-time-budget=20000",
        f"--screenshot={picture}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<pre id="result"[^>]*>(.*?)</pre>', told, re.DOTALL)
    assert found, "the page did not say what became of the charts"
    return Drawn(json.loads(html.unescape(found[1])), picture)


def test_the_charts_of_a_board_are_drawn_and_their_labels_can_be_read(drawn: Drawn) -> None:
    said = drawn.said

    assert said["error"] is None
    pie = [one["text"] for one in said["pie"]]
    assert "Incidents by type, last 12 months" in pie
    assert {"Conduct Enforcement [33]", "Conflict Resolution [21]"} <= set(pie)
    bars = {one["text"]: one["at"] for one in said["bars"]}
    months = [f"{month:02}/25" if month > 11 else f"{month:02}/26" for month in (12, *range(1, 12))]
    assert set(months) < set(bars)
    assert "Incidents opened by month" in bars
    edges = [(bars[month]["left"], bars[month]["right"]) for month in months]
    assert all(before[1] < after[0] for before, after in pairwise(edges)), "labels overlap"
    assert all(8 <= bars[month]["height"] for month in months), "labels are too small"
    with Image.open(drawn.picture) as shown:
        assert len(shown.convert("RGB").getcolors(1_000_000) or []) > 50, "the picture is empty"


def test_this_browser_sees_a_mistake_in_a_chart(drawn: Drawn) -> None:
    """So that the test above can fail: a quotation mark within a label is a mistake to Mermaid."""
    assert drawn.said["broken"] is not None

"""The drill of docs/desk.md, command by command as it stands there, with two recovery keys that two people hold."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.notices import notice
from sandbox.form import NOAHS_REPORT

if TYPE_CHECKING:
    from sandbox.rehearsal import HostName
    from tests.e2e.town import Town

PAGE = (Path(__file__).parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Opening with a recovery key") :]
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
KEYS = [line for line in COMMANDS if line.startswith("age-keygen ")]
STEPS = [line for line in COMMANDS if line.startswith("coc ")]

MADE_UP = {**NOAHS_REPORT, "what_happened": "drill", "not_for": "robert and charlie"}
"""Robert and Charlie are on duty."""


def test_every_command_of_the_drill_is_run_here() -> None:
    assert KEYS + STEPS == COMMANDS
    assert (2, 5) == (len(KEYS), len(STEPS))


@pytest.mark.skipif(shutil.which("age-keygen") is None, reason="needs age-keygen")
@pytest.mark.parametrize("host", ["jira", "github"])
def test_the_drill_works_as_it_is_written(
    town: Town, host: HostName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server, world = town.server, town.server.world
    for line in KEYS:
        words = shlex.split(line, comments=True)
        subprocess.run(words, check=True, capture_output=True)
        public = re.search(r"public key: (age1\w+)", Path(words[2]).read_text(encoding="ascii"))
        assert public is not None
        world.recovery_keys[Path(words[2]).stem] = public[1]
    world.next_roster()

    inbox_id = server.report(host, MADE_UP)
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)
    told = notice(inbox_id, incident.id, None, server.parts.work)
    done = []
    for line in STEPS:
        copied = "\n".join(server.shown(host, incident.id).texts)
        (tmp_path / "ticket.txt").write_text(copied, encoding="utf-8")
        words = shlex.split(line.removeprefix("coc ").replace("BLUE-JAY-27", incident.code_name))
        if "write" in words:
            done.append(town.coc("rachel", *words, "--file", "-", input="We let Rachel in, as a drill.\n"))
        else:
            done.append(town.coc("rachel", *words, input="y\n"))

    assert {"keeper-of-safe-one@safe.example", "keeper-of-safe-two@safe.example"} == set(told.addresses)
    assert "You hold a recovery key" in told.text
    looked, let_in, read, wrote, other_key = done
    assert [0, 0, 0, 0, 0] == [one.exit_code for one in done], [one.output for one in done]
    assert "Nobody on your team's roster is cleared for it." in looked.stderr
    assert "is read by: rachel." in let_in.stderr
    assert "recovery-used" in read.stdout
    assert "drill" in read.stdout
    assert "is written" in wrote.stderr
    assert "drill" in other_key.stdout
    assert ["rachel"] == list(server.parts.database.readers(incident.id))

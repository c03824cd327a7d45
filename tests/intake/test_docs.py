"""The examples of docs/intake.md work as they are printed."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.wire import serving
from webhook_server.intake.sources import parse_sources

if TYPE_CHECKING:
    from tests.intake.conftest import Door

DOCS = (Path(__file__).parents[2] / "docs" / "intake.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    """The one code block of this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("language", "command", "submission_id"),
    [("python", [sys.executable, "-c"], "form-1-response-42"), ("sh", ["sh", "-c"], "shell-42")],
)
def test_sender_example_delivers_a_report(
    door: Door, language: str, command: list[str], submission_id: str
) -> None:
    if language == "sh" and not (shutil.which("openssl") and shutil.which("curl")):
        pytest.skip("openssl or curl is not installed")
    door.clock.time = datetime.now(UTC)
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    with serving(door.app) as address:
        done = subprocess.run(
            [*command, example(language)],
            env={"PATH": os.environ["PATH"], "COC_SECRET": secret, "COC_URL": f"{address}/in/script"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "200", "")
    assert [one[:2] for one in door.received] == [("script", submission_id)]
    assert door.received[0][2].verbatim is None


def test_configuration_example_has_no_mistakes() -> None:
    mistakes: list[str] = []

    found = parse_sources(
        tomllib.loads(example("toml"))["sources"],
        read_secret=lambda _: "a secret of a test",
        spaces={"conduct"},
        mistakes=mistakes,
    )

    assert mistakes == []
    assert set(found) == {"website"}

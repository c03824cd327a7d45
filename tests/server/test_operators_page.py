"""docs/server.md explains every code that can turn up, and the commands it names exist."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click

from integration import errors
from webhook_server.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
TABLES = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|"))


CODES = {
    value.code
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.CoCError)
}


def test_every_error_code_is_explained() -> None:
    assert [] == sorted(code for code in CODES if f"`{code}`" not in TABLES)


def test_the_codes_of_the_jobs_themselves_are_explained() -> None:
    code = (ROOT / "webhook_server" / "jobs.py").read_text(encoding="utf-8")
    own = set(re.findall(r'(?:code(?:=|, reason, retry, after = \(\s*)|_INTERRUPTED = )"([a-z-]+)"', code))

    assert {"interrupted", "unexpected"} == own
    assert [] == sorted(name for name in own if f"`{name}`" not in TABLES)


def test_no_code_is_explained_that_does_not_exist() -> None:
    first_code = PAGE.index("### Codes")
    explained = set()
    for line in PAGE[first_code:].splitlines():
        if line.startswith("| `"):
            explained |= set(re.findall(r"`([a-z-]+)`", line.split("|")[1]))

    assert {"interrupted", "unexpected"} == explained - CODES


def names(command: click.Command, above: str) -> list[str]:
    if isinstance(command, click.Group):
        return [name for key, inner in command.commands.items() for name in names(inner, f"{above} {key}")]
    return [above]


def test_every_command_is_on_the_page_and_every_command_on_the_page_exists() -> None:
    existing = set(names(main, "coc-server"))
    named = {
        found
        for found in re.findall(r"coc-server [a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)?", PAGE)
        if found.split(" ")[1] in {one.split(" ")[1] for one in existing}
    }

    assert existing == {one if one in existing else " ".join(one.split(" ")[:2]) for one in named}


def test_sizes_and_waits_on_the_page_are_those_of_the_code() -> None:
    jobs = (ROOT / "webhook_server" / "jobs.py").read_text(encoding="utf-8")

    assert "_LONGEST_WAIT = timedelta(minutes=15)" in jobs
    assert "_PATIENCE = 8" in jobs
    assert "at least every 15 minutes" in PAGE
    assert "after eight tries" in PAGE

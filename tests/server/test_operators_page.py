"""docs/server.md explains every entry of the configuration and every code that can turn up; the commands it names exist."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click

from integration import errors
from tests.server.config.conftest import WHOLE
from webhook_server.cli import main
from webhook_server.intake.mapping import QUESTION_MISSING

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

    assert {"interrupted", "unexpected", QUESTION_MISSING} == explained - CODES


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


# The configuration ----------------------------------------------------------------------------------


def accepted() -> set[str]:
    """Every entry the configuration takes, read off the code: what is asked for, and what is allowed."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "webhook_server").glob("config*.py"))
    sources = (ROOT / "webhook_server" / "intake" / "sources.py").read_text(encoding="utf-8")
    known = set()
    for found in re.finditer(
        r"\.refuse_unknown\(\s*\w+,\s*(?P<keys>.*?),\s*\w*f?\"?[^,]*?\)\n", code, re.DOTALL
    ):
        known |= set(re.findall(r'"([a-z_]+)"', found["keys"]))
    for found in re.finditer(
        r"(?:known|keys) = \{(?P<keys>.*?)\}|_JIRA_FIELDS = \((?P<fields>.*?)\)", code, re.DOTALL
    ):
        known |= set(re.findall(r'"([a-z_]+)"', found["keys"] or found["fields"]))
    known |= set(re.findall(r'"([a-z_]+)"', sources[sources.index("_KNOWN") : sources.index("@dataclass")]))
    return known


def test_the_entries_are_really_read_off_the_code() -> None:
    used = set(re.findall(r"^([a-z_]+) = ", WHOLE, re.MULTILINE)) - {"who"}

    assert used <= accepted()
    assert {"starttls", "why", "default_type", "type_question", "comment_role", "impact"} <= accepted()


def test_every_entry_is_on_the_operators_page() -> None:
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")

    assert [] == sorted(
        entry for entry in accepted() if f"`{entry}`" not in page and f"`[{entry}" not in page
    )

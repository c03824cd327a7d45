"""``coc diary redact`` at a desk; what becomes of the entry in the service and on a host: tests/e2e/test_redaction.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from desk import redact_cli
from integration.errors import WriteRefused

if TYPE_CHECKING:
    from tests.desk.conftest import At, Shelf

NAME = "BLUE-JAY-27"


@pytest.fixture
def number(robert: At, shelf: Shelf) -> int:
    """The entry that must go; it has several parts."""
    done = robert("diary", "write", NAME, "--file", "-", input="a home address " * 9_000)
    assert done.exit_code == 0, done.output
    assert shelf.newest.part > 2
    return shelf.newest.seq


def test_every_part_is_named_and_the_reason_is_asked_for(robert: At, shelf: Shelf, number: int) -> None:
    done = robert("diary", "redact", NAME, str(number), input="y\nshe asked us to\n")

    assert done.exit_code == 0, done.output
    assert "cannot be brought back" in done.stderr
    shown = json.loads(robert("diary", "read", NAME, "--format", "json").stdout)
    assert [(one["code"], one["serious"]) for one in shown["findings"]] == [("redacted", False)]
    assert shown["entries"][-1]["content"] == "redaction"
    assert shown["entries"][-1]["body"] == f"Entry {number} is erased. she asked us to"
    assert number not in {one.id.seq for one in shelf.sealed}


def test_an_entry_of_very_many_parts_takes_several_redactions(
    robert: At, shelf: Shelf, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = shelf.newest.part
    monkeypatch.setattr(redact_cli, "_AT_ONCE", 2)

    done = robert("diary", "redact", NAME, str(number), "--yes", "--reason", "x")

    assert done.exit_code == 0, done.output
    assert shelf.newest.seq == number + -(-parts // 2)
    verified = robert("verify", NAME)
    assert verified.exit_code == 0, verified.output
    assert verified.stdout.count("redacted:") == 1


def test_what_was_cut_off_after_the_redaction_goes_on_with_the_erasing(
    robert: At, shelf: Shelf, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise WriteRefused("Not now.")

    with monkeypatch.context() as patched:
        patched.setattr(type(shelf), "erase", refuse)
        cut_off = robert("diary", "redact", NAME, str(number), "--yes", "--reason", "x")
    head = shelf.newest
    meanwhile = robert("diary", "read", NAME)

    again = robert("diary", "redact", NAME, str(number))

    assert cut_off.exit_code == 1
    assert "not-erased" in meanwhile.stdout
    assert "a home address" not in meanwhile.stdout
    assert again.exit_code == 0, again.output
    assert shelf.newest == head, "it is not said a second time"
    assert robert("verify", NAME).exit_code == 0


@pytest.mark.parametrize(
    ("which", "why"), [(1, "is a keyring"), (0, "is a redaction"), (99, "There is no entry 99")]
)
def test_what_cannot_be_redacted(robert: At, shelf: Shelf, number: int, which: int, why: str) -> None:
    robert("diary", "redact", NAME, str(number), "--yes", "--reason", "x")
    head = shelf.newest

    refused = robert("diary", "redact", NAME, str(which or head.seq), "--yes", "--reason", "x")

    assert refused.exit_code == 1
    assert why in refused.stderr
    assert shelf.newest == head


def test_an_entry_that_is_not_whole_here_is_not_redacted(robert: At, shelf: Shelf, number: int) -> None:
    shelf.sealed = [one for one in shelf.sealed if one.id != (number, 2)]

    refused = robert("diary", "redact", NAME, str(number), "--yes", "--reason", "x", "--despite-findings")

    assert refused.exit_code == 1
    assert "is not whole here" in refused.stderr


def test_nobody_who_does_not_confirm_erases(robert: At, shelf: Shelf, number: int) -> None:
    head = shelf.newest

    assert robert("diary", "redact", NAME, str(number), input="n\n").exit_code == 1
    assert shelf.newest == head

"""A member keeps the whole diary for themselves, and has it put back on its ticket or on a new one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from desk.drafts import lock_for
from desk.keep_cli import RECIPE
from integration.diary.open import read_age
from integration.errors import CannotOpen
from integration.mirror import TicketName
from tests.desk.diary_checks.conftest import NAME, Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.incident import IncidentId
    from tests.desk.conftest import At, Shelf, Team


def test_the_bundle_is_the_diary_for_its_owner_only(
    robert: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    bundle = tmp_path / "blue-jay.age"

    result = robert("diary", "export", NAME, "--output", str(bundle))

    raw = bundle.read_bytes()
    inside = read_age(raw, [team.robert.secret]).decode()
    assert result.exit_code == 0, result.output
    assert inside == "\n\n".join(one.text for one in shelf.sealed) + "\n"
    assert shelf.incident.id.encode() not in raw
    assert [0o600, 0o600] == [path.stat().st_mode & 0o777 for path in (bundle, Path(f"{bundle}.txt"))]
    assert robert("diary", "export", NAME, "--output", str(bundle)).exit_code == 1
    assert bundle.read_bytes() == raw


def test_the_recipe_is_the_one_of_the_format() -> None:
    page = (Path(__file__).parents[3] / "docs" / "diary-format.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(tr -d.*?)```", page, re.DOTALL)

    assert RECIPE == block


@pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("ssh-keygen") is None, reason="needs age, ssh-keygen"
)
def test_the_bundle_opens_with_what_stands_beside_it(
    robert: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    robert("diary", "write", NAME, "--file", "-", input="by robert\n")
    robert("diary", "export", NAME, "--output", str(tmp_path / "b.age"))
    page = (tmp_path / "b.age.txt").read_text(encoding="ascii")
    work = tmp_path / "work"
    work.mkdir()
    (work / "me.txt").write_text(f"{team.robert.secret}\n", encoding="ascii")
    (work / "b.age").write_bytes((tmp_path / "b.age").read_bytes())
    open_bundle = next(line for line in page.split("\n") if "ticket.txt 'b.age'" in line)
    signers = re.findall(r"^(?:member|service):\S+ ssh-ed25519 \S+$", page, re.MULTILINE)
    (work / "allowed_signers").write_text("\n".join(signers) + "\n", encoding="ascii")
    recipe = page[page.index("tr -d") : page.index("It prints")]

    done = subprocess.run(
        ["sh", "-c", f"{open_bundle}\n{recipe}"], cwd=work, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert shelf.account in done.stdout
    assert "| by robert" in done.stdout
    assert 4 == done.stdout.count("Good ")


def test_locking_for_oneself_is_for_nobody_else(team: Team) -> None:
    locked = lock_for(team.robert, b"words", armored=False)

    assert read_age(locked, [team.robert.secret]) == b"words"
    with pytest.raises(CannotOpen):
        read_age(locked, [team.miriam.secret])


def test_restore_asks_the_service_and_says_how_to_see_the_ticket(robert: At, shelf: Shelf) -> None:
    result = robert("diary", "restore", NAME)

    assert result.exit_code == 0, result.output
    assert [False] == shelf.restored
    assert "coc diary verify BLUE-JAY-27 --from-host" in result.stderr


def test_restore_waits_until_everything_stands_on_the_ticket_again(
    robert: At, from_host: Callable[[], tuple[int, str]], host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_host()
    monkeypatch.setattr("desk.keep_cli._EVERY", 0.0)
    host.change = lambda texts: texts if len(host.asked) > 3 else texts[:-1]

    result = robert("diary", "restore", NAME, "--from-host", "--wait", "60")

    assert result.exit_code == 0, result.output
    assert "The same diary stands on the ticket itself" in result.stdout


def test_restore_that_is_not_done_in_time_shows_what_is_still_missing(
    robert: At, from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    from_host()
    host.change = lambda texts: texts[:-1]

    result = robert("diary", "restore", NAME, "--from-host", "--wait", "0")

    assert result.exit_code == 3
    assert "not-on-ticket" in result.stdout


def test_a_diary_on_a_new_ticket_verifies_after_a_signed_entry_says_that_it_moved(
    robert: At, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    robert("diary", "read", NAME)
    monkeypatch.setattr("desk.keep_cli._EVERY", 0.0)
    new = TicketName("github:acme/conduct#18")

    def move(_self: object, incident: IncidentId, *, new_ticket: bool) -> None:
        del incident
        assert new_ticket
        shelf.incident = replace(shelf.incident, ticket=new)

    monkeypatch.setattr(type(shelf), "restore", move)

    result = robert("diary", "restore", NAME, "--new-ticket")
    read = robert("diary", "read", NAME)

    assert result.exit_code == 0, result.output
    assert "The diary stands on github:acme/conduct#18 now" in result.stderr
    assert read.exit_code == 0, read.output
    assert "Before it stood on github:acme/conduct#17." in read.stdout
    assert new == shelf.sealed[-1].ticket


def test_a_new_ticket_that_is_not_there_in_time_is_said(robert: At) -> None:
    result = robert("diary", "restore", NAME, "--new-ticket", "--wait", "0")

    assert result.exit_code == 3
    assert "not there yet" in result.stderr

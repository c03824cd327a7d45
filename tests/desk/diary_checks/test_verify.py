"""What service or host holds back, deletes or shows to one member only is found by who trusts neither."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.mirror import TicketName
from tests.desk.diary_checks.conftest import NAME, TOKEN, Host

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk.conftest import At, Shelf


def test_verify_says_whether_all_is_right_and_prints_no_entry(robert: At, shelf: Shelf) -> None:
    fine = robert("diary", "verify", NAME)
    shelf.sealed.pop()
    wrong = robert("diary", "verify", NAME)

    assert (fine.exit_code, wrong.exit_code) == (0, 3)
    assert "Checked, 1 entry" in fine.stdout
    assert "missing-newest" in wrong.stdout
    assert shelf.account not in fine.output + wrong.output


def test_the_ticket_itself_shows_the_same_diary(from_host: Callable[[], tuple[int, str]], host: Host) -> None:
    code, output = from_host()

    assert (code, len(host.asked)) == (0, 1), output
    assert "The same diary stands on the ticket itself" in output


def test_a_long_ticket_is_read_to_its_last_page(from_host: Callable[[], tuple[int, str]], host: Host) -> None:
    host.change = lambda texts: ["an ordinary comment"] * 150 + texts

    code, output = from_host()

    assert code == 0, output
    assert len(host.asked) >= 2


def test_a_comment_deleted_on_the_ticket_is_found(
    from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    from_host()
    host.change = lambda texts: texts[:-1]

    code, output = from_host()

    assert code == 3
    assert "not-on-ticket: The service shows entry 2, and the ticket does not." in output
    assert "missing-newest" in output


def test_a_ticket_without_a_diary_is_found_on_a_first_reading(
    from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    host.change = lambda _texts: []

    code, output = from_host()

    assert code == 3
    assert "The service shows entries 1, 2, and the ticket does not." in output


def test_a_service_that_holds_entries_back_is_found(
    from_host: Callable[[], tuple[int, str]], host: Host, shelf: Shelf
) -> None:
    shelf.write("the newest report")
    all_of_it = host.texts
    shelf.sealed.pop()
    host.change = lambda _texts: all_of_it

    code, output = from_host()

    assert code == 3
    assert "not-served: The ticket shows entry 3, and the service does not." in output


def test_a_second_history_of_service_and_host_together_is_found(
    from_host: Callable[[], tuple[int, str]], shelf: Shelf
) -> None:
    """Both show the same new history; only this desk remembers the old one."""
    shelf.write("the report that somebody wants to lose")
    from_host()
    shelf.sealed.pop()
    shelf.write("another report in its place")

    code, output = from_host()

    assert code == 3
    assert output.count("rewritten: ") == 2


def test_two_histories_at_once_are_found(
    from_host: Callable[[], tuple[int, str]], host: Host, shelf: Shelf
) -> None:
    shelf.write("what the ticket shows")
    shown = host.texts
    shelf.sealed.pop()
    shelf.write("what the service shows")
    host.change = lambda _texts: shown

    code, output = from_host()

    assert code == 3
    assert "two-histories: On the ticket stands another entry 3 than the one the service shows." in output


def test_a_host_that_does_not_show_the_ticket_is_not_quoted(
    from_host: Callable[[], tuple[int, str]], robert: At
) -> None:
    (robert.desk.folder / "own.token").write_text("wrong-8d1c\n", encoding="ascii")

    code, output = from_host()

    assert code == 1
    assert "answered 404" in output
    assert "secret words" not in output
    assert "wrong-8d1c" not in output


def test_the_credential_is_never_sent_to_an_address_that_the_service_names(
    robert: At, shelf: Shelf, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="ascii")
    shelf.sealed.clear()
    shelf.epoch = None
    shelf.incident = replace(shelf.incident, ticket=TicketName("jira:evil.example/10042"))
    shelf.write("words")

    result = robert(
        "diary", "verify", NAME, "--from-host", "--host-url", "https://acme.example", "--host-email", "a@b.example",
        "--host-token-file", str(token),
    )  # fmt: skip

    assert result.exit_code == 1
    assert "The diary stands on evil.example, and your credential is for acme.example" in result.stderr


def test_what_is_lacking_to_read_the_ticket_is_named(robert: At) -> None:
    result = robert("diary", "verify", NAME, "--from-host")

    assert result.exit_code == 1
    assert "--host-token-file" in result.stderr
    assert "hosts.toml" in result.stderr


@pytest.fixture
def miriam(miriam: At, robert: At) -> At:
    assert robert("clear", NAME, "miriam", "--yes").exit_code == 0
    return miriam


def test_members_compare_what_they_have_seen(robert: At, miriam: At, shelf: Shelf, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(
        f"Hi, mine is\n{miriam('diary', 'head', NAME).stdout}\nBest, M.\n".replace("\n", "\r\n"),
        encoding="utf-8",
    )

    same = robert("diary", "compare", NAME, "--heads", str(heads))
    shelf.write("one more")
    longer = robert("diary", "compare", NAME, "--heads", str(heads))

    assert (same.exit_code, longer.exit_code) == (0, 0)
    assert "miriam has seen the same diary up to entry 3" in longer.stdout


def test_a_service_that_shows_two_members_two_histories_is_found(
    robert: At, miriam: At, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.write("what miriam is shown")
    heads = tmp_path / "heads.txt"
    heads.write_text(miriam("diary", "head", NAME).stdout, encoding="utf-8")
    shelf.sealed.pop()
    shelf.write("what robert is shown")

    result = robert("diary", "compare", NAME, "--heads", str(heads))

    assert result.exit_code == 3
    assert "other-history: The head of miriam has another comment in the place of entry 4" in result.stdout


def test_a_head_that_somebody_changed_is_worth_nothing(robert: At, miriam: At, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(miriam("diary", "head", NAME).stdout.replace("seq=3", "seq=2"), encoding="utf-8")

    result = robert("diary", "compare", NAME, "--heads", str(heads))

    assert result.exit_code == 3
    assert "bad-head" in result.stdout


def test_a_text_without_a_head_is_wrong_usage(robert: At, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_bytes(b"\xff nothing")

    assert robert("diary", "compare", NAME, "--heads", str(heads)).exit_code == 2

"""Who may read: clear, recuse, leave and the recovery key, each from end to end with the real check of the service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from desk.home import Home
from integration.diary.comment import find_comments
from integration.incident import IncidentId
from integration.mirror import TicketName

if TYPE_CHECKING:
    from pathlib import Path

    from tests.desk.conftest import At, Shelf, Team

NAME = "BLUE-JAY-27"


def test_a_cleared_member_reads_the_whole_diary_and_writes(robert: At, miriam: At, shelf: Shelf) -> None:
    assert miriam("diary", "read", NAME).exit_code == 1

    cleared = robert("clear", NAME, "miriam", input="y\n")
    read = miriam("diary", "read", NAME)
    wrote = miriam("diary", "write", NAME, "--file", "-", input="from miriam\n")

    assert cleared.exit_code == 0, cleared.output
    assert "it is read by robert, miriam" in cleared.stderr
    assert "SHA256:" in cleared.stderr
    assert read.exit_code == 0, read.output
    assert shelf.account in read.stdout
    assert wrote.exit_code == 0, wrote.output
    assert "from miriam" in robert("diary", "read", NAME).stdout


def test_clearing_is_asked_first(robert: At, shelf: Shelf) -> None:
    assert robert("clear", NAME, "miriam", input="n\n").exit_code == 1
    assert shelf.newest.seq == 2


def test_only_somebody_on_the_pinned_roster_is_cleared(robert: At, shelf: Shelf) -> None:
    result = robert("clear", NAME, "mallory", "--yes")

    assert result.exit_code == 1
    assert "There is no mallory on the roster 1" in result.stderr
    assert shelf.newest.seq == 2


def test_who_is_cleared_already_is_not_cleared_again(robert: At) -> None:
    result = robert("clear", NAME, "robert", "--yes")

    assert result.exit_code == 1
    assert "is cleared for BLUE-JAY-27 already" in result.stderr


def test_a_recused_members_key_opens_nothing_written_after_and_never_the_reason(
    robert: At, miriam: At, shelf: Shelf, team: Team
) -> None:
    robert("clear", NAME, "miriam", "--yes")
    miriam("diary", "read", NAME)

    result = robert("recuse", NAME, "miriam", "--reason", "she knows the reporter")
    robert("diary", "write", NAME, "--file", "-", input="after\n")

    shelf.cleared.add("miriam")  # a service that serves her all the same
    hers = miriam("diary", "read", NAME)
    assert result.exit_code == 0, result.output
    assert "it is read by robert." in result.stderr
    assert shelf.account in hers.stdout
    assert "she knows the reporter" not in hers.output
    assert "after" not in hers.stdout.split("You are not cleared")[0].splitlines()
    assert "not-cleared" in hers.stdout
    assert "she knows the reporter" in robert("diary", "read", NAME).stdout
    assert team.miriam.recipient not in "".join(comment.text for comment in shelf.sealed)


def test_the_reason_is_asked_for_where_the_command_line_does_not_say_it(robert: At) -> None:
    robert("clear", NAME, "miriam", "--yes")

    result = robert("recuse", NAME, "miriam", input="they are friends\n")

    assert result.exit_code == 0, result.output
    assert "they are friends" in robert("diary", "read", NAME).stdout


def test_one_recuses_oneself_and_the_others_go_on(robert: At, miriam: At, shelf: Shelf) -> None:
    robert("clear", NAME, "miriam", "--yes")

    result = robert("recuse", NAME, "--yes")
    wrote = miriam("diary", "write", NAME, "--file", "-", input="without robert\n")

    shelf.cleared.add("robert")
    his = robert("diary", "read", NAME)
    assert result.exit_code == 0, result.output
    assert wrote.exit_code == 0, wrote.output
    assert "keys were renewed first" in wrote.stderr  # robert's desk made the epoch that he is not to read
    assert "without robert" not in his.stdout
    assert robert("diary", "write", NAME, "--file", "-", input="x\n").exit_code == 1


def test_the_last_reader_cannot_be_recused(robert: At, shelf: Shelf) -> None:
    result = robert("recuse", NAME, "--yes")

    assert result.exit_code == 1
    assert "Nobody would be left" in result.stderr
    assert shelf.newest.seq == 2


def test_who_is_not_cleared_cannot_be_recused(robert: At) -> None:
    result = robert("recuse", NAME, "miriam", "--reason", "x")

    assert result.exit_code == 1
    assert "miriam is not cleared" in result.stderr


def test_a_reason_for_ones_own_recusal_is_written_before_it(robert: At) -> None:
    assert robert("recuse", NAME, "--reason", "x").exit_code == 2


def test_when_somebody_else_was_faster_the_readers_are_chosen_again(robert: At, shelf: Shelf) -> None:
    robert("diary", "read", NAME)
    shelf.faster.append("a second report")

    result = robert("clear", NAME, "miriam", "--yes")

    assert result.exit_code == 0, result.output
    assert {"robert", "miriam"} == shelf.cleared


def test_leaving_ends_all_access_and_lists_what_could_be_read(robert: At, miriam: At, shelf: Shelf) -> None:
    robert("clear", NAME, "miriam", "--yes")

    result = miriam("leave", "--yes")

    assert result.exit_code == 0, result.output
    assert (
        "BLUE-JAY-27: you could read 1 entry, up to number 3. What comes after is read by robert."
        in result.stdout
    )
    assert "you still know" in result.stdout
    assert {"robert"} == shelf.cleared


def test_what_could_not_be_left_is_said_and_counts_as_failed(robert: At) -> None:
    result = robert("leave", "--yes")

    assert result.exit_code == 1
    assert "BLUE-JAY-27: you can STILL read it. Nobody would be left" in result.stdout


def test_a_keyring_never_tells_how_many_read(robert: At, shelf: Shelf) -> None:
    robert("diary", "read", NAME)
    robert("clear", NAME, "miriam", "--yes")

    rings = [one for one in shelf.sealed if one.kind == "keyring"]
    stanzas = {one.age.count(b"-> X25519 ") for ring in rings for one in find_comments(ring.text)}
    assert len(rings) == 3
    assert stanzas == {16}


# The recovery key


@pytest.fixture
def recovery_file(team: Team, tmp_path: Path) -> str:
    path = tmp_path / "recovery.txt"
    path.write_text(
        f"# created: now\n# public key: {team.recovery.recipient}\n{team.recovery.secret}\n", encoding="ascii"
    )
    return str(path)


def test_a_recovery_key_reads_from_the_copied_ticket_and_lets_a_member_in(
    robert: At, miriam: At, shelf: Shelf, recovery_file: str, tmp_path: Path
) -> None:
    robert("diary", "read", NAME)
    ticket = tmp_path / "ticket.txt"
    ticket.write_text(
        "\r\n\r\n".join(f"somebody wrote:\r\n{one.text}" for one in shelf.sealed), encoding="utf-8"
    )
    known = (
        "use-recovery",
        NAME,
        "--identity",
        recovery_file,
        "--name",
        "safe-one",
        "--comments",
        str(ticket),
    )

    looked = miriam(*known)
    done = miriam(*known, "--reader", "miriam", input="y\n")
    read = miriam("diary", "read", NAME)

    assert looked.exit_code == 0, looked.output
    assert "Cleared for it now: robert." in looked.stderr
    assert shelf.account in looked.stdout
    assert done.exit_code == 0, done.output
    assert {"robert", "miriam"} == shelf.cleared  # nobody is thrown out without a word
    assert read.exit_code == 0, read.output
    assert "recovery-used" in read.stdout
    assert "nobody cleared was left" not in read.stdout


@pytest.mark.parametrize(("answer", "after"), [("y\n", {"miriam"}), ("n\n", {"robert"})])
def test_with_a_recovery_key_present_readers_are_dropped_only_if_that_is_said_and_confirmed(
    robert: At, miriam: At, shelf: Shelf, recovery_file: str, tmp_path: Path, answer: str, after: set[str]
) -> None:
    robert("diary", "read", NAME)
    ticket = tmp_path / "ticket.txt"
    ticket.write_text("\n\n".join(one.text for one in shelf.sealed), encoding="utf-8")

    done = miriam(
        "use-recovery", NAME, "--identity", recovery_file, "--name", "safe-one", "--comments", str(ticket),
        "--reader", "miriam", "--drop-present", input=answer,
    )  # fmt: skip

    assert "reading nothing that comes after: robert." in done.stderr
    assert after == shelf.cleared


def test_leaving_lists_what_was_read_before_a_recusal_too(robert: At, miriam: At, shelf: Shelf) -> None:
    robert("diary", "read", NAME)
    robert("clear", NAME, "miriam", "--yes")
    miriam("diary", "read", NAME)
    robert("recuse", NAME, "miriam", "--reason", "knows the reporter")

    left = miriam("leave", "--yes")

    assert left.exit_code == 0, left.output
    assert (
        f"{NAME}: you are not cleared for it any more. You could read it before, at least up to number 4."
        in left.stdout
    )
    assert "Give this list to the team" in left.stdout
    assert shelf.newest.seq == 6


def test_leaving_names_an_incident_whose_remembered_head_is_damaged(
    robert: At, miriam: At, shelf: Shelf
) -> None:
    robert("clear", NAME, "miriam", "--yes")
    miriam("diary", "read", NAME)
    shelf.cleared = {"robert"}
    (miriam.desk.folder / "heads" / f"{NAME}.json").write_text("{", encoding="ascii")

    left = miriam("leave", "--yes")

    assert f"{NAME}: you are not cleared for it any more" in left.stdout
    assert "how far is not known here" in left.stdout


def test_a_recovery_key_that_the_roster_does_not_name_is_refused(miriam: At, recovery_file: str) -> None:
    result = miriam("use-recovery", NAME, "--identity", recovery_file, "--name", "safe-two")

    assert result.exit_code == 1
    assert "is not the recovery key safe-two of your roster" in result.stderr


def test_without_the_service_the_next_step_is_to_copy_the_ticket(miriam: At, recovery_file: str) -> None:
    result = miriam("use-recovery", NAME, "--identity", recovery_file, "--name", "safe-one")

    assert result.exit_code == 1
    assert "--comments" in result.stderr


def test_comments_of_another_incident_are_refused(
    robert: At, shelf: Shelf, recovery_file: str, tmp_path: Path
) -> None:
    robert("diary", "read", NAME)
    other = Home(robert.desk.folder).remembered(NAME)
    assert other is not None
    Home(robert.desk.folder).remember(NAME, replace(other, incident=IncidentId("inc_" + "b" * 26)))
    ticket = tmp_path / "ticket.txt"
    ticket.write_text("\n\n".join(one.text for one in shelf.sealed), encoding="utf-8")

    result = robert(
        "use-recovery", NAME, "--identity", recovery_file, "--name", "safe-one", "--comments", str(ticket)
    )

    assert result.exit_code == 1
    assert "of another incident" in result.stderr


def beside(shelf: Shelf, *, team: Team | None = None) -> Shelf:
    """Another incident's diary; of another service, if another team is named."""
    other = replace(
        shelf.incident, id=IncidentId("inc_" + "b" * 26), ticket=TicketName("github:acme/conduct#18")
    )
    found = type(shelf)(team or shelf.team, other)
    found.write("? What happened\n  Something else.", incident=other.id)
    return found


def test_a_comment_that_no_service_of_the_team_sealed_stops_no_recovery(
    miriam: At, shelf: Shelf, recovery_file: str, tmp_path: Path
) -> None:
    """Whoever may comment on the ticket can write a block of a diary that does not exist."""
    made_up, _ = beside(shelf, team=type(shelf.team)()).sealed
    ticket = tmp_path / "ticket.txt"
    ticket.write_text("\n\n".join(one.text for one in (*shelf.sealed, made_up)), encoding="utf-8")
    known = ("--identity", recovery_file, "--name", "safe-one", "--comments", str(ticket))

    looked = miriam("use-recovery", NAME, *known)
    done = miriam("use-recovery", NAME, *known, "--reader", "miriam", input="y\ny\n")

    assert looked.exit_code == 0, looked.output
    assert f"of another diary, so left out: 1/1 of {made_up.incident}" in looked.stderr
    assert "other-incident" in looked.stdout
    assert shelf.account in looked.stdout
    assert done.exit_code == 0, done.output
    assert {"robert", "miriam"} == shelf.cleared


def test_a_sealed_comment_of_another_incident_stops_no_recovery_where_the_desk_knows_which_is_right(
    robert: At, shelf: Shelf, recovery_file: str, tmp_path: Path
) -> None:
    other = beside(shelf)
    ticket = tmp_path / "ticket.txt"
    ticket.write_text("\n\n".join(one.text for one in (*other.sealed, *shelf.sealed)), encoding="utf-8")
    known = ("--identity", recovery_file, "--name", "safe-one", "--comments", str(ticket))

    refused = robert("use-recovery", NAME, *known)
    robert("diary", "read", NAME, "--read-only")
    looked = robert("use-recovery", NAME, *known)

    assert refused.exit_code == 1
    assert "github:acme/conduct#17, github:acme/conduct#18" in refused.stderr
    assert looked.exit_code == 0, looked.output
    assert shelf.account in looked.stdout
    assert "Something else." not in looked.stdout
    assert f"1/1 of {other.incident.id}, 2/1 of {other.incident.id}" in looked.stderr


def test_a_file_without_a_key_is_refused(miriam: At, tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    path.write_text("no key", encoding="ascii")

    result = miriam("use-recovery", NAME, "--identity", str(path), "--name", "safe-one")

    assert result.exit_code == 1
    assert "does not hold one age secret key" in result.stderr

"""What was written and does not reach the ticket: the desk says so, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook_server.api_ports import Waiting

if TYPE_CHECKING:
    from tests.desk.conftest import At, Shelf

NAME = "BLUE-JAY-27"


def test_a_write_behind_one_that_is_held_up_is_not_said_to_reach_the_ticket(robert: At, shelf: Shelf) -> None:
    robert("diary", "read", NAME)
    shelf.waits = Waiting(1, "host-gone", parked=True)

    wrote = robert("diary", "write", NAME, "--file", "-", input="words\n")

    assert wrote.exit_code == 0
    assert "The service brings it to the ticket" not in wrote.stderr
    assert "is not there (host-gone)" in wrote.stderr
    assert "coc diary restore BLUE-JAY-27 --new-ticket" in wrote.stderr


def test_verify_says_that_something_waits_for_a_person_and_is_not_fine(robert: At, shelf: Shelf) -> None:
    robert("diary", "read", NAME)
    shelf.waits = Waiting(8, "host-replaced", parked=True)

    verified = robert("diary", "verify", NAME)
    read = robert("diary", "read", NAME)

    assert verified.exit_code == 3
    assert "not-on-ticket-yet" in verified.stdout
    assert "Ask whoever runs the service" in verified.stdout
    assert (read.exit_code, "not-on-ticket-yet" in read.stdout) == (0, True)  # the diary itself is right


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        (Waiting(1, None, parked=False), False),
        (Waiting(1, "host-limited", parked=False), True),
        (Waiting(1, "something-new", parked=False), True),
    ],
)
def test_what_only_waits_for_its_turn_or_for_the_host_is_no_alarm(
    robert: At, shelf: Shelf, waits: Waiting, *, said: bool
) -> None:
    robert("diary", "read", NAME)
    shelf.waits = waits

    verified = robert("diary", "verify", NAME)

    assert verified.exit_code == 0
    assert ("not-on-ticket-yet" in verified.stdout) is said


def test_a_hostile_code_of_the_service_is_not_printed(robert: At, shelf: Shelf) -> None:
    shelf.waits = Waiting(1, "\x1b[2J", parked=True)

    result = robert("diary", "read", NAME)

    assert result.exit_code == 1
    assert "not one that this desk understands" in result.stderr

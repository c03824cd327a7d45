"""A running server and its team's roster: the next one counts at once, another one never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import RosterRefused

if TYPE_CHECKING:
    from sandbox.rehearsal import Server


def test_the_next_roster_counts_at_once_and_after_a_restart(server: Server) -> None:
    server.world.next_roster(rachel={"on_duty": True})
    rachel = server.parts.work.roster().member("rachel")
    assert rachel is not None
    assert rachel.on_duty

    server.world.next_roster(members=("robert", "rachel"), signers=("charlie",))
    assert 2 == server.parts.work.roster().serial

    server.world.sign_roster("charlie", "rachel")
    server.restart()
    assert ["robert", "rachel"] == [member.alias for member in server.parts.work.roster().members]


def test_the_first_roster_does_not_come_back(server: Server) -> None:
    server.world.next_roster(members=("robert", "charlie"))
    assert 2 == server.parts.work.roster().serial

    server.world.write_roster()

    assert server.parts.work.roster().member("rachel") is None
    server.parts.close()
    with pytest.raises(RosterRefused, match="This is roster 1, and 2 was accepted already"):
        server.restart()

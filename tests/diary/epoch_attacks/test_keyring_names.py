"""A keyring counts for the readers that an accepted roster lists, under their own names and keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, Reader, generate_identity
from integration.errors import WriteRefused
from tests.diary.conftest import Shelf, seqs
from tests.diary.epoch_attacks.pens import pen_of
from tests.diary.team import ROSTER, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.diary.conftest import Codes, Dress


def test_a_service_that_lists_its_own_key_in_epoch_1(team: Team, dress: Dress, codes: Codes) -> None:
    spy = generate_identity("spy")
    first = team.begin(readers=[team.robert.reader(), team.salma.reader(), spy.reader()])
    shelf = Shelf(team, list(first.comments), first.epoch)

    diary = team.read(shelf.texts(dress), head=shelf.head)

    assert codes(diary) == [("unlisted-reader", 1)]
    assert "spy" in diary.findings[0].says
    assert not diary.vouched
    with pytest.raises(WriteRefused, match="roster"):
        shelf.draft(team.robert)
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "not for the spy")
    assert codes(shelf.read()) == [("unlisted-reader", 1)]
    assert seqs(shelf.read(spy, members={**team.trust().members, "spy": spy.signing_key})) == [2]


@pytest.mark.usefixtures("on_both_hosts")
@pytest.mark.parametrize("alias", ["robert", "salma", "paper-1"])
def test_a_key_under_a_members_name_that_is_not_theirs(team: Team, codes: Codes, alias: str) -> None:
    """The service, or a dishonest member, puts its own key in the place of a colleague's."""
    false = generate_identity(alias)
    readers = [one for one in (team.robert.reader(), team.salma.reader()) if one.alias != alias]
    recovery = [team.paper.reader()] if alias != "paper-1" else [Reader(alias, false.recipient, None)]
    first = team.begin(
        readers=[*readers, *([false.reader()] if alias != "paper-1" else [])], recovery=recovery
    )
    who = team.salma if alias == "robert" else team.robert

    diary = team.read([one.text for one in first.comments], who)

    assert codes(diary) == [("unlisted-reader", 1)]
    assert alias in diary.findings[0].says


def test_a_dishonest_member_who_lets_an_outsider_in(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team = shelf.team
    friend = generate_identity("friend")
    shelf.rekey(team.salma, [team.robert, team.salma, friend])

    diary = team.read(shelf.texts(dress), head=shelf.head)

    assert codes(diary) == [("unlisted-reader", 5)]
    assert seqs(diary) == [2, 4]
    with pytest.raises(WriteRefused, match="could be read by somebody"):
        shelf.draft(team.robert)


@pytest.mark.usefixtures("on_both_hosts")
def test_a_strange_name_of_a_reader_is_not_repeated(shelf: Shelf) -> None:
    team = shelf.team
    odd = replace(generate_identity("x").reader(), alias="\x1b[2J\u202e eve")
    shelf.rekey(team.salma, [team.robert, team.salma, odd])

    (finding,) = shelf.read().findings

    assert finding.code == "unlisted-reader"
    assert finding.says.isprintable()
    assert "eve" not in finding.says


def test_a_swapped_roster(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """A keyring made from a roster that the desk never accepted: all of it opens, and nobody writes with it."""
    team = shelf.team
    mallory = generate_identity("mallory")
    shelf.rekey(team.salma, [team.robert, team.salma, mallory], roster_serial=4, roster_hash="cd" * 32)
    shelf.write(
        team.salma, "hello all", diary=shelf.read(team.salma, rosters=_also(team, "cd" * 32, mallory))
    )

    diary = team.read(shelf.texts(dress), head=shelf.head)
    assert codes(diary) == [("unknown-roster", 5)]
    assert "roster 4" in diary.findings[0].says
    assert seqs(diary) == [2, 4, 6]
    with pytest.raises(WriteRefused, match="roster"):
        shelf.draft(team.robert)
    with pytest.raises(WriteRefused, match="older"):
        shelf.ring(team.robert, [team.robert])
    knowing = shelf.read(rosters=_also(team, "cd" * 32))
    assert codes(knowing) == [("unlisted-reader", 5)]
    accepted = shelf.read(rosters=_also(team, "cd" * 32, mallory))
    assert codes(accepted) == []


def _also(team: Team, name: str, *more: Identity) -> dict[str, Sequence[Reader]]:
    listed = list(team.trust().rosters[ROSTER])
    return {ROSTER: listed, name: [*listed, *(one.reader() for one in more)]}


@pytest.mark.usefixtures("on_both_hosts")
def test_without_any_accepted_roster_every_keyring_says_so(shelf: Shelf, codes: Codes) -> None:
    assert codes(shelf.read(rosters={})) == [("unknown-roster", 1), ("unknown-roster", 3)]
    assert seqs(shelf.read(rosters={})) == [2, 4]


@pytest.mark.usefixtures("on_both_hosts")
def test_going_back_to_an_older_accepted_roster(shelf: Shelf, codes: Codes) -> None:
    """Quentin had to leave with roster 4. Salma's desk, or somebody with her keys, uses roster 3 again."""
    team = shelf.team
    rosters = _also(team, "cd" * 32)
    shelf.rekey(team.robert, [team.robert, team.salma], roster_serial=4, roster_hash="cd" * 32)
    pen = pen_of(shelf, team.salma)
    made = pen.rekey(team.salma, [team.robert.reader(), team.salma.reader(), team.quentin.reader()])
    shelf.made.append(made)

    diary = shelf.read(rosters=rosters)

    assert codes(diary) == [("older-roster", 6)]
    assert not diary.vouched


@pytest.mark.usefixtures("on_both_hosts")
def test_a_rekey_from_a_newer_roster_than_the_desk_has_can_not_be_undone_by_it(shelf: Shelf) -> None:
    team = shelf.team
    shelf.rekey(team.salma, [team.robert, team.salma], roster_serial=4, roster_hash="cd" * 32)

    with pytest.raises(WriteRefused, match="older"):
        shelf.ring(team.robert, [team.robert, team.quentin])

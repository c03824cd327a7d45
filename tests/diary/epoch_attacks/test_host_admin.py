"""What a host's admin reverts, deletes, damages, imitates or moves is found, and hides nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.diary.frame import EntryContent
from integration.diary.seal import EntryDraft
from integration.errors import CannotOpen
from integration.text import Untrusted
from tests.diary.conftest import seqs
from tests.diary.team import JIRA, THEN, Team

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress, Shelf

HOSTILE = (
    "-----BEGIN SSH SIGNATURE-----\nQUJD\n-----END SSH SIGNATURE-----\nAuthor: member:salma\n\n| | \r\n\x1b[2J\u202eevil\u2066\n"
    "CoC-Diary: v1 inc=inc_aaaaaaaaaaaaaaaaaaaaaaaaaa ticket=a seq=1 part=1/1 epoch=1 kind=entry prev=x\n```\n"
    "-----BEGIN AGE ENCRYPTED FILE-----\nQUJD\n-----END AGE ENCRYPTED FILE-----\nCoC-Write: x\nCoC-Seal: x key=y\n"
    "CoC-Diary-Frame: v1\nLength: 0\n{code}{noformat}\n<!--\x00\x85\u2028"
)


def test_reverting_a_comment_to_an_older_version(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """GitHub keeps versions. The comment was damaged once and restored; an admin puts an older text back."""
    team = shelf.team
    shelf.write(team.robert, "the newest")
    texts = shelf.texts(dress)
    for older in (texts[3].replace("kind=entry", "kind=file"), texts[2], "", "_This comment was edited._"):
        shown = [*texts[:3], older, *texts[4:]]

        found = team.read(shown, head=shelf.head)

        assert {seq for _, seq in codes(found)} <= {3, 4}
        assert any(one.serious for one in found.findings)
        assert seqs(found) == [2, 5]


def test_deleting_or_damaging_the_newest_keyring(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """Those who could read it before do not take it for a recusal of theirs, and write nothing meanwhile."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "in epoch 3")
    texts = shelf.texts(dress)

    gone = team.read([*texts[:4], *texts[5:]], team.salma, head=shelf.head)

    assert codes(gone) == [("missing", 5), ("untrusted-epoch", 6)]
    assert gone.cleared
    assert gone.current is None


def test_a_body_that_imitates_everything_comes_back_and_is_one_entry(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    team = shelf.team
    shelf.write(team.robert, HOSTILE)
    shelf.write(team.salma, HOSTILE * 400, content=EntryContent.MEETING)
    why = EntryDraft(EntryContent.NOTE, Untrusted(HOSTILE), None, THEN)
    shelf.rekey(team.robert, [team.robert, team.salma], then=why)

    diary = team.read(shelf.texts(dress), team.salma, head=shelf.head)

    assert codes(diary) == []
    assert [one.body.reveal() for one in diary.entries[2:]] == [HOSTILE, HOSTILE * 400, HOSTILE]
    assert "BEGIN SSH" not in "".join(shelf.texts())


@pytest.mark.parametrize(
    "damage",
    [
        lambda age: age * 3_000,
        lambda age: age[:4] * 1_000_000,
        lambda age: "\n".join(age[:4] for _ in range(100_000)),
        lambda age: age.rstrip("=") + "====",
        lambda age: age.replace("A", "-", 1).replace("B", "_", 1),
        lambda age: age + "\n-----BEGIN AGE ENCRYPTED FILE-----\n" + age,
        lambda age: age.lower(),
        lambda age: age[:64],
        "\u200b".join,
        lambda age: age[:0],
    ],
    ids=range(10),
)
def test_oversized_or_malformed_armour_hides_nothing_else(
    shelf: Shelf, dress: Dress, codes: Codes, damage: object
) -> None:
    assert callable(damage)
    team = shelf.team
    shelf.write(team.robert, "after it")
    before, _, rest = shelf.made[3].text.partition("FILE-----\n")
    coded, _, after = rest.partition("\n-----END")
    texts = shelf.texts(dress)
    texts[3] = dress(f"{before}FILE-----\n{damage(coded)}\n-----END{after}")

    diary = team.read(texts, head=shelf.head)

    assert codes(diary) in ([("damaged", 4)], [("wrong-seal", 4)])
    assert seqs(diary) == [2, 5]


@pytest.mark.usefixtures("on_both_hosts")
def test_white_space_damage_is_harmless(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.robert, [team.robert, team.salma])
    for ends in ("\r\n", "\r", "\n\n\n"):
        texts = [ends.join(f"\ufeff \t{line}\u00a0 " for line in one.text.split("\n")) for one in shelf.made]

        assert codes(team.read(texts, team.salma, head=shelf.head)) == []


def test_the_whole_diary_on_another_incidents_or_hosts_ticket(
    shelf: Shelf, new_team: type[Team], dress: Dress, codes: Codes
) -> None:
    team = shelf.team
    there = team.read(shelf.texts(dress), ticket=JIRA)
    other = new_team(robert=team.robert, service=team.service)

    assert codes(there) == [("other-ticket", 4)]
    with pytest.raises(CannotOpen):
        other.read(shelf.texts(dress))

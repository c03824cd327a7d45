"""Whoever has the seal key, or the service, passes no words for a member's and rewrites no history unseen.

Numbers of entries are those of the fixture ``story``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.diary.chain import Head
from integration.diary.comment import CommentId, Link, find_comments
from integration.diary.frame import EntryContent
from integration.diary.keys import generate_identity, new_service_key
from tests.diary.conftest import WHOLE, seqs

if TYPE_CHECKING:
    from integration.text import SealedText
    from tests.diary.conftest import Codes, Dress, Story
    from tests.diary.team import Team


@pytest.mark.usefixtures("on_both_hosts")
def test_replaying_an_entry_in_another_place_with_a_stolen_seal_key(story: Story, codes: Codes) -> None:
    """The ciphertext of entry 3 is put after entry 7, newly sealed."""
    old = find_comments(story.made[4].text)[0]
    made = _again(story, old.age, epoch=2)

    diary = story.team.read([*story.texts(), made])

    assert codes(diary) == [("misplaced", 8)]
    assert seqs(diary) == WHOLE


def _again(story: Story, age: bytes, *, epoch: int) -> str:
    """Any age file as the next comment, with a good seal and a good writing key."""
    place, newest = CommentId(story.head.seq + 1, 1), story.pen.ring.newest
    outside = {
        "incident": story.team.incident, "ticket": story.team.ticket, "place": place, "parts": 1, "epoch": epoch,
        "kind": "entry", "prev": story.head.link,
    }  # fmt: skip
    text: SealedText = story.pen._finish(
        outside, None, age, newest.write_secret, story.team.service, keep=False
    ).text
    return text


@pytest.mark.usefixtures("on_both_hosts")
def test_an_entry_of_another_incident_wrapped_anew_for_this_one(
    story: Story, new_team: type[Team], codes: Codes
) -> None:
    """A dishonest reader of both takes a colleague's signed words from one incident into another."""
    team = story.team
    made = story.pen.write(team.salma, "Yes, I did that.", frame={"incident": new_team().incident})

    diary = team.read([*story.texts(), made.text])

    assert codes(diary) == [("misplaced", 8)]


@pytest.mark.usefixtures("on_both_hosts")
@pytest.mark.parametrize(
    ("frame", "what"),
    [
        ({"ticket": "github:acme/other#1"}, "the ticket"),
        ({"id": CommentId(7, 1)}, "the number"),
        ({"parts": 2}, "the number of parts"),
        ({"prev": Link("A" * 43)}, "the comment before"),
        ({"epoch": 1}, "the epoch"),
        ({"recipient": generate_identity("x").recipient}, "the epoch's key"),
    ],
)
def test_a_frame_for_another_place(story: Story, codes: Codes, frame: dict[str, Any], what: str) -> None:
    made = story.pen.write(story.team.robert, frame=frame)

    diary = story.team.read([*story.texts(), made.text])

    assert codes(diary) == [("misplaced", 8)]
    assert what in diary.findings[0].says


def test_forging_an_author(story: Story, dress: Dress, codes: Codes) -> None:
    """With the seal key, the epoch's public key and even the writing key: robert's signature is still not there."""
    mallory = generate_identity("robert")
    made = story.pen.write(mallory, "I saw nothing.")

    diary = story.team.read([*story.texts(dress), dress(made.text)])

    assert codes(diary) == [("forged-author", 8)]
    assert seqs(diary) == WHOLE


@pytest.mark.usefixtures("on_both_hosts")
def test_a_member_writing_in_a_colleagues_name(story: Story, codes: Codes) -> None:
    made = story.pen.write(story.team.salma, "I quit.", frame={"author": "member:robert"})

    assert codes(story.team.read([*story.texts(), made.text])) == [("forged-author", 8)]


def test_a_seal_of_another_key(story: Story, dress: Dress, codes: Codes) -> None:
    thief = new_service_key(story.team.service.id)
    unknown = new_service_key("svc-1999")
    forged = story.pen.write(story.team.robert, seal_with=thief, keep=False)
    strange = story.pen.write(story.team.robert, seal_with=unknown, keep=False)

    for made, code in ((forged, "wrong-seal"), (strange, "unknown-seal-key")):
        diary = story.team.read([*story.texts(dress), dress(made.text)])

        assert codes(diary) == [(code, 8)]
        # Robert did write it: his signature speaks for the words, the finding says that the seal does not.
        assert seqs(diary) == [*WHOLE, 8]


def test_an_outsider_with_only_public_keys(story: Story, dress: Dress, codes: Codes) -> None:
    outsider = generate_identity("robert")
    made = story.pen.write(outsider, seal_with=new_service_key("svc-2026a"), write_secret=None)

    diary = story.team.read([*story.texts(dress), dress(made.text)])

    assert codes(diary) == [("wrong-seal", 8)]
    assert seqs(diary) == WHOLE
    assert diary.head == Head(story.team.incident, 7, 1, story.made[-1].link)


@pytest.mark.usefixtures("on_both_hosts")
def test_an_outsider_cannot_make_a_gap_with_a_huge_number(story: Story, codes: Codes) -> None:
    made = story.pen.write(
        generate_identity("robert"),
        seal_with=new_service_key("svc-2026a"),
        plain={"place": CommentId(999_999_999, 1)},
    )

    assert codes(story.team.read([*story.texts(), made.text])) == [("wrong-seal", 999_999_999)]


def test_the_service_writing_two_histories(story: Story, dress: Dress, codes: Codes) -> None:
    pen = replace(
        story.pen, head=Head(story.team.incident, 6, 1, story.made[5].link)
    )  # before the last entry
    other = pen.write(story.team.robert, "Another last note.")

    both = story.team.read([*story.texts(dress), dress(other.text)], head=story.head)
    swapped = story.team.read([*story.texts(dress)[:-1], dress(other.text)], head=story.head)

    assert codes(both) == [("fork", 7)]
    assert codes(swapped) == [("rewritten", 7)]


@pytest.mark.usefixtures("on_both_hosts")
def test_the_service_cutting_and_going_on_is_found_by_the_remembered_head(story: Story, codes: Codes) -> None:
    pen = replace(story.pen, head=Head(story.team.incident, 5, 1, story.made[4].link))
    new = [pen.write(story.team.robert, f"new {n}") for n in range(3)]
    texts = [*story.texts()[:5], *(one.text for one in new)]

    assert codes(story.team.read(texts)) == []
    assert codes(story.team.read(texts, head=story.head)) == [("rewritten", 7)]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_chain_that_does_not_hang_together(story: Story, codes: Codes) -> None:
    story.pen.head = replace(story.head, link=Link("B" * 42 + "A"))
    made = story.pen.write(story.team.robert)

    assert codes(story.team.read([*story.texts(), made.text])) == [("broken-chain", 8)]


def test_a_hacked_service_opening_an_epoch_with_its_own_key(story: Story, dress: Dress, codes: Codes) -> None:
    """It wraps to everybody and to itself. It has neither the writing key nor a member's signature."""
    team = story.team
    spy = generate_identity("spy")
    readers = [team.robert.reader(), team.salma.reader(), spy.reader()]
    before = story.pen.ring
    own = story.pen.rekey(team.service, readers, write_secret=None)
    entry = story.pen.write(team.service, "caught", content=EntryContent.REPORT, write_secret=None)
    story.pen.ring = before

    diary = team.read([*story.texts(dress), dress(own.text), dress(entry.text)])

    assert codes(diary) == [("forged-keyring", 8), ("untrusted-epoch", 9)]
    assert seqs(diary) == WHOLE
    assert diary.keyring is not None
    assert diary.keyring.newest.epoch.number == 2


@pytest.mark.usefixtures("on_both_hosts")
def test_a_service_that_kept_epoch_1_cannot_open_the_next(team: Team, codes: Codes) -> None:
    """It has the writing key then, but no reader's signature."""
    first = team.begin()
    pen = team.pen(first)
    spy = generate_identity("robert")
    made = pen.rekey(spy, [team.robert.reader(), spy.reader()])

    diary = team.read([*(one.text for one in first.comments), made.text])

    assert codes(diary) == [("forged-author", 3)]
    assert seqs(diary) == [2]


@pytest.mark.usefixtures("on_both_hosts")
def test_the_service_cannot_pass_its_words_for_a_members_decision(story: Story, codes: Codes) -> None:
    made = story.pen.write(story.team.service, "dropped", content=EntryContent.DECISION, write_secret=None)

    assert codes(story.team.read([*story.texts(), made.text])) == [("not-a-writer", 8)]

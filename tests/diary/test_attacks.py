"""Every attack we could think of, on both hosts' comment styles: each must be found, and hide nothing else.

Numbers of entries are those of the fixture ``story``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.diary.chain import Head
from integration.diary.comment import CommentId, Link, find_comments
from integration.diary.frame import EntryContent
from integration.diary.keys import Reader, generate_identity, new_service_key
from integration.errors import CannotOpen

if TYPE_CHECKING:
    from integration.diary.open import Diary
    from integration.text import SealedText
    from tests.diary.conftest import Codes, Dress, Story
    from tests.diary.team import Team

WHOLE = [2, 3, 5, 6, 7]


def seqs(diary: Diary) -> list[int]:
    return [entry.seq for entry in diary.entries]


def test_a_diary_that_nobody_touched_has_no_findings(story: Story, dress: Dress) -> None:
    diary = story.team.read(story.texts(dress), head=story.head)

    assert diary.findings == ()
    assert seqs(diary) == WHOLE
    assert [entry.body.reveal() for entry in diary.entries] == [
        "The whole report.", "I called them.", "We met.", "We decided.", "The last note.",
    ]  # fmt: skip
    assert [entry.author for entry in diary.entries] == [
        "service:svc-2026a", "member:robert", "member:salma", "member:robert", "member:robert",
    ]  # fmt: skip
    assert diary.head == story.head
    assert diary.cleared


# What a host's admin can do ---------------------------------------------------------------------


@pytest.mark.parametrize("seq", [2, 3, 5, 6])
def test_deleting_in_the_middle(story: Story, dress: Dress, codes: Codes, seq: int) -> None:
    texts = story.texts(dress)
    del texts[seq - 1]

    diary = story.team.read(texts, head=story.head)

    assert codes(diary) == [("missing", seq)]
    assert seqs(diary) == [one for one in WHOLE if one != seq]


def test_deleting_a_keyring_hides_nothing_from_those_in_a_later_one(
    story: Story, dress: Dress, codes: Codes
) -> None:
    diary = story.team.read(story.texts(dress)[1:], head=story.head)

    assert codes(diary) == [("missing", 1)]
    assert seqs(diary) == WHOLE


def test_deleting_the_newest_is_found_by_who_remembers_the_head(
    story: Story, dress: Dress, codes: Codes
) -> None:
    texts = story.texts(dress)[:-2]

    assert codes(story.team.read(texts, head=story.head)) == [("missing-newest", 7)]
    assert codes(story.team.read(texts)) == []  # nothing inside a ticket can show it: heads are kept outside


@pytest.mark.usefixtures("on_both_hosts")
def test_deleting_everything_is_found_by_who_remembers_the_head(story: Story, codes: Codes) -> None:
    diary = story.team.read(["hello"], head=story.head)

    assert codes(diary) == [("missing-newest", 7)]
    assert diary.entries == ()
    assert not diary.cleared


@pytest.mark.usefixtures("on_both_hosts")
def test_without_a_head_everything_deleted_reads_like_a_diary_that_never_was(story: Story) -> None:
    with pytest.raises(CannotOpen) as gone:
        story.team.read([])
    with pytest.raises(CannotOpen) as not_cleared:
        story.team.read(story.texts(), story.team.quentin)

    assert str(gone.value) == str(not_cleared.value)


def test_reordering_is_said_and_harmless(story: Story, dress: Dress, codes: Codes) -> None:
    texts = story.texts(dress)
    texts[4], texts[5] = texts[5], texts[4]

    diary = story.team.read(texts, head=story.head)

    assert codes(diary) == [("reordered", 5)]
    assert not diary.findings[0].serious
    assert seqs(diary) == WHOLE


def test_doubling_is_said_and_harmless(story: Story, dress: Dress, codes: Codes) -> None:
    texts = [*story.texts(dress), dress(story.made[2].text)]

    diary = story.team.read(texts, head=story.head)

    assert codes(diary) == [("duplicate", 3)]
    assert not diary.findings[0].serious
    assert seqs(diary) == WHOLE


def test_one_letter_changed_in_the_ciphertext(story: Story, dress: Dress, codes: Codes) -> None:
    texts = story.texts()
    lines = texts[4].split("\n")
    lines[5] = ("A" if lines[5][0] != "A" else "B") + lines[5][1:]
    texts[4] = "\n".join(lines)

    diary = story.team.read([dress(text) for text in texts], head=story.head)

    assert codes(diary) == [("wrong-seal", 5)]
    assert seqs(diary) == [2, 3, 6, 7]


@pytest.mark.usefixtures("on_both_hosts")
def test_every_line_of_a_comment_is_protected(story: Story, codes: Codes) -> None:
    """One character of each line is changed, one after another; white space around lines is not counted."""
    lines = story.made[4].text.split("\n")
    for number, line in enumerate(lines):
        changed = [*lines]
        changed[number] = ("A" if line[0] != "A" else "B") + line[1:]
        texts = [*story.texts()[:4], "\n".join(changed), *story.texts()[5:]]

        diary = story.team.read(texts, head=story.head)

        assert any(one.serious for one in diary.findings), line
        assert {seq for _, seq in codes(diary)} <= {0, 5}, line
        assert [one for one in seqs(diary) if one != 5] == [2, 3, 6, 7], line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seq=5", "seq=9", [("missing", 5), ("wrong-seal", 9)]),
        ("seq=5", "seq=6", [("missing", 5), ("stray", 6)]),
        ("epoch=2", "epoch=1", [("wrong-seal", 5)]),
        ("part=1/1", "part=1/2", [("wrong-seal", 5)]),
        ("kind=entry", "kind=file", [("wrong-seal", 5)]),
        ("kind=entry", "kind=keyring", [("damaged", 5)]),
        ("acme/conduct#17", "acme/conduct#18", [("wrong-seal", 5)]),
    ],
)
def test_editing_the_plain_line(
    story: Story, dress: Dress, codes: Codes, old: str, new: str, expected: list[tuple[str, int]]
) -> None:
    texts = story.texts(dress)
    texts[4] = texts[4].replace(old, new, 1)

    diary = story.team.read(texts, head=story.head)

    assert sorted(codes(diary)) == sorted(expected)
    assert seqs(diary) == [2, 3, 6, 7]


def test_taking_the_seal_or_the_write_line_away(story: Story, dress: Dress, codes: Codes) -> None:
    texts = story.texts(dress)
    without_seal = [re.sub(r"CoC-Seal:.*", "", text) if n == 4 else text for n, text in enumerate(texts)]
    without_write = [re.sub(r"CoC-Write:.*", "", text) if n == 4 else text for n, text in enumerate(texts)]

    assert codes(story.team.read(without_seal, head=story.head)) == [("damaged", 5)]
    assert codes(story.team.read(without_write, head=story.head)) == [("wrong-seal", 5)]


def test_an_older_version_in_the_place_of_a_newer_one(story: Story, dress: Dress, codes: Codes) -> None:
    texts = story.texts(dress)
    texts[5] = texts[4]

    diary = story.team.read(texts, head=story.head)

    assert codes(diary) == [("duplicate", 5), ("missing", 6)]
    assert seqs(diary) == [2, 3, 5, 7]


def test_cutting_a_comment_off(story: Story, dress: Dress) -> None:
    for keep in (0.1, 0.5, 0.9):
        texts = story.texts(dress)
        texts[6] = texts[6][: int(len(texts[6]) * keep)]

        diary = story.team.read(texts, head=story.head)

        assert {one.comment.seq for one in diary.findings if one.comment} <= {7}
        assert any(one.serious for one in diary.findings)
        assert seqs(diary) == [2, 3, 5, 6]


@pytest.mark.usefixtures("on_both_hosts")
def test_white_space_damage_by_a_web_editor_is_harmless(story: Story, codes: Codes) -> None:
    def mangle(text: str) -> str:
        text = text.replace("-----BEGIN AGE", "\n\n-----BEGIN AGE")
        return "".join(f"  {line}\t \r\n\r\n" for line in text.split("\n"))

    def rewrap(text: str) -> str:
        head, rest = text.split("-----BEGIN AGE ENCRYPTED FILE-----\n")
        coded, tail = rest.split("\n-----END")
        coded = coded.replace("\n", "")
        wrapped = "\n".join(coded[at : at + 40] for at in range(0, len(coded), 40))
        return f"{head}-----BEGIN AGE ENCRYPTED FILE-----\n{wrapped}\n-----END{tail}"

    for damage in (mangle, rewrap):
        diary = story.team.read([damage(text) for text in story.texts()], head=story.head)

        assert codes(diary) == []
        assert seqs(diary) == WHOLE


def test_all_comments_pasted_into_one_are_still_the_diary(story: Story, dress: Dress, codes: Codes) -> None:
    diary = story.team.read(["\n\n".join(story.texts(dress))], head=story.head)

    assert codes(diary) == []
    assert seqs(diary) == WHOLE


def test_replaying_another_incidents_comment(
    story: Story, new_team: type[Team], dress: Dress, codes: Codes
) -> None:
    other = new_team(robert=story.team.robert, service=story.team.service)
    foreign = [dress(one.text) for one in other.begin().comments]

    diary = story.team.read([*story.texts(dress), foreign[1]], head=story.head)

    assert codes(diary) == [("other-incident", 0)]
    assert seqs(diary) == WHOLE


def test_replaying_the_diary_on_the_other_hosts_ticket(story: Story, dress: Dress, codes: Codes) -> None:
    diary = story.team.read(story.texts(dress), ticket="jira:acme.atlassian.net/10042")

    assert codes(diary) == [("other-ticket", 7)]


# What somebody with a stolen seal key, or a service that was taken over, can do --------------------


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


# What a member who is not cleared (any more) can do ------------------------------------------------


@pytest.mark.usefixtures("on_both_hosts")
def test_never_cleared_opens_nothing(story: Story) -> None:
    with pytest.raises(CannotOpen):
        story.team.read(story.texts(), story.team.quentin)


def _without_salma(story: Story) -> list[str]:
    team = story.team
    made = story.pen.rekey(team.robert, [team.robert.reader(), team.paper.reader()])
    after = story.pen.write(team.robert, "Salma is recused.")
    return [*story.texts(), made.text, after.text]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_reads_nothing_that_was_written_after(story: Story, codes: Codes) -> None:
    texts = _without_salma(story)

    theirs, ours = story.team.read(texts, story.team.salma), story.team.read(texts)

    assert seqs(theirs) == WHOLE
    assert codes(theirs) == [("not-cleared", 8)]
    assert not theirs.cleared
    assert seqs(ours) == [*WHOLE, 9]
    assert codes(ours) == []


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_writing_in_the_new_epoch(story: Story, codes: Codes) -> None:
    texts = _without_salma(story)
    made = story.pen.write(story.team.salma, "still here", write_secret=None)

    assert codes(story.team.read([*texts, made.text])) == [("not-a-writer", 10)]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_writing_in_the_old_epoch(story: Story, codes: Codes) -> None:
    old = story.pen.ring.newest
    texts = _without_salma(story)
    made = story.pen.write(story.team.salma, "still here", epoch=old.epoch, write_secret=old.write_secret)

    assert codes(story.team.read([*texts, made.text])) == [("old-epoch", 10)]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_re_admitting_herself(story: Story, codes: Codes) -> None:
    old = story.pen.ring
    texts = _without_salma(story)
    now = story.pen.ring
    readers = [story.team.robert.reader(), story.team.salma.reader()]
    head = story.pen.head
    story.pen.ring = old
    third = story.pen.rekey(story.team.salma, readers)  # says it follows epoch 2
    story.pen.head, story.pen.ring = head, old
    fourth = story.pen.rekey(story.team.salma, readers, number=4, history=[*now.epochs])

    assert codes(story.team.read([*texts, third.text])) == [("forged-keyring", 10)]
    assert codes(story.team.read([*texts, fourth.text])) == [("forged-keyring", 10)]
    assert seqs(story.team.read([*texts, fourth.text])) == [*WHOLE, 9]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_former_reader_wrapping_an_old_epochs_words_again(story: Story, codes: Codes) -> None:
    """A keyring that tells another story of the past: salma claims that quentin was a reader of epoch 2."""
    team = story.team
    past = story.pen.ring.epochs
    false = [replace(past[0], readers=(*past[0].readers, team.quentin.reader())), *past[1:]]
    made = story.pen.rekey(team.salma, [team.robert.reader(), team.quentin.reader()], history=false)

    diary = team.read([*story.texts(), made.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert "another story of epoch 2" in diary.findings[0].says


@pytest.mark.usefixtures("on_both_hosts")
def test_a_keyring_whose_clear_line_names_other_keys(story: Story, codes: Codes) -> None:
    false = replace(story.pen.ring.epochs[1].epoch, number=3)
    made = story.pen.rekey(story.team.salma, [story.team.robert.reader()], named=false, frame={"epoch": 3})

    assert codes(story.team.read([*story.texts(), made.text])) == [("forged-keyring", 8)]


@pytest.mark.usefixtures("on_both_hosts")
def test_an_author_whose_key_is_not_in_the_pinned_roster(story: Story, codes: Codes) -> None:
    """The keyring says it is robert's key. A desk believes only the roster it has accepted."""
    team = story.team
    imposter = generate_identity("robert")
    rekey = story.pen.rekey(team.salma, [team.salma.reader(), imposter.reader(), team.robert.reader()])
    made = story.pen.write(imposter, "I confess.")

    diary = team.read([*story.texts(), rekey.text, made.text])

    assert codes(diary) == [("unlisted-reader", 8), ("unknown-author", 9)]


@pytest.mark.usefixtures("on_both_hosts")
def test_entries_of_a_former_member_count_if_an_accepted_roster_had_their_key(story: Story) -> None:
    team = story.team
    now = {"robert": team.robert.signing_key}

    without = team.read(story.texts(), members=now)
    with_former = team.read(story.texts(), members=now, former={"salma": (team.salma.signing_key,)})

    assert seqs(without) == [2, 3, 6, 7]
    assert seqs(with_former) == WHOLE


@pytest.mark.usefixtures("on_both_hosts")
def test_a_reader_without_a_signing_key_cannot_write(story: Story, codes: Codes) -> None:
    ghost = generate_identity("paper-1")
    made = story.pen.write(ghost, "boo")

    assert codes(story.team.read([*story.texts(), made.text])) == [("not-a-writer", 8)]


@pytest.mark.usefixtures("on_both_hosts")
def test_readers_of_a_keyring_are_as_they_were_listed(story: Story) -> None:
    diary = story.team.read(story.texts())

    assert diary.keyring is not None
    assert [one.alias for one in diary.keyring.newest.readers] == ["robert", "salma", "paper-1"]
    assert diary.keyring.newest.readers[2] == Reader("paper-1", story.team.paper.reader().recipient, None)


@pytest.mark.usefixtures("on_both_hosts")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 6), place=st.floats(0, 1), cut=st.integers(0, 200), put=st.text(max_size=30))
def test_no_edit_of_one_comment_raises_or_hides_another_or_changes_a_word(
    story: Story, which: int, place: float, cut: int, put: str
) -> None:
    """The diary of ``story`` is only read here, so one serves all examples.

    The place is a fraction: ciphertexts differ in length from run to run, and what is drawn must not.
    """
    texts = story.texts()
    text = texts[which]
    start = int(place * len(text))
    texts[which] = text[:start] + put + text[start + cut :]

    diary = story.team.read(texts, head=story.head)

    whole = {entry.seq: entry for entry in story.team.read(story.texts()).entries}
    assert all(whole[entry.seq] == entry for entry in diary.entries)
    lost = set(whole) - {entry.seq for entry in diary.entries}
    if which != 3:  # keyring 4: whoever breaks that hides what was written in its epoch, and it is said
        assert lost <= {which + 1}
    for seq in lost:
        assert any(one.comment and one.comment.seq == seq for one in diary.findings) or any(
            one.code == "damaged" for one in diary.findings
        )

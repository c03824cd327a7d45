"""Whatever a host's admin does to comments is found, and hides or changes nothing else.

Numbers of entries are those of the fixture ``story``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.errors import CannotOpen
from tests.diary.conftest import WHOLE, seqs

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress, Story
    from tests.diary.team import Team


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

"""Reading: later epochs, recovery, redaction, a moved diary, and entries that are not whole."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.diary.comment import CommentId, find_comments
from integration.diary.findings import CODES, finding
from integration.diary.frame import EntryContent
from integration.diary.keys import generate_identity
from integration.errors import CannotOpen

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Story
    from tests.diary.team import Team

JIRA = "jira:acme.atlassian.net/10042"


def test_who_is_cleared_later_reads_from_the_beginning(story: Story, codes: Codes) -> None:
    team = story.team
    made = story.pen.rekey(team.salma, [team.robert.reader(), team.salma.reader(), team.quentin.reader()])
    after = story.pen.write(team.quentin, "I am in.")
    texts = [*story.texts(), made.text, after.text]

    diary = team.read(texts, team.quentin)

    assert codes(diary) == []
    assert [entry.seq for entry in diary.entries] == [2, 3, 5, 6, 7, 9]
    assert diary.entries[-1].author == "member:quentin"
    assert diary.keyring is not None
    assert [one.epoch.number for one in diary.keyring.epochs] == [3, 2, 1]
    assert [one.write_secret is None for one in diary.keyring.epochs] == [False, True, True]


def test_a_keyring_shows_no_secret_when_it_is_printed(story: Story) -> None:
    diary = story.team.read(story.texts())

    assert diary.keyring is not None
    for secret in (diary.keyring.newest.read_secret, diary.keyring.newest.write_secret or ""):
        assert secret not in repr(diary)
        assert secret not in repr(diary.keyring)


def test_a_recovery_key_opens_the_next_epoch_in_a_members_name_and_it_is_said(
    story: Story, codes: Codes
) -> None:
    """Everybody cleared is gone; quentin borrows paper-1."""
    team = story.team
    made = story.pen.rekey(team.quentin, [team.quentin.reader()], frame={"recovery": "paper-1"})
    after = story.pen.write(team.quentin, "I took over.")

    diary = team.read([*story.texts(), made.text, after.text], team.quentin)

    assert codes(diary) == [("recovery-used", 8)]
    assert not diary.findings[0].serious
    assert "paper-1" in diary.findings[0].says
    assert [entry.seq for entry in diary.entries] == [2, 3, 5, 6, 7, 9]


@pytest.mark.parametrize("name", ["paper-2", "robert"])
def test_a_recovery_key_must_be_one_of_the_epoch_before(story: Story, codes: Codes, name: str) -> None:
    made = story.pen.rekey(
        story.team.quentin, [story.team.robert.reader()], frame={"recovery": name}, keep=False
    )

    assert codes(story.team.read([*story.texts(), made.text])) == [("forged-keyring", 8)]


def test_a_redaction_accounts_for_what_was_removed(story: Story, codes: Codes) -> None:
    gone = [story.made[4], story.made[5]]
    why = story.pen.write(
        story.team.robert, "Erased by law.", content=EntryContent.REDACTION,
        frame={"redacts": tuple((one.id, one.link) for one in gone)},
    )  # fmt: skip
    kept = [one.text for one in story.made if one not in gone]

    diary = story.team.read([*kept, why.text], head=story.head)

    assert codes(diary) == [("redacted", 5)]
    assert not diary.findings[0].serious
    assert [entry.seq for entry in diary.entries] == [2, 3, 7, 8]


def test_what_was_redacted_is_not_shown_though_it_came_back(story: Story, codes: Codes) -> None:
    """Erasing was cut off, or somebody posted it from a copy."""
    gone = story.made[4]
    why = story.pen.write(
        story.team.robert, "Erased by law.", content=EntryContent.REDACTION, frame={"redacts": ((gone.id, gone.link),)}
    )  # fmt: skip

    diary = story.team.read([*story.texts(), why.text], head=story.head)

    assert codes(diary) == [("not-erased", 5)]
    assert [entry.seq for entry in diary.entries] == [2, 3, 6, 7, 8]
    assert diary.redacted == {gone.id: 8}


def test_a_redaction_takes_no_keyring_and_no_other_comment_away(story: Story, codes: Codes) -> None:
    ring, other = story.made[3], story.made[4]
    named = ((ring.id, ring.link), (other.id, story.made[5].link))
    why = story.pen.write(
        story.team.salma, "away with it", content=EntryContent.REDACTION, frame={"redacts": named}
    )

    whole = story.team.read([*story.texts(), why.text], head=story.head)
    deleted = story.team.read([*story.texts()[:3], *story.texts()[4:], why.text], head=story.head)

    assert codes(whole) == []
    assert [entry.seq for entry in whole.entries] == [2, 3, 5, 6, 7, 8]
    assert whole.redacted == {}
    assert deleted.current is None, "without keyring 4, nobody writes"


def test_a_damaged_copy_beside_the_restored_comment_is_said_and_harmless(story: Story, codes: Codes) -> None:
    damaged = story.made[4].text.replace("epoch=2", "epoch=1", 1)
    cut = story.made[5].text[:400]

    diary = story.team.read([*story.texts(), damaged, cut], head=story.head)

    assert codes(diary) == [("stray", 5), ("stray", 6)]
    assert [one.serious for one in diary.findings] == [False, False]
    assert [entry.seq for entry in diary.entries] == [2, 3, 5, 6, 7]


def test_a_redaction_does_not_cover_what_it_does_not_name(story: Story, codes: Codes) -> None:
    gone = [story.made[4], story.made[5]]
    half = {"redacts": ((gone[1].id, gone[1].link),)}
    wrong = {"redacts": ((gone[0].id, gone[0].link), (gone[1].id, gone[0].link))}
    kept = [one.text for one in story.made if one not in gone]
    for frame in (half, wrong):
        why = story.pen.write(story.team.robert, content=EntryContent.REDACTION, frame=frame, keep=False)

        assert codes(story.team.read([*kept, why.text])) == [("missing", 5)]


def test_a_diary_that_a_member_moved_to_another_ticket(story: Story, codes: Codes) -> None:
    restored = story.texts()
    before = story.team.read(restored, ticket=JIRA)
    old = story.pen.ticket
    story.pen.ticket = JIRA
    moved = story.pen.write(story.team.robert, "Moved after a deletion.", frame={"moved_from": old})
    after = story.team.read([*restored, moved.text], ticket=JIRA)

    assert codes(before) == [("other-ticket", 7)]
    assert codes(after) == []
    assert after.ticket == JIRA


def test_a_move_that_only_the_service_tells_of_is_a_finding(story: Story, codes: Codes) -> None:
    old = story.pen.ticket
    story.pen.ticket = JIRA
    moved = story.pen.write(story.team.service, frame={"moved_from": old}, write_secret=None)

    assert codes(story.team.read([*story.texts(), moved.text], ticket=JIRA)) == [("other-ticket", 8)]


def test_an_entry_with_a_missing_part_is_shown_and_says_so(team: Team, codes: Codes) -> None:
    made = team.begin("A" * 20_000 + "B" * 20_000 + "C" * 20_000, part_bytes=20_003).comments
    texts = [one.text for one in made]
    head = team.pen(team.begin()).head
    assert [one.id for one in made] == [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4)]

    middle = team.read([*texts[:2], *texts[3:]])
    last = team.read(texts[:-1])

    assert codes(middle) == [("missing", 2)]
    assert "part 2 of entry 2" in middle.findings[0].says
    assert not middle.entries[0].complete
    assert "B" * 20_000 not in middle.entries[0].body.reveal()
    assert codes(last) == [("missing", 2)]
    assert not last.entries[0].complete
    assert head.seq == 2


def test_parts_that_do_not_belong_together(story: Story, codes: Codes) -> None:
    pen, team = story.pen, story.team
    place = {"place": CommentId(8, 1), "parts": 2}
    one = pen.write(team.robert, "first half", plain=place, frame={"parts": 2})
    other = {"place": CommentId(8, 2), "parts": 2}
    two = pen.write(team.salma, "of another", plain=other, frame={"id": CommentId(8, 2), "parts": 2})

    diary = team.read([*story.texts(), one.text, two.text])

    assert codes(diary) == [("parts-differ", 8)]
    assert diary.entries[-1].body.reveal() == "first half"
    assert not diary.entries[-1].complete


def test_a_damaged_keyring_says_so_for_each_entry_it_would_open(story: Story, codes: Codes) -> None:
    texts = story.texts()
    texts[3] = texts[3].replace("-----END AGE", "----END AGE")

    diary = story.team.read(texts)

    assert codes(diary) == [
        ("damaged", 4), ("untrusted-epoch", 5), ("untrusted-epoch", 6), ("untrusted-epoch", 7),
    ]  # fmt: skip
    assert [entry.seq for entry in diary.entries] == [2, 3]


def test_an_unopened_ticket_of_somebody_else_says_nothing_about_it(story: Story, team: Team) -> None:
    """The same words for: no diary, not cleared, another team's diary."""
    stranger = generate_identity("stranger")
    said = set()
    for texts, who in (
        ([], team.robert), (["no diary here"], team.robert), (story.texts(), stranger), (story.texts(), team.quentin),
    ):  # fmt: skip
        with pytest.raises(CannotOpen) as refused:
            story.team.read(texts, who)
        said.add(str(refused.value))

    assert len(said) == 1


def test_a_head_that_is_behind_is_no_finding(story: Story, codes: Codes) -> None:
    third = find_comments(story.made[2].text)[0]
    older = replace(story.head, seq=3, part=1, link=third.link)

    assert codes(story.team.read(story.texts(), head=older)) == []


def test_every_finding_is_explained_in_the_format_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "diary-format.md").read_text(encoding="utf-8")
    table = page[page.index("| finding | said of |") : page.index("Recipients of a next epoch")]

    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", table)) == CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_finding_names_its_place_and_says_what_it_means(code: str) -> None:
    found = finding(code, CommentId(8, 2), "something." if code == "not-a-frame" else "something")

    assert found.code == code
    assert found.says.endswith(".")
    assert "{" not in found.says
    assert len(found.means) > 20
    assert "entry 8, part 2" in found.says.lower() or "something" in found.says or code == "other-incident"

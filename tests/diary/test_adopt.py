"""What the service takes over from a ticket: exactly what continues its diary. One test for each refusal."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.diary import adopt as adopting
from integration.diary.adopt import Adopted, NotContinued, adopt
from integration.diary.comment import CommentId, CommentKind, SealedComment, find_comments
from integration.diary.frame import EntryContent
from integration.diary.keys import new_service_key
from integration.diary.seal import EntryDraft, open_first_epoch, seal_entry
from integration.text import SealedText, Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import GITHUB, JIRA, NOW, THEN, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.keys import Epoch


def take_over(shelf: Shelf, known: int, found: Sequence[SealedComment], **changes: Any) -> Adopted:  # noqa: ANN401 - any argument of adopt
    """Adopt what is found by a store that knows the first so many comments."""
    return adopt(
        [one.text for one in found],
        **{
            "known": shelf.made[:known], "incident": shelf.team.incident, "ticket": GITHUB,
            "epoch": epoch_after(shelf, known),
            "service_keys": {shelf.team.service.id: shelf.team.service.public_line}, **changes,
        },
    )  # fmt: skip


def epoch_after(shelf: Shelf, known: int) -> Epoch | None:
    parsed = [one for made in shelf.made[:known] for one in find_comments(made.text)]
    return next((one.opens for one in reversed(parsed) if one.opens is not None), None)


def refused(shelf: Shelf, known: int, found: Sequence[SealedComment], rule: str, **changes: Any) -> None:  # noqa: ANN401 - any argument of adopt
    with pytest.raises(NotContinued, match=rule) as error:
        take_over(shelf, known, found, **changes)
    assert error.value.rule in str(error.value)


@pytest.fixture
def long_life(shelf: Shelf) -> Shelf:
    """After the shelf's four comments: a report of the service, a third epoch, an entry in several parts."""
    shelf.made += report_of_the_service(shelf)
    shelf.rekey(shelf.team.robert, [shelf.team.robert])
    shelf.write(shelf.team.robert, "many words " * 5000)
    return shelf


def report_of_the_service(shelf: Shelf) -> tuple[SealedComment, ...]:
    return seal_entry(
        incident=shelf.team.incident, ticket=GITHUB, head=shelf.head, epoch=shelf.epoch,
        entry=EntryDraft(EntryContent.REPORT, Untrusted("and another thing"), None, THEN),
        service=shelf.team.service, now=NOW, part_bytes=20_480,
    )  # fmt: skip


def test_a_whole_diary_is_taken_over_from_whatever_was_known_of_it(long_life: Shelf) -> None:
    ends = [number for number, one in enumerate(long_life.made, 1) if one.id.part == one.parts]

    for known in [0, *ends]:
        adopted = take_over(long_life, known, list(reversed(long_life.made)))

        assert long_life.made[known:] == list(adopted.comments)
        opened = [one.number for one in adopted.epochs]
        assert {0: [1, 2, 3], 1: [2, 3], 2: [2, 3], 3: [3], 4: [3], 5: [3]}.get(known, []) == opened


def test_the_public_halves_of_new_epochs_are_taken_from_the_keyrings(long_life: Shelf) -> None:
    assert long_life.epoch == take_over(long_life, 0, long_life.made).epochs[-1]


def test_where_nothing_is_unknown_nothing_is_taken_over(long_life: Shelf) -> None:
    assert Adopted() == take_over(long_life, len(long_life.made), long_life.made)
    assert Adopted() == take_over(long_life, len(long_life.made), long_life.made[2:5])


def test_an_edited_copy_of_a_known_comment_is_left_out(long_life: Shelf) -> None:
    text = long_life.made[1].text
    at = text.index("-----BEGIN AGE") + 200
    edited = SealedText(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])

    adopted = take_over(long_life, 2, [replace(long_life.made[1], text=edited), *long_life.made[2:]])

    assert long_life.made[2:] == list(adopted.comments)


def test_a_gap_is_refused(long_life: Shelf) -> None:
    refused(long_life, 2, long_life.made[3:], "does not follow the one before it")


def test_an_end_without_all_its_parts_is_refused(long_life: Shelf) -> None:
    refused(long_life, 2, long_life.made[:-1], "lacks parts")


def test_a_damaged_comment_after_the_newest_is_refused(long_life: Shelf) -> None:
    refused(long_life, 2, long_life.made[:4], "is damaged", damaged=[CommentId(5, 1)])


def test_whoever_may_comment_cannot_stop_a_diary_that_is_known_to_its_end(long_life: Shelf) -> None:
    """A host's admin, perhaps the reported person, puts a block of their own after the newest comment."""
    foreign = new_service_key(long_life.team.service.id)
    theirs = Shelf(long_life.team, long_life.made[:4], long_life.epoch)
    theirs.team = replace(long_life.team, service=foreign)

    stranger = report_of_the_service(theirs)

    assert Adopted() == take_over(long_life, 4, [*long_life.made[:4], *stranger])
    assert Adopted() == take_over(long_life, 4, long_life.made[:4], damaged=[CommentId(5, 1)])


def test_a_damaged_copy_of_a_known_comment_is_nothing_new(long_life: Shelf) -> None:
    assert Adopted() == take_over(long_life, 2, long_life.made[:2], damaged=[CommentId(2, 1)])


def test_another_comment_in_a_known_place_is_refused(shelf: Shelf, team: Team) -> None:
    before = Shelf(team, shelf.made[:2], shelf.epoch)
    other = seal_entry(
        incident=team.incident, ticket=GITHUB, head=before.head, epoch=shelf.epoch,
        entry=EntryDraft(EntryContent.REPORT, Untrusted("another history"), None, THEN),
        service=team.service, now=NOW, part_bytes=20_480,
    )  # fmt: skip

    refused(shelf, 4, [*shelf.made, *other], "in the place of one that is known")


def test_two_comments_for_the_next_place_are_refused(shelf: Shelf) -> None:
    first, second = report_of_the_service(shelf), report_of_the_service(shelf)

    refused(shelf, 4, [*shelf.made, *first, *second], "does not follow the one before it")


def test_a_seal_that_the_roster_does_not_list_is_refused(shelf: Shelf) -> None:
    foreign = new_service_key("svc-other")

    refused(shelf, 0, shelf.made, "no good seal", service_keys={foreign.id: foreign.public_line})
    assert Adopted() == take_over(shelf, 2, shelf.made, service_keys={foreign.id: foreign.public_line})


def test_a_seal_with_another_key_under_the_services_name_is_refused(shelf: Shelf) -> None:
    foreign = new_service_key(shelf.team.service.id)

    refused(shelf, 0, shelf.made, "no good seal", service_keys={foreign.id: foreign.public_line})


def test_an_entry_without_the_writing_key_is_taken_for_the_services_own_and_a_keyring_is_not(
    shelf: Shelf,
) -> None:
    team = shelf.team
    pen = team.pen(team.begin())
    forged = pen.rekey(team.service, [team.quentin.reader()], write_secret=None)
    known = [*find_of(pen, forged)]

    with pytest.raises(NotContinued, match="lacks the signature"):
        adopt(
            [forged.text],
            known=known,
            incident=team.incident,
            ticket=GITHUB,
            epoch=replace(shelf.epoch, number=1),
            service_keys={team.service.id: team.service.public_line},
        )


def find_of(pen: Any, after: SealedComment) -> list[SealedComment]:  # noqa: ANN401 - a Pen
    """A known comment that the given one follows."""
    return [replace(after, id=CommentId(after.id.seq - 1, 1), link=after.prev, kind=CommentKind.ENTRY, ticket=pen.ticket, text=SealedText(""))]  # fmt: skip


def test_a_desks_entry_must_be_signed_with_the_key_of_its_epoch(long_life: Shelf) -> None:
    wrong = replace(long_life.epoch, number=2)

    refused(long_life, 4, long_life.made[-3:-2], "does not follow")
    refused(long_life, 2, long_life.made, "not signed with the writing key", epoch=replace(wrong, number=1))


def test_an_entry_of_an_epoch_that_is_over_is_refused(long_life: Shelf) -> None:
    at = next(n for n, one in enumerate(long_life.made) if one.epoch == 3)

    refused(
        long_life,
        at + 1,
        long_life.made,
        "not of the newest epoch",
        epoch=replace(long_life.epoch, number=4),
    )


def test_a_diary_begins_with_a_keyring_of_the_service(shelf: Shelf) -> None:
    pen = shelf.team.pen(shelf.team.begin())
    (entry,) = [pen.write(shelf.team.service, write_secret=None, plain={"place": CommentId(1, 1)})]

    refused(shelf, 0, [entry], "does not follow")
    refused(shelf, 0, shelf.made[1:], "does not follow")


def test_a_diary_that_was_begun_on_another_ticket_is_refused(team: Team) -> None:
    elsewhere = team.begin(ticket=JIRA)
    shelf = Shelf(team, list(elsewhere.comments), elsewhere.epoch)

    refused(shelf, 0, shelf.made, "written for another ticket")


def test_a_diary_of_another_incident_is_refused(shelf: Shelf) -> None:
    other = Team(service=shelf.team.service).begin()

    refused(shelf, 0, other.comments, "of another incident")


def test_after_a_move_a_member_writes_for_the_new_ticket_and_it_is_taken_over(shelf: Shelf) -> None:
    shelf.team.ticket = JIRA
    diary = shelf.read(ticket=JIRA)
    moved = shelf.draft(shelf.team.robert, "restored", diary=diary, moved_from=GITHUB)
    shelf.take(moved, moved_to=JIRA)

    adopted = take_over(shelf, 2, shelf.made, ticket=JIRA)

    assert shelf.made[2:] == list(adopted.comments)


def test_the_first_keyring_of_a_recovery_only_diary_is_taken_over(team: Team) -> None:
    first = open_first_epoch(
        incident=team.incident, ticket=GITHUB, readers=[], recovery=[team.paper.reader()], roster_hash="ab" * 32,
        roster_serial=3, entry=EntryDraft(EntryContent.REPORT, Untrusted("words"), None, THEN),
        service=team.service, now=NOW, part_bytes=44_000,
    )  # fmt: skip
    shelf = Shelf(team, list(first.comments), first.epoch)

    assert shelf.made == list(take_over(shelf, 0, shelf.made).comments)


def test_taking_over_opens_nothing() -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(inspect.getsource(adopting)))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }

    assert {"integration.diary.open", "integration.diary.write", "pyrage"}.isdisjoint(imported)

"""Entries that a desk writes are taken by the service and read by all who are cleared."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.diary import attachment
from integration.diary.comment import CommentId, CommentKind, Link, find_comments, parse_unsealed
from integration.diary.frame import Card, EntryContent
from integration.diary.seal import seal_entry
from integration.diary.write import EntryDraft, write_entry
from integration.errors import WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import JIRA, NOW, THEN, Team

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress

HOSTS = [("jira", 20_480, 32_767), ("github", 44_000, 65_536)]
BY_MEMBERS = set(EntryContent) - {EntryContent.KEYRING, EntryContent.REDACTION, EntryContent.ATTACHMENT}


def test_what_a_desk_writes_is_read_by_all_who_are_cleared(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team = shelf.team
    shelf.write(team.robert, "We decided.", content=EntryContent.DECISION)

    for who in (team.robert, team.salma, team.paper):
        diary = team.read(shelf.texts(dress), who, head=shelf.head)

        assert codes(diary) == []
        assert [(one.seq, one.author, one.body.reveal()) for one in diary.entries] == [
            (2, "service:svc-2026a", "The whole report."), (4, "member:salma", "I called them."),
            (5, "member:robert", "We decided."),
        ]  # fmt: skip
        assert (diary.entries[-1].event_at, diary.entries[-1].entry_at) == (THEN, NOW)


@pytest.mark.parametrize("content", sorted(BY_MEMBERS))
def test_a_member_writes_every_content(shelf: Shelf, codes: Codes, content: EntryContent) -> None:
    shelf.write(shelf.team.salma, "x", content=content)

    diary = shelf.read()
    assert codes(diary) == []
    assert diary.entries[-1].content is content


def test_a_card_that_a_member_changes_is_the_diarys(shelf: Shelf) -> None:
    team = shelf.team
    card = Card(Untrusted("Jo"), Untrusted("Mr Y"), Untrusted("another remark"), "Conflict Resolution")
    draft = EntryDraft(EntryContent.CARD, Untrusted(""), card, THEN)

    shelf.take(write_entry(shelf.read(), identity=team.robert, draft=draft, part_bytes=20_480, now=NOW))

    found = shelf.read(team.salma).card
    assert found is not None
    assert found.subject.reveal() == "Mr Y"


@pytest.mark.parametrize(("host", "part_bytes", "limit"), HOSTS)
def test_a_long_entry_is_cut_into_parts_that_fit_the_host(
    new_team: type[Team], codes: Codes, host: str, part_bytes: int, limit: int
) -> None:
    team = new_team(part_bytes=part_bytes)
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    body = "界é\n" * 20_000

    made = shelf.write(team.robert, body).comments

    assert len(made) > 3
    assert [(one.id, one.parts) for one in made] == [((3, n), len(made)) for n in range(1, len(made) + 1)]
    assert codes(shelf.read()) == []
    assert shelf.read().entries[-1].body.reveal() == body
    around = 400 if host == "jira" else 250
    assert max(len(json.dumps(str(one.text))) for one in made) + around < limit


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(), part_bytes=st.integers(300, 3000))
def test_any_body_in_any_parts_is_taken_and_comes_back(shelf: Shelf, body: str, part_bytes: int) -> None:
    """Nothing is kept on the shelf, so one serves all examples."""
    made = write_entry(
        shelf.read(), identity=shelf.team.robert, part_bytes=part_bytes, now=NOW,
        draft=EntryDraft(EntryContent.NOTE, Untrusted(body), None, THEN),
    )  # fmt: skip
    taken = replace(shelf, made=[*shelf.made])
    taken.take(made)

    assert taken.read().entries[-1].body.reveal() == body
    assert taken.read().findings == ()


def test_what_a_desk_sends_is_a_whole_comment_without_seal_and_says_what_it_is(shelf: Shelf) -> None:
    (made,) = shelf.draft(shelf.team.robert)

    assert "CoC-Write:" in made.text
    assert "CoC-Seal:" not in made.text
    assert find_comments(made.text) == []
    assert parse_unsealed(made.text) == made
    assert (made.id, made.parts, made.kind, made.epoch, made.prev) == (
        (5, 1), 1, CommentKind.ENTRY, 2, shelf.head.link,
    )  # fmt: skip


def test_the_service_and_desks_write_in_turn(shelf: Shelf, codes: Codes) -> None:
    """A second report arrives after a desk opened epoch 2: it is sealed to that epoch's public key."""
    team = shelf.team
    shelf.made += seal_entry(
        incident=team.incident, ticket=team.ticket, head=shelf.head, epoch=shelf.epoch, service=team.service, now=NOW,
        entry=EntryDraft(EntryContent.REPORT, Untrusted("A second account."), None, THEN), part_bytes=20_480,
    )  # fmt: skip
    shelf.write(team.robert, "Thank you for it.")

    diary = shelf.read(team.salma)
    assert codes(diary) == []
    assert [one.author for one in diary.entries[-2:]] == ["service:svc-2026a", "member:robert"]


def test_a_redaction_is_written_before_what_it_names_is_removed(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.write(team.robert, "a home address")
    links = shelf.read().links
    gone = CommentId(5, 1)
    shelf.write(team.salma, "Erased by law.", content=EntryContent.REDACTION, redacts=((gone, links[gone]),))

    shelf.made = [one for one in shelf.made if one.id != gone]

    assert codes(shelf.read()) == [("redacted", 5)]
    assert shelf.read().links[gone] == links[gone]


def test_a_redaction_may_name_many_and_not_endlessly_many(shelf: Shelf) -> None:
    def names(count: int) -> tuple[tuple[CommentId, Link], ...]:
        return tuple((CommentId(900 + n, 1), Link(f"{n:043}")) for n in range(count))

    made = shelf.write(shelf.team.robert, "x" * 20_000, content=EntryContent.REDACTION, redacts=names(150))

    assert len(made.comments) == 2
    assert shelf.read().findings == ()
    with pytest.raises(WriteRefused, match="several"):
        shelf.draft(shelf.team.robert, content=EntryContent.REDACTION, redacts=names(300))


@pytest.mark.parametrize(
    ("content", "redacts"),
    [
        (EntryContent.REDACTION, ()),
        (EntryContent.NOTE, ((CommentId(2, 1), Link("A" * 43)),)),
        (EntryContent.REDACTION, ((CommentId(2, 1), Link("A" * 43)),)),
    ],
)
def test_only_a_redaction_names_comments_and_each_with_its_own_link(
    shelf: Shelf, content: EntryContent, redacts: tuple[tuple[CommentId, Link], ...]
) -> None:
    with pytest.raises(ValueError, match="remove"):
        shelf.draft(shelf.team.robert, content=content, redacts=redacts)


def test_a_moved_diary_goes_on_on_its_new_ticket(shelf: Shelf, codes: Codes) -> None:
    """Restored on another host's ticket: the old name stays until a member says that the diary moved."""
    team = shelf.team
    old = team.ticket
    there = shelf.read(ticket=JIRA)
    assert codes(there) == [("other-ticket", 4)]
    assert (there.ticket, there.here) == (old, JIRA)

    shelf.write(team.robert, "before", diary=there)
    shelf.take(
        shelf.draft(team.robert, "We moved.", moved_from=old, diary=shelf.read(ticket=JIRA)), moved_to=JIRA
    )
    shelf.write(team.salma, "after", diary=shelf.read(team.salma, ticket=JIRA))

    diary = shelf.read(ticket=JIRA)
    assert codes(diary) == []
    assert [one.ticket for one in shelf.made[-3:]] == [old, JIRA, JIRA]
    assert (diary.ticket, diary.here) == (JIRA, JIRA)


def test_a_diary_moves_only_from_the_ticket_it_names_to_where_it_is_read(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="moves"):
        shelf.draft(shelf.team.robert, moved_from=shelf.team.ticket)
    with pytest.raises(ValueError, match="moves"):
        shelf.draft(shelf.team.robert, moved_from="jira:other/1", diary=shelf.read(ticket=JIRA))


def test_an_attachment_is_an_entry_of_kind_file(shelf: Shelf, codes: Codes) -> None:
    assert shelf.epoch.recipient
    sealed = attachment.seal_file(b"\x89PNG", shelf.epoch.recipient)
    about = attachment.describe(seq=5, name="photo.png", media_type="image/png", size=4, sealed=sealed)

    made = shelf.write(
        shelf.team.robert, attachment.dump(about).reveal(), content=EntryContent.ATTACHMENT
    ).comments

    assert [one.kind for one in made] == [CommentKind.FILE]
    diary = shelf.read(shelf.team.salma)
    assert codes(diary) == []
    back = attachment.parse(diary.entries[-1].body, seq=diary.entries[-1].seq)
    assert back == about
    assert attachment.is_intact(back, sealed)
    assert not attachment.is_intact(back, sealed + b"x")
    with pytest.raises(ValueError, match="this entry's file"):
        attachment.parse(diary.entries[-1].body, seq=6)

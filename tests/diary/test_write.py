"""What a desk writes: entries and epochs, taken by the service and read by the others."""

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
from integration.diary.keyring import EpochSecrets, Keyring
from integration.diary.keys import Epoch, Reader, generate_identity
from integration.diary.seal import seal_entry
from integration.diary.write import EntryDraft, write_entry
from integration.errors import NoReaders, SealError, WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import JIRA, NOW, ROSTER, THEN, Team

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress

HOSTS = [("jira", 20_480, 32_767), ("github", 44_000, 65_536)]
BY_MEMBERS = set(EntryContent) - {EntryContent.KEYRING, EntryContent.REDACTION, EntryContent.ATTACHMENT}


def stanzas(age: bytes) -> int:
    return age.count(b"\n-> X25519 ")


def payload(age: bytes) -> int:
    """Bytes after age's header, whose random stanza makes lengths vary."""
    return len(age[age.index(b"\n", age.index(b"\n--- ") + 1) + 1 :])


# Entries ------------------------------------------------------------------------------------------------


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


def test_a_card_that_a_member_changes_is_the_newest(shelf: Shelf) -> None:
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


# Epochs -------------------------------------------------------------------------------------------------


def test_the_first_desk_opens_epoch_2_and_writes_in_it_at_once(team: Team, codes: Codes) -> None:
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    assert shelf.read().rekey_due

    why = EntryDraft(EntryContent.NOTE, Untrusted("I take this."), None, THEN)
    accepted = shelf.rekey(team.robert, [team.robert, team.salma], then=why)

    diary = shelf.read(team.salma)
    assert codes(diary) == []
    assert not diary.rekey_due
    assert diary.opened_by == "member:robert"
    assert accepted.epoch is not None
    assert accepted.epoch.number == 2
    assert [(one.kind, one.epoch) for one in accepted.comments] == [
        (CommentKind.KEYRING, 2), (CommentKind.ENTRY, 2),
    ]  # fmt: skip
    assert diary.entries[-1].body.reveal() == "I take this."
    assert diary.current is not None
    assert diary.current.epoch == accepted.epoch


def test_what_a_service_kept_of_epoch_1_opens_nothing_after_the_first_desk(team: Team) -> None:
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    kept = shelf.read().keyring
    assert kept is not None
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "new words")

    spy = replace(team.paper, secret=kept.newest.read_secret)
    diary = team.read(shelf.texts(), spy, head=shelf.head)

    assert diary.entries == ()
    assert diary.keyring is None


def test_clearing_another_member_gives_the_whole_diary(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.salma, [team.robert, team.salma, team.quentin])
    shelf.write(team.quentin, "I am in.")

    diary = shelf.read(team.quentin)
    assert codes(diary) == []
    assert [one.seq for one in diary.entries] == [2, 4, 6]


def test_a_recused_members_key_opens_nothing_that_was_written_after(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "Salma is recused.")

    hers = shelf.read(team.salma)
    assert [one.seq for one in hers.entries] == [2, 4]
    assert codes(hers) == [("not-cleared", 5)]
    assert hers.current is None
    with pytest.raises(WriteRefused, match="not cleared"):
        shelf.draft(team.salma)
    with pytest.raises(WriteRefused, match="not cleared"):
        shelf.ring(team.salma, [team.robert, team.salma])
    assert [one.seq for one in shelf.read().entries] == [2, 4, 6]


def test_a_member_recuses_herself_and_another_desk_then_makes_it_anew(shelf: Shelf, codes: Codes) -> None:
    """Her desk made the epoch she is not in, so a reader's desk opens another one as soon as it can."""
    team = shelf.team
    shelf.write(team.salma, "I know one of them.")
    shelf.rekey(team.salma, [team.robert])

    diary = shelf.read(team.robert)
    assert codes(diary) == []
    assert diary.rekey_due
    shelf.rekey(team.robert, [team.robert])
    assert not shelf.read().rekey_due
    assert codes(shelf.read(team.salma)) == [("not-cleared", 6)]


def test_who_leaves_writes_no_entry_into_the_epoch_they_are_not_in(shelf: Shelf) -> None:
    why = EntryDraft(EntryContent.NOTE, Untrusted("bye"), None, THEN)
    with pytest.raises(WriteRefused, match="epoch 3"):
        shelf.ring(shelf.team.salma, [shelf.team.robert], then=why)


def test_a_member_takes_over_with_a_lent_recovery_key(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    lent = shelf.read(team.paper)
    with pytest.raises(WriteRefused):
        shelf.ring(team.quentin, [team.quentin], diary=lent)
    with pytest.raises(WriteRefused, match="not a recovery key"):
        shelf.ring(team.quentin, [team.quentin], diary=lent, recovery_name="robert")
    why = EntryDraft(EntryContent.NOTE, Untrusted("Nobody else is left."), None, THEN)

    shelf.rekey(team.quentin, [team.quentin], diary=lent, recovery_name="paper-1", then=why)

    diary = shelf.read(team.quentin)
    assert codes(diary) == [("recovery-used", 5)]
    assert [one.seq for one in diary.entries] == [2, 4, 6]


def test_who_took_over_with_a_recovery_key_may_have_left_since(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(
        team.quentin, [team.quentin, team.robert], diary=shelf.read(team.paper), recovery_name="paper-1"
    )
    now = {"robert": team.robert.signing_key, "salma": team.salma.signing_key}

    assert codes(shelf.read(members=now, former={"quentin": [team.quentin.signing_key]})) == [
        ("recovery-used", 5)
    ]
    assert codes(shelf.read(members=now)) == [("unknown-author", 5)]


def test_a_reader_without_the_right_key_writes_nothing(shelf: Shelf) -> None:
    """Salma reads with her old key and would sign with a new one."""
    imposter = generate_identity("salma")
    with pytest.raises(WriteRefused, match="present key"):
        shelf.draft(imposter, diary=shelf.read(shelf.team.salma))
    with pytest.raises(WriteRefused, match="present key"):
        shelf.ring(imposter, [imposter], diary=shelf.read(shelf.team.salma))


def test_an_older_roster_does_not_open_an_epoch(shelf: Shelf) -> None:
    with pytest.raises(WriteRefused, match="roster 2 is older"):
        shelf.ring(shelf.team.robert, [shelf.team.robert], roster_serial=2)


def test_readers_are_members_recovery_keys_and_each_once(shelf: Shelf) -> None:
    team = shelf.team
    robert = team.robert.reader()
    for readers, recovery in (
        ([team.paper.reader()], []),
        ([robert], [team.salma.reader()]),
        ([robert, replace(team.salma.reader(), alias="robert")], []),
    ):
        with pytest.raises(ValueError, match=r"recovery keys have none|twice"):
            shelf.ring(team.robert, readers, recovery=recovery)
    with pytest.raises(NoReaders):
        shelf.ring(team.robert, [], recovery=[])


@pytest.mark.parametrize(
    "recipient",
    [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPx1O5sm",
        "age1" + "q" * 58,
        "AGE1" + generate_identity("x").recipient[4:].upper(),
        generate_identity("x").recipient + "q",
        generate_identity("x").recipient + "\n",
        generate_identity("x").recipient.replace("a", "а", 1),  # noqa: RUF001 - a Cyrillic letter on purpose
        "age1pq1" + "q" * 55,
        "age1yubikey1" + "q" * 58,
    ],
)
def test_a_look_alike_of_a_recipient_is_refused(shelf: Shelf, recipient: str) -> None:
    robert = shelf.team.robert.reader()
    with pytest.raises(SealError, match="not a native age key"):
        shelf.ring(shelf.team.robert, [robert, Reader("ghost", recipient, robert.signing_key)])


def test_no_content_of_a_keyring_passes_for_an_entry(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="open_next_epoch"):
        shelf.draft(shelf.team.robert, content=EntryContent.KEYRING)


def test_a_desk_that_may_not_have_the_newest_keyring_writes_nothing(shelf: Shelf, codes: Codes) -> None:
    """A host's admin or the service holds the newest keyring back, so that a recused member could go on reading."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "in epoch 3")
    texts, at = shelf.texts(), 4
    damaged = [*texts[:at], texts[at].replace("-----END AGE", "----END AGE"), *texts[at + 1 :]]

    for shown, code in (
        (texts[:at], "missing-newest"),
        ([*texts[:at], *texts[at + 1 :]], "untrusted-epoch"),
        (damaged, "untrusted-epoch"),
    ):
        diary = team.read(shown, head=shelf.head)
        assert code in {found for found, _ in codes(diary)}
        with pytest.raises(WriteRefused, match="newest state"):
            shelf.draft(team.robert, diary=diary)
        with pytest.raises(WriteRefused, match="newest state"):
            shelf.ring(team.robert, [team.robert], diary=diary)


def test_what_was_only_forged_does_not_keep_anybody_from_writing(shelf: Shelf, codes: Codes) -> None:
    """The service forges an epoch and an entry in it; both stay in the chain, and the team goes on."""
    team = shelf.team
    last = shelf.made[-1]
    pen = replace(team.pen(team.begin()), head=shelf.head)
    keyring = shelf.read().keyring
    assert keyring is not None
    pen.ring = keyring
    shelf.made.append(pen.rekey(team.service, [team.robert.reader()], write_secret=None))
    shelf.made.append(pen.write(team.service, "x", content=EntryContent.NOTE, write_secret=None))
    assert last.id == (4, 1)

    shelf.write(team.salma, "We saw that.")

    diary = shelf.read()
    assert codes(diary) == [("forged-keyring", 5), ("untrusted-epoch", 6)]
    assert diary.entries[-1].body.reveal() == "We saw that."
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "On we go.")
    assert codes(shelf.read()) == [("forged-keyring", 5), ("old-epoch", 6)]
    assert shelf.read().entries[-1].body.reveal() == "On we go."


# What a keyring tells -----------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 2, 6, 20])
def test_a_keyring_tells_neither_how_many_read_nor_who_was_left_out(epochs: int) -> None:
    """Same places, same number of parts, same length, from 1 to 16 readers with short or long names."""
    people = [generate_identity(f"{'m' * (2 * n + 1)}").reader() for n in range(15)]
    people.append(Reader("p", generate_identity("p").recipient, None))

    def length(count: int, before: int) -> int:
        some = [_secrets(n, people[:before]) for n in range(1, epochs)]
        return len(Keyring((_secrets(epochs, people[:count]), *reversed(some))).dump())

    assert len({length(count, before) for count in (1, 2, 15, 16) for before in (1, 8, 16)}) == 1


def _secrets(number: int, readers: list[Reader]) -> EpochSecrets:
    one = generate_identity("e")
    return EpochSecrets(
        Epoch(number, one.recipient, one.signing_key), 3, ROSTER, tuple(readers), one.secret, "w" * 43
    )


def test_comments_of_a_rekey_look_alike_for_1_and_16_readers(shelf: Shelf) -> None:
    team = shelf.team
    many = [team.robert, *(generate_identity(f"m{n}") for n in range(14))]

    alone = shelf.ring(team.robert, [])
    full = shelf.ring(team.robert, many)

    assert [stanzas(one.age) for one in alone] == [stanzas(one.age) for one in full] == [16]
    assert [payload(one.age) for one in alone] == [payload(one.age) for one in full]


def test_after_many_epochs_keyrings_still_fit_the_host_and_are_taken(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    for _ in range(18):
        shelf.rekey(team.robert, [team.robert, team.salma])

    last = shelf.rekey(team.robert, [team.robert])

    assert last.comments[0].parts > 1
    assert codes(shelf.read()) == []
    assert max(len(json.dumps(str(one.text))) for one in shelf.made) + 400 < 32_767

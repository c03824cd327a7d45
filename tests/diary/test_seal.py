"""What the service writes: sizes, places, and that it keeps nothing which opens it."""

from __future__ import annotations

import ast
import base64
import gc
import inspect
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.diary import comment, frame, keyring, keys, parts, seal
from integration.diary.chain import Head, genesis
from integration.diary.comment import CommentId, CommentKind, find_comments
from integration.diary.frame import Card, EntryContent
from integration.diary.keys import Reader, generate_identity, is_recipient, is_signing_key
from integration.diary.open import open_diary
from integration.diary.seal import EntryDraft, FirstEpoch, seal_entry
from integration.errors import CannotOpen, NoReaders, SealError
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.diary.conftest import Codes
    from tests.diary.team import Team

NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
THEN = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
CANARY = "4e1b7c0fd3a94a52b8e06f7d95c1a2ee"
HOSTS = [("jira", 20_480, 32_767), ("github", 44_000, 65_536)]


def request_size(host: str, text: str) -> int:
    """How long the comment is as the host counts it, with a sentence of 200 characters above it."""
    if host == "github":
        return len("x" * 200 + "\n\n```text\n" + text + "\n```\n")
    block = {"type": "codeBlock", "content": [{"type": "text", "text": text}]}
    para = {"type": "paragraph", "content": [{"type": "text", "text": "x" * 200}]}
    return len(json.dumps({"body": {"type": "doc", "version": 1, "content": [para, block]}}))


def stanzas(age: bytes) -> int:
    return age.count(b"\n-> X25519 ")


def after(first: FirstEpoch) -> Head:
    last = first.comments[-1]
    return Head(last.incident, *last.id, last.link)


def test_a_diary_begins_with_a_keyring_and_the_whole_report(team: Team) -> None:
    first = team.begin()

    assert [(one.id, one.parts, one.kind, one.epoch) for one in first.comments] == [
        (CommentId(1, 1), 1, CommentKind.KEYRING, 1),
        (CommentId(2, 1), 1, CommentKind.ENTRY, 1),
    ]
    assert first.comments[0].prev == genesis(team.incident).link
    assert first.comments[1].prev == first.comments[0].link
    assert is_recipient(first.epoch.recipient)
    assert is_signing_key(first.epoch.writing_key)
    assert find_comments(first.comments[0].text)[0].opens == first.epoch


def test_every_reader_opens_it_and_nobody_else(team: Team) -> None:
    texts = [one.text for one in team.begin("what was said").comments]

    for who in (team.robert, team.salma, team.paper):
        diary = team.read(texts, who)
        assert [entry.body.reveal() for entry in diary.entries] == ["what was said"]
        assert diary.findings == ()
    with pytest.raises(CannotOpen):
        team.read(texts, team.quentin)


def test_the_card_and_both_times_come_with_the_report(team: Team) -> None:
    (entry,) = team.read([one.text for one in team.begin().comments]).entries

    assert entry.card is not None
    assert (entry.card.reporter.reveal(), entry.card.subject.reveal(), entry.card.summary.reveal()) == (
        "Jo Ann", "Mr X", "a remark",
    )  # fmt: skip
    assert entry.card.type == "Conduct Enforcement"
    assert (entry.event_at, entry.entry_at, entry.content) == (THEN, NOW, EntryContent.REPORT)
    assert entry.author == "service:svc-2026a"


@pytest.mark.parametrize(("host", "part_bytes", "limit"), HOSTS)
@pytest.mark.parametrize(
    "letter", ["a", "\n", "é", "界", "👩🏽‍🚀", "\x00", "-----BEGIN SSH SIGNATURE-----\n"], ids=ascii
)
def test_a_report_of_two_megabytes_fits_and_comes_back(
    team: Team, host: str, part_bytes: int, limit: int, letter: str
) -> None:
    body = letter * (2_000_000 // len(letter.encode()))
    ticket = "jira:" + "a" * 63 + ".atlassian.net/1004200000"
    first = team.begin(body, ticket=ticket, part_bytes=part_bytes)

    diary = team.read([one.text for one in first.comments], ticket=ticket)

    assert diary.findings == ()
    assert diary.entries[0].body.reveal() == body
    assert max(request_size(host, one.text) for one in first.comments) < limit
    # A body of nothing but line feeds grows by the prefix of each; everything else is about its own size.
    assert len(first.comments) - 1 <= 2_000_000 // part_bytes * (3.1 if letter == "\n" else 1.1) + 1


@pytest.mark.parametrize(("host", "part_bytes", "limit"), HOSTS)
def test_the_largest_card_still_fits_beside_a_full_part(
    team: Team, host: str, part_bytes: int, limit: int
) -> None:
    worst = Untrusted("\U000e0001" * 600)
    draft = EntryDraft(
        EntryContent.REPORT, Untrusted("x" * 60_000), Card(worst, worst, worst, "x" * 500), THEN
    )
    first = team.begin(entry=draft, part_bytes=part_bytes)

    assert max(request_size(host, one.text) for one in first.comments) < limit
    assert team.read([one.text for one in first.comments]).entries[0].body.reveal() == "x" * 60_000


@settings(max_examples=25, deadline=None)
@given(body=st.text(), part_bytes=st.integers(100, 3000))
def test_any_body_in_any_parts_comes_back(new_team: type[Team], body: str, part_bytes: int) -> None:
    team = new_team(part_bytes=part_bytes)
    diary = team.read([one.text for one in team.begin(body).comments])

    assert diary.findings == ()
    assert diary.entries[0].body.reveal() == body


# Keyrings -------------------------------------------------------------------------------------------


def people(count: int) -> Sequence[Reader]:
    return [generate_identity(f"m{n}").reader() for n in range(count)]


@pytest.mark.parametrize(("readers", "places"), [(0, 16), (1, 16), (15, 16), (16, 32), (31, 32), (47, 48)])
def test_a_keyring_has_places_in_steps_of_sixteen(team: Team, readers: int, places: int) -> None:
    """The recovery key takes one place more."""
    first = team.begin(readers=people(readers))

    ring = find_comments(first.comments[0].text)[0]
    assert stanzas(ring.age) == places


def test_neither_size_nor_places_tell_how_many_readers_there_are(team: Team) -> None:
    """Age adds a random stanza of up to some hundred bytes, so sizes are compared after that."""
    alone = find_comments(team.begin(readers=[]).comments[0].text)[0].age
    many = find_comments(team.begin(readers=people(15)).comments[0].text)[0].age

    assert stanzas(alone) == stanzas(many) == 16
    assert len(_payload(alone)) == len(_payload(many))


def _payload(age: bytes) -> bytes:
    return age[age.index(b"\n", age.index(b"\n--- ") + 1) + 1 :]


def test_the_places_are_in_random_order(team: Team) -> None:
    places = {parts.filled([team.robert.reader()]).index(team.robert.recipient) for _ in range(60)}

    assert len(places) > 5


def test_a_full_keyring_fits_both_hosts(team: Team) -> None:
    for host, part_bytes, limit in HOSTS:
        first = team.begin(readers=people(47), part_bytes=part_bytes)
        assert max(request_size(host, one.text) for one in first.comments) < limit


def test_a_reader_twice_in_the_list_takes_one_place(team: Team) -> None:
    twice = [team.robert.reader()] * 16

    assert stanzas(find_comments(team.begin(readers=twice).comments[0].text)[0].age) == 32 - 16


def test_nobody_to_read_is_an_error(team: Team) -> None:
    with pytest.raises(NoReaders, match="recovery key"):
        team.begin(readers=[], recovery=[])


@pytest.mark.parametrize(
    "recipient", ["", "ssh-ed25519 AAAA", "age1" + "q" * 58, "age1yubikey1" + "q" * 58, "AGE-SECRET-KEY-1"]
)
def test_a_recipient_that_is_not_native_is_refused_with_the_reason(team: Team, recipient: str) -> None:
    with pytest.raises(SealError, match="The key of ghost is not a native age key") as refused:
        team.begin(readers=[team.robert.reader(), Reader("ghost", recipient, None)])

    assert "SSH" in str(refused.value)


def test_more_than_48_readers_are_refused(team: Team) -> None:
    with pytest.raises(SealError, match="48"):
        team.begin(readers=people(48))


def test_the_roster_of_the_readers_is_in_the_keyring(team: Team) -> None:
    ring = team.read([one.text for one in team.begin().comments]).keyring

    assert ring is not None
    assert (ring.newest.roster_serial, ring.newest.roster_hash) == (3, "ab" * 32)
    assert ring.newest.readers == (team.robert.reader(), team.salma.reader(), team.paper.reader())


# What the service keeps -----------------------------------------------------------------------------


def test_the_service_keeps_no_secret_of_the_epoch_it_made(team: Team) -> None:
    first = team.begin(CANARY)
    ring = team.read([one.text for one in first.comments]).keyring
    assert ring is not None
    secret, write_secret = ring.newest.read_secret, ring.newest.write_secret
    assert write_secret is not None
    del ring
    gc.collect()

    kept = repr(first) + "".join(one.text for one in first.comments)
    for hidden in (secret, write_secret, CANARY, "Jo Ann"):
        assert hidden not in kept
        assert base64.b64encode(hidden.encode()).decode()[:-4] not in kept
    for module in (seal, parts, keyring, keys, frame, comment):
        assert secret not in repr(vars(module))


def test_what_writes_cannot_open() -> None:
    """No module that the server imports calls age's decryption. The passphrase of an identity is another door."""
    for module in (seal, parts, keyring, keys, frame, comment):
        tree = ast.parse(inspect.getsource(module))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"pyrage.decrypt", "pyrage.decrypt_io", "pyrage.decrypt_file"}


def test_nothing_of_the_report_is_in_what_the_host_gets(team: Team) -> None:
    draft = EntryDraft(
        EntryContent.REPORT,
        Untrusted(CANARY * 40),
        Card(Untrusted(CANARY), Untrusted(CANARY), Untrusted(CANARY), CANARY),
        THEN,
    )
    for one in team.begin(entry=draft).comments:
        assert CANARY not in one.text
        assert CANARY.encode() not in base64.b64encode(one.text.encode())
        assert CANARY.encode() not in find_comments(one.text)[0].age


def test_errors_hold_nothing_of_the_report(team: Team) -> None:
    draft = EntryDraft(EntryContent.REPORT, Untrusted(CANARY), None, THEN.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone") as naive:
        team.begin(entry=draft)
    with pytest.raises(NoReaders) as nobody:
        team.begin(CANARY, readers=[], recovery=[])

    assert CANARY not in str(naive.value)
    assert CANARY not in str(nobody.value)
    assert CANARY not in repr(draft)


# A second report ------------------------------------------------------------------------------------


def test_a_second_report_follows_and_is_shown_as_the_services(team: Team, codes: Codes) -> None:
    first = team.begin()
    draft = EntryDraft(EntryContent.REPORT, Untrusted("A second account. " * 3000), None, THEN)

    more = seal_entry(
        incident=team.incident, ticket=team.ticket, head=after(first), epoch=first.epoch, entry=draft,
        service=team.service, now=NOW + timedelta(hours=1), part_bytes=20_480,
    )  # fmt: skip

    diary = team.read([one.text for one in (*first.comments, *more)])
    assert codes(diary) == []
    assert [(one.id.seq, one.id.part, one.parts) for one in more] == [(3, 1, 3), (3, 2, 3), (3, 3, 3)]
    assert diary.entries[1].body.reveal() == "A second account. " * 3000
    assert diary.entries[1].author == "service:svc-2026a"
    assert diary.card is not None


def test_what_a_later_report_leaves_empty_stays_on_the_card(team: Team) -> None:
    first = team.begin()
    card = Card(Untrusted("Jo Ann"), Untrusted(" "), Untrusted("two remarks"), "Conflict Resolution")
    draft = EntryDraft(EntryContent.REPORT, Untrusted("The same, corrected."), card, THEN)

    more = seal_entry(
        incident=team.incident, ticket=team.ticket, head=after(first), epoch=first.epoch, entry=draft,
        service=team.service, now=NOW, part_bytes=20_480,
    )  # fmt: skip

    diary = team.read([one.text for one in (*first.comments, *more)])
    merged = Card(Untrusted("Jo Ann"), Untrusted("Mr X"), Untrusted("two remarks"), "Conflict Resolution")
    assert merged == diary.card
    assert card == diary.entries[1].card


def test_the_service_writes_no_decisions_and_no_keyrings(team: Team) -> None:
    first = team.begin()
    for content in set(EntryContent) - {EntryContent.REPORT, EntryContent.CARD, EntryContent.NOTE}:
        with pytest.raises(ValueError, match="reports, cards and notes"):
            seal_entry(
                incident=team.incident, ticket=team.ticket, head=after(first), epoch=first.epoch,
                entry=EntryDraft(content, Untrusted(""), None, THEN), service=team.service, now=NOW, part_bytes=20_480,
            )  # fmt: skip


def test_a_head_of_another_incident_is_refused(team: Team, new_team: type[Team]) -> None:
    first = team.begin()
    draft = EntryDraft(EntryContent.NOTE, Untrusted(""), None, THEN)
    for head in (genesis(team.incident), Head(new_team().incident, 2, 1, after(first).link)):
        with pytest.raises(ValueError, match="head"):
            seal_entry(
                incident=team.incident, ticket=team.ticket, head=head, epoch=first.epoch, entry=draft,
                service=team.service, now=NOW, part_bytes=20_480,
            )  # fmt: skip


def test_two_sealings_of_the_same_words_have_nothing_in_common(team: Team) -> None:
    first, second = team.begin(), team.begin()

    assert first.epoch != second.epoch
    assert find_comments(first.comments[1].text)[0].age != find_comments(second.comments[1].text)[0].age


def test_opening_takes_any_iterable_of_texts(team: Team) -> None:
    texts = (one.text for one in team.begin().comments)

    assert len(open_diary(texts, identity=team.robert, trust=team.trust()).entries) == 1

"""Erasing: what is left in the store of a comment that was redacted, and what the service lets happen."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from integration.casework import open_incident
from integration.deskwork import attach, record, restore
from integration.diary import sshsig
from integration.diary.attachment import describe, dump, file_name, seal_file
from integration.diary.comment import (
    CommentId,
    CommentKind,
    find_comments,
    from_b64url,
    seal_message,
    write_message,
)
from integration.diary.contents import Trust
from integration.diary.frame import EntryContent
from integration.diary.keys import Reader
from integration.diary.open import open_diary
from integration.diary.seal import EntryDraft, seal_entry
from integration.diary.write import open_next_epoch, write_entry
from integration.erasing import erase
from integration.errors import WriteRefused
from integration.roster_chain import readers_of
from integration.text import Untrusted
from tests.pg import both

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.casework import Casework
    from integration.diary.contents import Diary
    from integration.diary.keys import Identity
    from integration.incident import IncidentId
    from integration.store import Receipt
    from sandbox.rehearsal import SetClock
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


class Book:
    """A diary that robert writes: 1 keyring, 2 report, 3 keyring of epoch 2, then what a test writes."""

    def __init__(self, work: Casework, database: Database, robert: Identity, inbox_id: str) -> None:
        self.work = work
        self.database = database
        self.robert = robert
        open_incident(inbox_id, work)
        self.incident: IncidentId = database.delivery(inbox_id).incident
        roster = work.roster()
        members = [Reader(one.alias, one.recipient, one.signing_key) for one in roster.members]
        recovery = [Reader(one.name, one.recipient, None) for one in roster.recovery]
        self._keep(
            open_next_epoch(
                self.read(), identity=robert, readers=members, recovery=recovery, roster_serial=roster.serial,
                roster_hash=roster.hash, part_bytes=44_000, now=work.clock.now(),
            ),
            [one.alias for one in roster.members],
        )  # fmt: skip

    def read(self) -> Diary:
        roster = self.work.roster()
        ref = self.database.ticket(self.incident).ref
        assert ref is not None
        trust = Trust(
            self.incident, ref.name, {one.id: one.public for one in roster.service_keys},
            {one.alias: one.signing_key for one in roster.members}, rosters={roster.hash: readers_of(roster)},
            readers=readers_of(roster),
        )  # fmt: skip
        texts = [one.text for one in self.database.comments(self.incident)]
        return open_diary(texts, identity=self.robert, trust=trust, head=self.database.head(self.incident))

    def write(
        self, body: str, content: EntryContent = EntryContent.NOTE, *, redacts: int | None = None
    ) -> int:
        diary = self.read()
        places = tuple((place, link) for place, link in diary.links.items() if place.seq == redacts)
        now = self.work.clock.now()
        draft = EntryDraft(content, Untrusted(body), None, now, redacts=places)
        self._keep(write_entry(diary, identity=self.robert, draft=draft, part_bytes=44_000, now=now), [])
        return self.database.head(self.incident).seq

    def _keep(self, written: object, readers: list[object]) -> None:
        texts = [one.text for one in written]  # type: ignore[attr-defined]  # UnsealedComments
        record(
            self.incident, texts, head=self.database.head(self.incident), readers=readers, work=self.work  # type: ignore[arg-type]  # aliases
        )  # fmt: skip

    def run_jobs(self) -> None:
        for job in self.database.unfinished_jobs():
            open_incident(job.inbox_id, self.work)

    def codes(self) -> list[tuple[str, int]]:
        return [(one.code, one.comment.seq if one.comment else 0) for one in self.read().findings]


@pytest.fixture
def book(work: Casework, database: Database, robert: Identity, take_in: Callable[..., Receipt]) -> Book:
    return Book(work, database, robert, take_in().inbox_id)


def test_the_ciphertext_of_every_part_goes_from_database_log_and_backup(
    book: Book, database: Database, tmp_path: Path
) -> None:
    gone = book.write("a home address " * 4_000)
    parts = [one for one in database.comments(book.incident) if one.id.seq == gone]
    assert len(parts) > 1
    why = book.write("Erased by law.", EntryContent.REDACTION, redacts=gone)

    erase(book.incident, gone, redaction=why, work=book.work)

    with sqlite3.connect(tmp_path / "coc.sqlite") as source, sqlite3.connect(tmp_path / "backup") as target:
        source.backup(target)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for part in parts:
        lines = part.text.split("\n")
        assert lines[0].encode() in stored, "the right files were searched"
        armoured = lines[2 : lines.index("-----END AGE ENCRYPTED FILE-----")]
        assert not [line for line in armoured if len(line) == 64 and line.encode() in stored]
    assert book.codes() == [("redacted", gone)]
    assert book.read().entries[-1].body.reveal() == "Erased by law."


def test_what_is_left_proves_the_comments_place(book: Book, database: Database, tmp_path: Path) -> None:
    """Link, seal and the epoch's signature can be checked as before."""
    gone = book.write("a home address")
    (whole,) = find_comments(next(one.text for one in database.comments(book.incident) if one.id.seq == gone))
    why = book.write("Erased by law.", EntryContent.REDACTION, redacts=gone)
    erase(book.incident, gone, redaction=why, work=book.work)

    with sqlite3.connect(tmp_path / "coc.sqlite") as connection:
        ((stub,),) = connection.execute("SELECT text FROM comment WHERE seq = ?", (gone,)).fetchall()
    plain, erased, write, seal = stub.split("\n")

    age_hash = bytes.fromhex(erased.removeprefix("CoC-Erased: "))
    digest = hashlib.sha256(b"coc-diary/v1/link\0" + plain.encode() + b"\0" + age_hash).digest()
    assert digest == from_b64url(whole.link)
    service = sshsig.public_key(book.work.service_key.public_line)
    epoch = database.epoch(book.incident)
    assert service is not None
    assert epoch is not None
    writing = sshsig.public_key(epoch.writing_key)
    assert writing is not None
    written = from_b64url(write.removeprefix("CoC-Write: "))
    assert sshsig.verify_raw(writing, written, write_message(whole.link))
    sealed = from_b64url(seal.removeprefix("CoC-Seal: ").split(" ")[0])
    assert sshsig.verify_raw(service, sealed, seal_message(whole.link, written))


@both
def test_it_goes_from_the_ticket_and_no_job_brings_it_back(book: Book, host: MemoryHost) -> None:
    gone = book.write("a home address")
    why = book.write("Erased by law.", EntryContent.REDACTION, redacts=gone)
    book.run_jobs()
    (ticket,) = host.tickets
    copy = next(one for one in ticket.comments if one.id.seq == gone)

    erase(book.incident, gone, redaction=why, work=book.work)
    book.run_jobs()
    assert gone not in {one.id.seq for one in ticket.comments}
    ticket.comments.append(copy)  # somebody had a copy
    for again in range(2):
        restore(book.incident, new_ticket=False, work=book.work)
        book.write(f"later {again}")
        book.run_jobs()

        assert gone not in {one.id.seq for one in ticket.comments}
        assert {one.id.seq for one in ticket.comments} == set(range(1, why + again + 2)) - {gone}


@both
def test_a_file_goes_with_its_entry(book: Book, host: MemoryHost, database: Database) -> None:
    epoch = database.epoch(book.incident)
    assert epoch is not None
    seq = database.head(book.incident).seq + 1
    sealed = seal_file(b"a picture", epoch.recipient)
    about = describe(seq=seq, name="a.bin", media_type="application/octet-stream", size=9, sealed=sealed)
    assert book.write(dump(about).reveal(), EntryContent.ATTACHMENT) == seq
    attach(book.incident, file_name(seq), sealed, work=book.work)
    book.run_jobs()
    assert list(host.tickets[0].files) == [file_name(seq)]
    why = book.write("Erased by law.", EntryContent.REDACTION, redacts=seq)

    erase(book.incident, seq, redaction=why, work=book.work)
    book.run_jobs()

    assert host.tickets[0].files == {}
    assert database.file(book.incident, file_name(seq)) is None
    assert database.erased(book.incident) == {CommentId(seq, 1): CommentKind.FILE}
    with pytest.raises(WriteRefused, match="No entry"):
        attach(book.incident, file_name(seq), sealed, work=book.work)


def test_erasing_again_changes_nothing(book: Book, database: Database) -> None:
    gone = book.write("a home address")
    why = book.write("Erased by law.", EntryContent.REDACTION, redacts=gone)
    for _ in range(3):
        erase(book.incident, gone, redaction=why, work=book.work)
        book.run_jobs()

    assert database.erased(book.incident) == {CommentId(gone, 1): CommentKind.ENTRY}
    assert book.codes() == [("redacted", gone)]


def test_only_an_entry_is_erased_and_only_after_a_member_wrote_why(book: Book, database: Database) -> None:
    note = book.write("a note")
    before = [one.text for one in database.comments(book.incident)]

    for seq, redaction in (
        (1, note),  # a keyring
        (3, note),  # another one
        (9, note),  # no such entry
        (0, note),
        (note, note),  # not by itself
        (note, note + 1),  # nothing stands there
        (note, 2),  # not before it
    ):
        with pytest.raises(WriteRefused):
            erase(book.incident, seq, redaction=redaction, work=book.work)
    with pytest.raises(WriteRefused):
        erase(book.incident, 2, redaction=3, work=book.work)  # a keyring gives no reason

    assert [one.text for one in database.comments(book.incident)] == before
    assert database.erased(book.incident) == {}


def test_the_services_own_entry_gives_no_reason(
    book: Book, work: Casework, database: Database, clock: SetClock
) -> None:
    """A second report is written by the service alone."""
    note = book.write("a note")
    epoch, head = database.epoch(book.incident), database.head(book.incident)
    assert epoch is not None
    entry = EntryDraft(EntryContent.REPORT, Untrusted("more"), None, clock.now())
    comments = seal_entry(
        incident=book.incident, ticket=database.comments(book.incident)[-1].ticket, head=head, epoch=epoch,
        entry=entry, service=work.service_key, now=clock.now(), part_bytes=44_000,
    )  # fmt: skip
    database.record(head=head, comments=comments, epoch=None, readers=(), now=clock.now())

    with pytest.raises(WriteRefused, match="No entry of a member"):
        erase(book.incident, note, redaction=note + 1, work=work)

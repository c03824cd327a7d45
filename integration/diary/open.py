"""Reads the diary: on a member's desk only. The server cannot import this module.

:func:`open_diary` takes the texts of a ticket's comments, opens what this member's key opens, and checks all
of it. What is wrong becomes a finding; it never hides the other entries. The checks are those of section 9 of
docs/diary-format.md.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import pyrage

from integration.diary.chain import Head, arrange, breaks, gaps, genesis
from integration.diary.comment import (
    CommentId,
    CommentKind,
    DamagedComment,
    Link,
    ParsedComment,
    find_blocks,
)
from integration.diary.contents import Diary, Entry, Trust
from integration.diary.epochs import Epochs, has_a_key_of
from integration.diary.findings import Finding, finding
from integration.diary.frame import EntryContent, Frame
from integration.diary.keyring import parse_keyring
from integration.diary.placed import Bad, PlacedPart, in_common, in_place, joined
from integration.diary.readers import former_readers, unvouched_readers
from integration.errors import CannotOpen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from integration.diary.keyring import EpochSecrets, Keyring
    from integration.diary.keys import Epoch

__all__ = ["Diary", "Entry", "Finding", "Opener", "Trust", "no_diary", "open_diary", "read_age"]

_BY_SERVICE = frozenset({EntryContent.REPORT, EntryContent.CARD, EntryContent.NOTE})
_NOT_THE_NEWEST = frozenset({"missing-newest", "rewritten", "fork"})
"""After one of these nobody can say that the newest keyring is here."""

_FORGED = frozenset({"forged-keyring", "forged-author", "no-writing-key"})
"""A keyring with one of these opened nothing. Others that were refused may be good, and only not for this desk."""


class Opener(Protocol):
    """What opens keyrings: an unlocked :class:`integration.diary.keys.Identity`, or a recovery key."""

    @property
    def secret(self) -> str:
        """``AGE-SECRET-KEY-1…``."""
        ...


def no_diary() -> CannotOpen:
    """The error for a diary that this key does not open, and for one that does not exist: they read alike."""
    return CannotOpen(
        "There is no diary here that your key opens.",
        meaning="You are not cleared for this incident, or there is no such incident.",
        next_step="If you should be, ask the on-duty members to clear you.",
    )


def read_age(data: bytes, secrets: Sequence[str]) -> bytes:
    """The content of a binary age file that one of these secrets (``AGE-SECRET-KEY-1…``) opens.

    Raises:
        CannotOpen: none of them does, or the file is damaged.
    """
    try:
        return pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(secret) for secret in secrets])
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise no_diary() from None


def open_diary(texts: Iterable[str], *, identity: Opener, trust: Trust, head: Head | None = None) -> Diary:
    """Open and check a diary.

    Args:
        texts: the ticket's comments (or the stored ones), in the order they stand; whatever else is in
            them does not matter.
        identity: the member's unlocked keys, or a recovery key: whatever has the secret of an age key.
        trust: from the pinned roster.
        head: the newest comment this desk has seen before. Without it nobody can tell whether the newest
            comments were deleted.

    Raises:
        CannotOpen: the identity opens no keyring, and this desk has not seen the diary before.
    """
    blocks = [block for text in texts for block in find_blocks(text)]
    return _Reading(identity, trust).read(blocks, head)


class _Reading:
    """One reading of one diary. What it has come to trust grows as it goes along."""

    def __init__(self, identity: Opener, trust: Trust) -> None:
        self.identity = identity
        self.trust = trust
        self.findings: list[Finding] = []
        self.unsealed: set[CommentId] = set()
        self.epochs = Epochs()
        self.secrets: dict[int, EpochSecrets] = {}
        self.forged: set[int] = set()
        self.keyring: Keyring | None = None
        self.opened_by: str | None = None
        self.vouched = False
        self.frames: dict[CommentId, Frame] = {}
        self.present: dict[CommentId, ParsedComment] = {}
        self.removed: dict[CommentId, Link] = {}
        self.redacted: dict[CommentId, int] = {}

    def read(self, blocks: Sequence[ParsedComment | DamagedComment], head: Head | None) -> Diary:
        start = genesis(self.trust.incident)
        arranged = arrange(blocks, incident=self.trust.incident, service_keys=self.trust.service_keys)
        self.findings += arranged.findings
        self.unsealed = {one.id for one in arranged.unsealed}
        self.epochs.breaks = breaks(arranged.sealed, start)
        sealed_entries = {one.id.seq for one in arranged.sealed}
        alone = [one for one in arranged.unsealed if one.id.seq not in sealed_entries]
        comments = sorted((*arranged.sealed, *alone), key=lambda one: one.id)
        self.present = {one.id: one for one in comments}
        groups = [list(group) for _, group in groupby(comments, key=lambda one: one.id.seq)]
        for group in groups:
            if group[0].kind is CommentKind.KEYRING:
                self._read_keyring(group)
        if self.keyring is None and head is None:
            raise no_diary()
        entries = [entry for group in groups if (entry := self._read_entry(group)) is not None]
        counted = [one for one in comments if one.id not in self.unsealed or one.id in self.frames]
        bad: list[ParsedComment | DamagedComment] = list(arranged.damaged)
        bad += [one for one in arranged.unsealed if one.id not in self.frames]
        entries = self._without_redacted(entries)
        self.findings += gaps(counted, bad, start=start, head=head, removed=self.removed)
        self._check_tickets(counted)
        later = [seq for epoch, seq in self.epochs.opened_at.items() if epoch not in self.secrets]
        if later:
            self.findings.append(finding("not-cleared", CommentId(min(later), 1)))
        last = counted[-1] if counted else None
        cleared = not later and self.keyring is not None
        if cleared and self.keyring is not None:
            place = CommentId(self.epochs.opened_at[self.keyring.newest.epoch.number], 1)
            left = former_readers(self.keyring, self.trust, place)
            self.vouched = self.vouched and not left
            self.findings += left
        self.findings.sort(key=lambda one: one.comment or CommentId(0, 0))
        links = self.removed | {one.id: one.link for one in counted}
        return Diary(
            incident=self.trust.incident,
            ticket=last.ticket if last is not None else self.trust.ticket,
            here=self.trust.ticket,
            entries=tuple(entries),
            head=Head(last.incident, *last.id, last.link) if last is not None else start,
            epoch=last.epoch if last is not None else 0,
            links=links,
            redacted=dict(self.redacted),
            findings=tuple(self.findings),
            cleared=cleared,
            vouched=self.vouched and self._every_epoch_was_seen(),
            opened_by=self.opened_by,
            keyring=self.keyring,
            current=self._current(counted, links, head) if cleared else None,
        )

    def _current(
        self, comments: Sequence[ParsedComment], links: Mapping[CommentId, Link], head: Head | None
    ) -> EpochSecrets | None:
        """The newest epoch, if it is sure that it is: nothing newer was seen, here or before, and nothing is hidden.

        What this desk has seen as the newest must be here, whole, or removed by a redaction: damaged, it may have
        been the keyring that counts now.
        """
        if self.keyring is None or any(one.code in _NOT_THE_NEWEST for one in self.findings):
            return None
        seen_before = head is None or not head.seq or links.get(CommentId(head.seq, head.part)) == head.link
        if not seen_before or not self._every_epoch_was_seen():
            return None
        newest = self.keyring.newest
        beyond = {one.epoch for one in comments if one.epoch > newest.epoch.number}
        return None if beyond - self.forged else newest

    def _every_epoch_was_seen(self) -> bool:
        """Whether the newest keyring's story of the earlier epochs is the one that their own keyrings told."""
        return self.keyring is not None and self.epochs.opened_at.keys() >= {
            one.epoch.number for one in self.keyring.epochs
        }

    def _say(self, bad: Bad, comment: ParsedComment) -> None:
        """A finding; of a comment without a good seal it was said already that it is wrong."""
        if comment.id not in self.unsealed:
            self.findings.append(finding(bad.code, comment.id, bad.what))

    # Keyrings -----------------------------------------------------------------------------------

    def _read_keyring(self, group: list[ParsedComment]) -> None:
        first = group[0]
        try:
            opens = self.epochs.check_in_clear(group)
            parts = [part for comment in group if (part := self._unwrapped(comment)) is not None]
            if not parts:  # not for this reader; its clear part and its seal are all there is to see
                if first.id not in self.unsealed:
                    self.epochs.open(opens, first.id.seq)
                return
            self._accept(self._check_keyring(opens, parts), parts)
        except Bad as bad:
            if first.id in self.unsealed:  # an outsider's block refuses nothing: the right one may be missing
                return
            self.epochs.refused.add(first.epoch)
            if bad.code in _FORGED:
                self.forged.add(first.epoch)
            self._say(bad, first)

    def _unwrapped(self, comment: ParsedComment) -> PlacedPart | None:
        """A part of a keyring, if this member's key opens it."""
        try:
            content = read_age(comment.age, [self.identity.secret])
        except CannotOpen:
            return None
        return in_place(comment, content)

    def _check_keyring(self, opens: Epoch, parts: list[PlacedPart]) -> Keyring:
        if len(parts) < parts[0].comment.parts:
            raise Bad("untrusted-epoch")
        try:
            keyring = parse_keyring(joined(parts))
        except ValueError:
            raise Bad("forged-keyring", "it does not hold a whole list of epochs and readers") from None
        if keyring.newest.epoch != opens or any(part.frame.recipient != opens.recipient for part in parts):
            raise Bad("forged-keyring", "its keys are not those that it names in clear")
        if has_a_key_of(opens, [one.epoch for one in keyring.epochs[1:]]):
            raise Bad("forged-keyring", "it has a key of an earlier epoch")
        for one in keyring.epochs[1:]:
            number = one.epoch.number
            known = self.secrets.get(number)
            if self.epochs.public.get(number, one.epoch) != one.epoch or (
                known and known.readers != one.readers
            ):
                raise Bad("forged-keyring", f"it tells another story of epoch {number}")
        for part in parts:
            self._check_opener(keyring, part)
        if (recovery := parts[0].frame.recovery) is not None:
            self.findings.append(finding("recovery-used", parts[0].comment.id, recovery))
        return keyring

    def _check_opener(self, keyring: Keyring, part: PlacedPart) -> None:
        """Who may open an epoch: the service the first one, a reader of the epoch before every later one."""
        role, name = part.author
        if keyring.newest.epoch.number == 1:
            if role != "service":
                raise Bad("forged-keyring", "only the service opens the first epoch")
            return self._check_service(part)
        before = keyring.epochs[1]
        line = before.writer(name)
        recovery = part.frame.recovery
        if recovery is not None:
            if not any(one.alias == recovery and one.signing_key is None for one in before.readers):
                raise Bad("forged-keyring", "it names a recovery key that could not read the epoch before")
            keys = self.trust.keys_of(name)
            if not keys:
                raise Bad("unknown-author")
            line = next((key for key in keys if part.is_signed_by(key)), keys[0])
        if role != "member" or line is None:
            raise Bad("forged-keyring", "whoever opened it could not read the epoch before")
        self._check_member(part, name, line, before.epoch.writing_key)
        return None

    def _accept(self, keyring: Keyring, parts: list[PlacedPart]) -> None:
        left_out = [number for number in self.epochs.opened_at if number not in self.secrets]
        if self.keyring is not None and any(one > self.keyring.newest.epoch.number for one in left_out):
            self.findings.append(finding("cleared-again", parts[0].comment.id, parts[0].author[1]))
        for one in keyring.epochs:
            self.epochs.public.setdefault(one.epoch.number, one.epoch)
            self.secrets[one.epoch.number] = one
        self.epochs.open(keyring.newest.epoch, parts[0].comment.id.seq)
        self.keyring = keyring
        self.opened_by = parts[0].frame.author
        found = unvouched_readers(keyring, self.trust, parts[0].comment.id)
        self.vouched = not found
        self.findings += found
        self.frames.update({part.comment.id: part.frame for part in parts})

    # Entries ------------------------------------------------------------------------------------

    def _read_entry(self, group: list[ParsedComment]) -> Entry | None:
        parts: list[PlacedPart] = []
        for comment in group:
            if comment.kind is CommentKind.KEYRING:
                continue
            try:
                part = self._check_part(comment)
            except Bad as bad:
                self._say(bad, comment)
                continue
            if part is None:
                continue
            if parts and in_common(part.frame) != in_common(parts[0].frame):
                self._say(Bad("parts-differ"), comment)
                continue
            parts.append(part)
        if not parts:
            return None
        self.frames.update({part.comment.id: part.frame for part in parts})
        frame = parts[0].frame
        if frame.content is EntryContent.REDACTION and parts[0].author[0] == "member":
            self._redact(frame)
        return Entry(
            seq=frame.id.seq,
            content=frame.content,
            author=frame.author,
            event_at=frame.event_at,
            entry_at=frame.entry_at,
            card=frame.card,
            body=joined(parts),
            epoch=frame.epoch,
            complete=len(parts) == frame.parts,
        )

    def _redact(self, frame: Frame) -> None:
        """Note what a member's redaction names: not a keyring, and nothing that is another comment here."""
        for place, link in frame.redacts:
            here = self.present.get(place)
            if here is None or (here.link == link and here.kind is not CommentKind.KEYRING):
                self.removed[place] = link
                self.redacted[place] = frame.id.seq

    def _without_redacted(self, entries: list[Entry]) -> list[Entry]:
        """The entries of which nothing was redacted: what came back, or is not erased yet, is said and not shown."""
        here = {place.seq for place in self.redacted if place in self.present}
        self.findings += [finding("not-erased", CommentId(seq, 1)) for seq in sorted(here)]
        gone = {place.seq for place in self.redacted}
        return [one for one in entries if one.seq not in gone]

    def _check_part(self, comment: ParsedComment) -> PlacedPart | None:
        """One part, opened and checked; None if it is in an epoch that is not for this member."""
        secrets = self.secrets.get(comment.epoch)
        if secrets is None:
            if comment.epoch in self.epochs.public:
                return None
            raise Bad("untrusted-epoch")
        if not self.epochs.is_open_at(comment):
            raise Bad("old-epoch")
        try:
            content = read_age(comment.age, [secrets.read_secret])
        except CannotOpen:
            raise Bad("unreadable") from None
        part = in_place(comment, content)
        if part.frame.recipient != secrets.epoch.recipient:
            raise Bad("misplaced", "the epoch's key")
        role, name = part.author
        if role == "service":
            if comment.write_signature is not None or part.frame.content not in _BY_SERVICE:
                raise Bad("not-a-writer")
            self._check_service(part)
            return part
        line = secrets.writer(name)
        if line is None:
            raise Bad("not-a-writer")
        self._check_member(part, name, line, secrets.epoch.writing_key)
        return part

    # Authors and tickets ------------------------------------------------------------------------

    def _check_service(self, part: PlacedPart) -> None:
        line = self.trust.service_keys.get(part.author[1])
        if line is None:
            raise Bad("unknown-author")
        if not part.is_signed_by(line):
            raise Bad("forged-author")

    def _check_member(self, part: PlacedPart, alias: str, line: str, writing_key: str) -> None:
        if not self.trust.knows(alias, line):
            raise Bad("unknown-author")
        if not part.is_signed_by(line):
            raise Bad("forged-author")
        if not part.has_writing_key(writing_key):
            raise Bad("no-writing-key")

    def _check_tickets(self, comments: Sequence[ParsedComment]) -> None:
        """The ticket's name changes only where a member says that the diary moved."""
        before = comments[0].ticket if comments else self.trust.ticket
        for comment in comments:
            frame = self.frames.get(comment.id)
            if frame is not None and comment.ticket != before:
                moved = frame.moved_from == before and frame.author.startswith("member:")
                self.findings += [] if moved else [finding("other-ticket", comment.id)]
            before = comment.ticket
        if before != self.trust.ticket:
            self.findings.append(finding("other-ticket", comments[-1].id))

"""Writes the diary from a member's desk. The server cannot import this module, for it handles an epoch's secrets.

:func:`write_entry` adds an entry, :func:`open_next_epoch` changes who reads. Both make comments for the head of the
diary that was just read; the service seals them if that is still the head (:mod:`integration.diary.accept`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import keyring as keyrings
from integration.diary.chain import Head
from integration.diary.comment import UnsealedComment, render_unsealed, to_b64url, write_message
from integration.diary.frame import EntryContent, cost
from integration.diary.keyring import EpochSecrets, Keyring, writing_key_of
from integration.diary.keys import Epoch, new_secret, recipient_of
from integration.diary.parts import Author, EntryDraft, check_recipients, filled, make_parts
from integration.diary.sshsig import public_line
from integration.errors import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.diary.contents import Diary
    from integration.diary.keys import Identity, Reader

__all__ = ["EntryContent", "EntryDraft", "UnsealedComment", "open_next_epoch", "write_entry"]


def write_entry(
    diary: Diary, *, identity: Identity, draft: EntryDraft, part_bytes: int, now: datetime
) -> tuple[UnsealedComment, ...]:
    """An entry of this member after the diary's head, in its newest epoch.

    Args:
        diary: as it was just read and checked.
        identity: the author, a reader of the newest epoch.
        draft: any content but a keyring. An attachment's entry is one of kind ``file``. One that says that the
            diary moved is written for the ticket on which the diary was read, all others for the one it names.
        part_bytes: how many bytes of a body fit into one comment of this host.
        now: the time of writing.

    Raises:
        WriteRefused: this member may not write here, or must not before something else was done.
    """
    current = _current(diary)
    _check_writer(current, identity)
    if not diary.vouched:
        raise WriteRefused(
            "The diary's readers are not all in a roster that this desk has accepted.",
            meaning="What you write could be read by somebody who does not belong to the team. Nothing was written.",
            next_step="Accept the team's newest roster here. If the finding stays, open the next epoch with the "
            "readers that you choose (coc clear), and ask who opened this one.",
        )
    _check_draft(diary, draft, part_bytes)
    return _Desk(diary, identity, now).write(
        diary.head, draft, of=current, size=part_bytes, writing=_writing_key(current)
    )


def open_next_epoch(
    diary: Diary,
    *,
    identity: Identity,
    readers: Sequence[Reader],
    recovery: Sequence[Reader],
    roster_serial: int,
    roster_hash: str,
    part_bytes: int,
    now: datetime,
    recovery_name: str | None = None,
    then: EntryDraft | None = None,
) -> tuple[UnsealedComment, ...]:
    """The keyring of the next epoch, and maybe a first entry in it: the only way to change who reads.

    Args:
        diary: as it was just read and checked.
        identity: who opens it: a reader of the newest epoch, or one who read with a recovery key.
        readers: the members who read from now on. Their keys come from the pinned roster, never from a keyring.
            The author may be left out (recusal, leave).
        recovery: the roster's recovery keys.
        roster_serial: serial number of that roster.
        roster_hash: SHA-256 of its file, in hex.
        part_bytes: how many bytes of a body fit into one comment of this host.
        now: the time of writing.
        recovery_name: name of the recovery key with which the diary was read, if it was.
        then: the first entry of the new epoch, such as the reason. Its author must be one of ``readers``; who
            leaves writes the reason before, with :func:`write_entry`.

    Raises:
        NoReaders: nobody is to read.
        SealError: a recipient is not a native age key, or there are more than 48 of them.
        WriteRefused: this member may not open it, or the roster is older than the newest epoch's.
    """
    before = _current(diary)
    if recovery_name is None:
        _check_writer(before, identity)
    elif not any(one.alias == recovery_name and one.signing_key is None for one in before.readers):
        raise WriteRefused(
            f"{recovery_name} is not a recovery key of this diary's newest epoch.",
            meaning="Nothing was written.",
            next_step="Name the recovery key with which you opened the diary, as the roster names it.",
        )
    if roster_serial < before.roster_serial:
        raise WriteRefused(
            f"Your roster {roster_serial} is older than roster {before.roster_serial}, from which the diary's readers were taken.",
            meaning="With the older one, somebody who was removed could be let in again. Nothing was written.",
            next_step="Get the newest roster from your team and accept it here.",
        )
    people = (*readers, *recovery)
    check_recipients(people)
    if any(one.signing_key is None for one in readers) or any(one.signing_key for one in recovery):
        raise ValueError("Members have a signing key and recovery keys have none.")
    if len({one.alias for one in people}) < len(people):
        raise ValueError("An alias or name stands twice among the readers.")
    read_secret, writing = new_secret(), Ed25519PrivateKey.generate()
    epoch = Epoch(before.epoch.number + 1, recipient_of(read_secret), public_line(writing.public_key()))
    write_secret = to_b64url(writing.private_bytes_raw())
    opened = EpochSecrets(epoch, roster_serial, roster_hash, people, read_secret, write_secret)
    if then is not None:
        _check_draft(diary, then, part_bytes)
        _check_writer(opened, identity)
    desk = _Desk(diary, identity, now)
    ring = desk.write(
        diary.head,
        EntryDraft(EntryContent.KEYRING, Keyring((opened, *_known(diary))).dump(), None, now),
        of=opened,
        size=min(part_bytes, keyrings.PART_BYTES),
        writing=_writing_key(before),
        to=filled(people),
        recovery=recovery_name,
    )
    if then is None:
        return ring
    head = Head(diary.incident, *ring[-1].id, ring[-1].link)
    return (*ring, *desk.write(head, then, of=opened, size=part_bytes, writing=writing))


class _Desk:
    """One member who writes into one diary."""

    def __init__(self, diary: Diary, identity: Identity, now: datetime) -> None:
        self.diary = diary
        self.author = Author(f"member:{identity.alias}", identity.sign)
        self.now = now

    def write(
        self,
        head: Head,
        draft: EntryDraft,
        *,
        of: EpochSecrets,
        size: int,
        writing: Ed25519PrivateKey,
        to: Sequence[str] = (),
        recovery: str | None = None,
    ) -> tuple[UnsealedComment, ...]:
        """The draft as comments after the head, in this epoch, signed with this writing key."""
        epoch = of.epoch
        ticket = self.diary.ticket if draft.moved_from is None else self.diary.here
        made = make_parts(
            draft, incident=self.diary.incident, ticket=ticket, head=head, epoch=epoch, to=to or [epoch.recipient],
            author=self.author, now=self.now, size=size, recovery=recovery,
        )  # fmt: skip
        comments = []
        for one in made:
            signature = writing.sign(write_message(one.link))
            comments.append(
                UnsealedComment(
                    self.diary.incident, ticket, one.id, one.parts, epoch.number, one.kind, one.prev, one.link,
                    epoch if draft.content is EntryContent.KEYRING else None, one.age, signature,
                    render_unsealed(one.head, one.age, signature),
                )
            )  # fmt: skip
        return tuple(comments)


def _current(diary: Diary) -> EpochSecrets:
    """The epoch to write in, if it is sure which one that is."""
    if diary.current is not None:
        return diary.current
    if diary.keyring is None or not diary.cleared:
        raise WriteRefused(
            "You are not cleared for what is written into this diary now.",
            meaning="Your key opens at most what was written before. Nothing was written.",
            next_step="If you should be cleared, ask a member who is.",
        )
    raise WriteRefused(
        "It is not sure that this is the newest state of the diary.",
        meaning="A newer keyring may be missing or damaged, so what you write could be read by somebody who is no "
        "longer cleared. Nothing was written.",
        next_step="See the findings (coc diary verify), restore what is missing, and read again.",
    )


def _check_writer(secrets: EpochSecrets, identity: Identity) -> None:
    if secrets.writer(identity.alias) == identity.signing_key:
        return
    raise WriteRefused(
        f"Your key is not one of those that write in epoch {secrets.epoch.number}.",
        meaning="Its keyring names you with another key, or not at all. Nothing was written.",
        next_step="Ask a member who is cleared to clear your present key.",
    )


def _check_draft(diary: Diary, draft: EntryDraft, part_bytes: int) -> None:
    if draft.content is EntryContent.KEYRING:
        raise ValueError("A keyring is made by open_next_epoch.")
    if bool(draft.redacts) != (draft.content is EntryContent.REDACTION):
        raise ValueError("A redaction names what was removed, and nothing else does.")
    if any(diary.links.get(place, link) != link for place, link in draft.redacts):
        raise ValueError("A removed comment is named with its own link.")
    if draft.redacts and cost(draft.card, draft.redacts) > part_bytes // 2:
        raise WriteRefused(
            f"One redaction cannot name {len(draft.redacts)} comments.",
            meaning="Nothing was written.",
            next_step="Write several, each with a part of them.",
        )
    if draft.moved_from is not None and (draft.moved_from != diary.ticket or diary.here == diary.ticket):
        raise ValueError("A diary moves from the ticket that it names to the one where it is read.")


def _writing_key(secrets: EpochSecrets) -> Ed25519PrivateKey:
    if secrets.write_secret is None:  # parse_keyring refuses a newest epoch without one
        raise ValueError("The epoch's writing key is not known.")
    return writing_key_of(secrets.write_secret)[0]


def _known(diary: Diary) -> tuple[EpochSecrets, ...]:
    if diary.keyring is None:
        raise ValueError("A diary without a keyring has no next epoch.")
    return tuple(replace(one, write_secret=None) for one in diary.keyring.epochs)

"""Attaching a file to a diary, and getting it back. Nothing here prints or asks.

First the signed entry, which says what the file is and what its ciphertext's hash is; then the ciphertext.
Until the service has it, the ciphertext waits in the desk's folder: handing it over again is harmless.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from desk import pictures
from desk.card_changes import file_of
from desk.drafts import write_private
from desk.session import Made
from integration.diary import attachment
from integration.diary.frame import EntryContent
from integration.diary.open import read_age
from integration.diary.write import EntryDraft, write_entry
from integration.errors import CannotOpen, WriteRefused

if TYPE_CHECKING:
    from pathlib import Path

    from desk.session import Opened, Readers, Session
    from integration.diary.attachment import Attachment
    from integration.diary.contents import Diary, Entry

_OUTBOX: Final = "outbox"
_UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Ready:
    """A file as it goes into the diary. ``stripped``: it is a picture and was cleaned."""

    name: str
    media_type: str
    content: bytes
    stripped: bool


def prepare(name: str, content: bytes) -> Ready:
    """Check a file and clean it, if it is a picture.

    Raises:
        WriteRefused: it is too large, or a picture that cannot be cleaned.
    """
    if len(content) > attachment.MAX_BYTES:
        raise WriteRefused(
            f"The file has more than {attachment.MAX_BYTES // 1024**2} MB.",
            meaning="Nothing was written.",
            next_step="Attach the part of it that matters, or keep it elsewhere, encrypted, and write where it is.",
        )
    kind = pictures.kind_of(content)
    guessed = mimetypes.guess_type(name)[0] or _UNKNOWN
    if kind is None and not guessed.startswith("image/") and not pictures.is_other_picture(content):
        return Ready(name, guessed, content, stripped=False)
    try:
        return Ready(name, kind or guessed, pictures.cleaned(content), stripped=True)
    except pictures.NotAPicture:
        raise WriteRefused(
            "This picture's hidden data (place, camera, owner) cannot be taken out here.",
            meaning="Only whole JPEG and PNG pictures can be cleaned. Nothing was written.",
            next_step="Save it as PNG, or take a screenshot of it, and attach that.",
        ) from None


def must_hold_files(opened: Opened) -> None:
    """Refuse early where the host holds no files.

    Raises:
        WriteRefused: the ticket is on GitHub.
    """
    if not opened.ticket.startswith("jira:"):
        raise WriteRefused(
            f"GitHub cannot hold files with a ticket, so nothing can be attached to {opened.code_name}.",
            meaning="What is put into an issue there lies at an address of its own. Nothing was written or uploaded.",
            next_step="Keep the file elsewhere, encrypted, and write into the diary where it is.",
        )


def attach(session: Session, opened: Opened, ready: Ready) -> tuple[str, Readers | None]:
    """Write the entry, then hand the ciphertext over; in an epoch that its maker is not to read, open the next one first.

    Returns:
        The file's name on the host, and the readers if an epoch was opened.

    Raises:
        WriteRefused, HeadConflict, ServiceUnreachable: the message says whether the entry was written.
    """
    must_hold_files(opened)
    readers = None
    if opened.diary.rekey_due:  # the file is encrypted to the key of the epoch in which its entry stands
        _, readers = session.open_epoch(opened, lambda cleared: cleared)
        opened = session.open(opened.code_name)
    waiting: list[Path] = []

    def make(now: Opened) -> Made:
        for path in waiting:  # of a try for which somebody else was faster
            path.unlink(missing_ok=True)
        seq = now.diary.head.seq + 1
        sealed = attachment.seal_file(ready.content, now.keyring.newest.epoch.recipient)
        described = attachment.describe(
            seq=seq, name=ready.name, media_type=ready.media_type, size=len(ready.content), sealed=sealed
        )
        moment = session.clock.now()
        draft = EntryDraft(EntryContent.ATTACHMENT, attachment.dump(described), None, moment)
        comments = write_entry(
            now.diary, identity=session.identity, draft=draft, part_bytes=now.part_bytes, now=moment
        )
        path = _outbox(session) / f"{now.code_name}-{described.file}"
        path.unlink(missing_ok=True)
        write_private(path, sealed)
        waiting[:] = [path]
        return Made(comments)

    session.send(opened, make)
    (path,) = waiting
    name = path.name.removeprefix(f"{opened.code_name}-")
    session.service.upload(opened.code_name, name, path.read_bytes())
    path.unlink()
    return name, readers


def hand_over_again(session: Session, opened: Opened) -> list[str]:
    """Hand over what still waits for this diary; what no entry speaks of was never taken and is dropped."""
    described = {one.file: one for _, one in listed(opened.diary)}
    done = []
    for path in sorted(_outbox(session).glob(f"{opened.code_name}-*.age")):
        name, sealed = path.name.removeprefix(f"{opened.code_name}-"), path.read_bytes()
        if name in described and attachment.is_intact(described[name], sealed):
            session.service.upload(opened.code_name, name, sealed)
            done.append(name)
        path.unlink()
    return done


def listed(diary: Diary) -> list[tuple[Entry, Attachment]]:
    """The files of a diary with the entries that speak of them, oldest first; what is not whole is left out."""
    return [(entry, one) for entry in diary.entries if (one := file_of(entry)) is not None]


def fetch(session: Session, opened: Opened, seq: int) -> tuple[Attachment, bytes]:
    """The clear content of the file whose entry has this number, checked against what its author signed.

    Raises:
        CannotOpen: there is no such file, or what the service has is not what the author attached.
        ServiceUnreachable: the service does not have it.
    """
    entry, described = next((pair for pair in listed(opened.diary) if pair[0].seq == seq), (None, None))
    if entry is None or described is None:
        raise CannotOpen(
            f"Entry {seq} of {opened.code_name} is not a file.",
            next_step=f"See the files with: coc diary files {opened.code_name}",
        )
    sealed = session.service.download(opened.code_name, described.file)
    epochs = opened.diary.keyring.epochs if opened.diary.keyring is not None else ()
    secrets = [one.read_secret for one in epochs if one.epoch.number == entry.epoch]
    if attachment.is_intact(described, sealed):
        content = read_age(sealed, secrets)
        if len(content) == described.size:
            return described, content
    raise CannotOpen(
        f"The file of entry {seq} is not the one that its author attached.",
        meaning="It was damaged or exchanged. Nothing was written to disk.",
        next_step="Ask the author to attach it again, and whoever runs the service how it could change.",
    )


def _outbox(session: Session) -> Path:
    folder = session.home.folder / _OUTBOX
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder

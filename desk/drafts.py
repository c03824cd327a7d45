"""What a member wrote and the service did not take: kept on disk only as ciphertext to the member's own key.

While a text stands in an editor, it stands in a folder that only its owner can enter, in memory if the machine
has such a place, and is removed whatever happens.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import pyrage

from integration.diary.frame import Card, EntryContent
from integration.diary.open import read_age
from integration.diary.write import EntryDraft
from integration.errors import CannotOpen, HomeError
from integration.text import Untrusted

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from integration.diary.keys import Identity

_FOLDER: Final = "drafts"
_MARKER: Final = ".coc"
"""Holds the code name, and is locked while the desk that made the folder is alive."""

TEXT: Final = "entry.txt"
"""The file that an editor works on."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A kept entry, and of which incident it is. ``changes``: of the card, where that was not read yet."""

    code_name: str
    entry: EntryDraft
    changes: Mapping[str, str] = field(default_factory=dict, repr=False)


class Saved(NamedTuple):
    """What somebody typed. What is not ``in_utf8`` was read as Latin-1, which loses no byte, but may be wrong."""

    text: str
    in_utf8: bool = True


class HasRecipient(Protocol):
    """Whose public key is known; the key itself may still be locked."""

    @property
    def recipient(self) -> str:
        """The ``age1…`` line."""
        ...


def keep(home: Path, owner: HasRecipient, draft: Draft) -> Path:
    """Write a draft, encrypted to the member's own recipient.

    Raises:
        HomeError: it cannot be written.
    """
    entry = draft.entry
    card = entry.card
    content = json.dumps(
        {
            "version": 1,
            "code_name": draft.code_name,
            "content": entry.content,
            "event_at": entry.event_at.astimezone(UTC).isoformat(),
            "body": entry.body.reveal(),
            "card": None
            if card is None
            else [card.reporter.reveal(), card.subject.reveal(), card.summary.reveal(), card.type],
            "changes": dict(draft.changes),
        }
    )
    folder = home / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{draft.code_name}-{secrets.token_hex(4)}.age"
    write_private(path, lock_for(owner, content.encode("ascii"), armored=False))
    return path


def take(path: Path, identity: Identity) -> Draft:
    """The draft in a file.

    Raises:
        HomeError: this key does not open it, or it is no draft.
    """
    try:
        raw: Any = json.loads(read_age(path.read_bytes(), [identity.secret]))
        card = raw["card"]
        return Draft(
            str(raw["code_name"]),
            EntryDraft(
                EntryContent(raw["content"]),
                Untrusted(str(raw["body"])),
                None
                if card is None
                else Card(
                    Untrusted(str(card[0])), Untrusted(str(card[1])), Untrusted(str(card[2])), str(card[3])
                ),
                datetime.fromisoformat(raw["event_at"]),
            ),
            {str(name): str(value) for name, value in raw.get("changes", {}).items()},
        )
    except (CannotOpen, ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise HomeError(
            f"{path} is not a draft that your key opens.",
            meaning="It was made with another key, or it is damaged.",
            next_step="Name a file from the folder drafts of this desk.",
        ) from None


def lock_for(owner: HasRecipient, content: bytes, *, armored: bool) -> bytes:
    """An age file that this member's key opens, and no other."""
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(owner.recipient)], armored=armored)


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises:
        HomeError: there is one already, or it cannot be written. Nothing is left half written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise HomeError(f"There is a file {path} already.", next_step="Choose another name.") from None
    except OSError as error:
        raise HomeError(
            f"{path} cannot be written ({type(error).__name__}).",
            next_step="See that the folder is there and yours.",
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise HomeError(
            f"{path} cannot be written ({type(error).__name__}).", next_step="See that the disk is not full."
        ) from None


@contextmanager
def private_folder(code_name: str) -> Iterator[Path]:
    """An empty folder for an editor's files, 0700, in memory where there is such a place; removed at the end.

    Editors leave copies beside the file they edit: they go with the folder. If this process is killed, the folder
    stays, and :func:`leftovers` finds it.
    """
    folder = Path(tempfile.mkdtemp(prefix="coc-", dir=_place()))
    handle = -1
    try:
        beside = folder / f"{_MARKER}.new"
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(handle)
        os.write(handle, code_name.encode("ascii"))
        beside.rename(
            folder / _MARKER
        )  # only when it is locked, so that nobody takes the folder for left behind
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle >= 0:
            os.close(handle)


@contextmanager
def leftovers() -> Iterator[list[tuple[str, Saved]]]:
    """What stands in the folders of desks that were killed, each with its code name. Removed if all goes well.

    Only folders of this account whose desk is not alive any more. Where files cannot be locked, none.
    """
    found: list[tuple[str, Saved]] = []
    gone: list[tuple[Path, int]] = []
    try:
        for folder in sorted(Path(_place() or tempfile.gettempdir()).glob("coc-*")):
            handle = _taken_over(folder)
            if handle is not None:
                gone.append((folder, handle))
                found.append((os.read(handle, 64).decode("ascii", errors="replace"), saved_in(folder)))
        yield found
        for folder, _ in gone:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        for _, handle in gone:
            os.close(handle)


def saved_in(folder: Path) -> Saved:
    """What the editor saved; empty if it is not there."""
    try:
        return decoded((folder / TEXT).read_bytes().replace(b"\r\n", b"\n"))
    except OSError:
        return Saved("")


def decoded(raw: bytes) -> Saved:
    """The text of a file, without the line feed at its end."""
    try:
        return Saved(raw.decode("utf-8").removesuffix("\n"))
    except UnicodeDecodeError:
        return Saved(raw.decode("latin-1").removesuffix("\n"), in_utf8=False)


def _taken_over(folder: Path) -> int | None:
    """The locked marker of a folder that is ours and that no living desk holds; None for any other folder."""
    if sys.platform == "win32":
        return None
    with suppress(OSError):
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return None
        handle = os.open(folder / _MARKER, os.O_RDWR | os.O_NOFOLLOW)
        if _lock(handle):
            return handle
        os.close(handle)
    return None


def _lock(handle: int) -> bool:
    """Lock an open file for as long as it is open; False if another process has done so."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _place() -> str | None:
    candidates = (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")  # noqa: S108 - memory, and mkdtemp is 0700
    return next((one for one in candidates if one and os.access(one, os.W_OK | os.X_OK)), None)

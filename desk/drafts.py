"""What a member wrote and the service did not take: kept on disk only as ciphertext to the member's own key.

While a text stands in an editor, it stands in a folder that only its owner can enter, in memory if the machine
has such a place, and is removed whatever happens.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyrage

from integration.diary.frame import Card, EntryContent
from integration.diary.open import read_age
from integration.diary.write import EntryDraft
from integration.errors import CannotOpen, HomeError
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.keys import Identity

_FOLDER: Final = "drafts"


@dataclass(frozen=True, slots=True)
class Draft:
    """A kept entry, and of which incident it is."""

    code_name: str
    entry: EntryDraft


def keep(home: Path, identity: Identity, draft: Draft) -> Path:
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
        }
    )
    folder = home / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{draft.code_name}-{secrets.token_hex(4)}.age"
    write_private(path, lock_for(identity, content.encode("ascii"), armored=False))
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
        )
    except (CannotOpen, ValueError, KeyError, TypeError, IndexError):
        raise HomeError(
            f"{path} is not a draft that your key opens.",
            meaning="It was made with another key, or it is damaged.",
            next_step="Name a file from the folder drafts of this desk.",
        ) from None


def lock_for(identity: Identity, content: bytes, *, armored: bool) -> bytes:
    """An age file that this member's key opens, and no other."""
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(identity.recipient)], armored=armored)


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
def private_folder() -> Iterator[Path]:
    """An empty folder for an editor's files, 0700, in memory where there is such a place; removed at the end.

    Editors leave copies beside the file they edit: they go with the folder.
    """
    candidates = (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")  # noqa: S108 - memory, and mkdtemp is 0700
    place = next((one for one in candidates if one and os.access(one, os.W_OK | os.X_OK)), None)
    folder = Path(tempfile.mkdtemp(prefix="coc-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

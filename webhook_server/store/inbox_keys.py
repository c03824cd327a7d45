"""Short-lived keys of the inbox: what is in the diary cannot be opened from an old copy of the database.

A report waits sealed with the root key *and* with a key from here. These keys lie in a folder of their own, never in
the database, and one is destroyed as soon as no report needs it any more. So a backup of the database, its
write-ahead log and whatever a database server archives forget the report, even for somebody who has the root key.

A process seals with keys of its own only. With several servers the folder is one that all see, and nobody destroys a key
of another that may live. A key is destroyed only for a database that lists it as its own (:mod:`webhook_server.store.known_keys`):
what reports of another one need stays, whatever database a server is started with.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integration.errors import DoesNotOpen, StoreError
from webhook_server.store.durable_files import destroy, write_durably
from webhook_server.store.transactions import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_KEY_BYTES = 32
_NONCE_BYTES = 12
_LIFE = "????????.????????????????.key"
"""How the file of a key of ours goes on after its process's name. Nothing else in the folder is ever touched: somebody may
have named the folder in which root.key lies."""


@dataclass(frozen=True, slots=True)
class InboxKey:
    """One key, which is on disk."""

    id: str
    cipher: AESGCM

    def seal(self, report: bytes, row: str) -> bytes:
        """The ciphertext of a report, for one row of the inbox."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, report, _place(self.id, row))


class InboxKeys:
    """The keys in a folder. Hold :attr:`lock` from sealing until the sealed report is committed."""

    def __init__(self, folder: Path, owner: str = "server", *, alone: bool = True) -> None:
        """``owner`` is the name of this process among those that share the folder; ``alone`` if there are none.

        One that is alone makes the folder. A shared one that is not there is a share that is not mounted: a key that
        was written into its place would be hidden by the mount, and nobody could open the report.
        """
        self._folder = folder
        self.process = owner
        self._owner = (
            f"{owner}.{secrets.token_hex(4)}"  # another process, or an earlier life, never has the same
        )
        self._alone = alone
        self._current: InboxKey | None = None
        self.lock = threading.Lock()
        """While it is held no key is destroyed, so that none is lost between sealing and committing."""

    def require_folder(self) -> None:
        """To be called at a start.

        Raises:
            StoreError: the folder is shared with other servers, and is not there.
        """
        if not self._alone and not self._folder.is_dir():
            raise StoreError(
                f"The folder of the inbox keys, {self._folder}, is not there.",
                meaning="With PostgreSQL several servers may share it, so none of them makes it: a key in the wrong place "
                "would be a report that nobody opens. Nothing was started.",
                next_step="Mount it, or make it once, for the server's account and with mode 0700; see [server].inbox_keys.",
            )

    def prepare(self, note: Callable[[str], None]) -> None:
        """Have a key that is in the folder. ``note`` gets the id of a new one before it is made, to list it.

        Raises:
            StoreError: the folder takes no key.
        """
        if self._current is None or not self._is_there(self._current.id):
            key_id = f"{self._owner}.{secrets.token_hex(8)}"
            note(key_id)
            self._current = self._new(key_id)

    def current(self) -> InboxKey:
        """The key that seals now; for one transaction, since the folder may lack it in the next.

        Raises:
            StoreError: it was not prepared, or another process, which took us for dead, has destroyed it since.
        """
        if self._current is None or not self._is_there(self._current.id):
            raise StoreError(
                "The inbox key is gone that was made just now.",
                meaning="Nothing was stored; the form tool sends it again.",
                next_step="Nothing, if it happens once. With several servers see that all have the same folder.",
            )
        return self._current

    def open(self, key_id: str, sealed: bytes, row: str) -> bytes:
        """The report.

        Raises:
            DoesNotOpen: the key is gone, or the report was changed or moved.
            StoreError: the folder is away, or may not be read: whether the key is gone is not known.
        """
        secret = self._secret(key_id)
        why = "it is gone"
        if secret is not None:
            try:
                key = AESGCM(secret)
                return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(key_id, row))
            except (ValueError, InvalidTag) as error:
                why = type(error).__name__
        raise DoesNotOpen(
            f"The report of delivery {row} cannot be opened with the inbox key {key_id} ({why}).",
            meaning="The folder of the inbox keys lacks it, or something changed the database.",
            next_step="Put the folder back that belongs to this database, see [server].inbox_keys. With several "
            "servers all of them need the same folder.",
        )

    def forget(self, useless: Collection[str], *, of: str | None = None) -> set[str]:
        """Destroy those of the ``useless`` keys that are ours; gives their ids. To be called with :attr:`lock` held.

        The next report gets a key of its own, so that one that waits for long keeps no key of later ones. ``of`` names
        another process, which is known not to live: then its keys are destroyed, and ours left.

        Raises:
            StoreError: one could not be destroyed; the next call tries again.
        """
        if of is None:
            self._current = None
        whose = f"{of}.{_LIFE}" if of is not None else f"*.{_LIFE}" if self._alone else f"{self._owner}.*.key"
        ours = {
            key_id
            for key_id in useless
            if fnmatchcase(f"{key_id}.key", whose) and not (of is not None and key_id.startswith(self._owner))
        }
        try:
            if not self._folder.is_dir():  # a share that is not mounted: the keys in it are not gone
                return set()
            for file in self._folder.glob(whose):
                if file.stem in ours:
                    destroy(file)
        except OSError as error:
            raise StoreError(
                f"An inbox key could not be destroyed ({type(error).__name__}).",
                meaning="Old copies of the database can still be opened with it and the root key.",
                next_step="See that the server may write to the folder of the inbox keys.",
            ) from None
        return ours

    def is_gone(self, key_id: str) -> bool:
        """Whether a key is surely not there any more."""
        with suppress(StoreError):
            return self._secret(key_id) is None
        return False

    def _is_there(self, key_id: str) -> bool:
        with suppress(StoreError):
            return self._secret(key_id) is not None
        return False

    def _secret(self, key_id: str) -> bytes | None:
        """A key's bytes; None if it is surely gone. It is read, not looked at: a share remembers for a while what it has seen.

        Raises:
            StoreError: nobody knows, since the folder is shared and away, or the key cannot be read.
        """
        try:
            return self._file(key_id).read_bytes()
        except FileNotFoundError as error:
            with suppress(OSError):
                if self._alone or self._folder.is_dir():
                    return None
            trouble = type(error).__name__
        except OSError as error:
            trouble = type(error).__name__
        raise StoreError(
            f"The inbox key {key_id} cannot be read ({trouble}).",
            meaning="The folder of the inbox keys is away, or refuses the server's account. The report waits.",
            next_step="See that the folder in [server].inbox_keys is mounted and belongs to the server's account.",
        )

    def _file(self, key_id: str) -> Path:
        return self._folder / f"{key_id}.key"

    def _new(self, key_id: str) -> InboxKey:
        secret = secrets.token_bytes(_KEY_BYTES)
        try:
            if self._alone:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(self._file(key_id), secret)
        except OSError as error:
            raise Unavailable(
                f"No inbox key could be made ({type(error).__name__}).",
                meaning="Nothing was stored; the form tool sends it again.",
                next_step="See that the disk is not full and that the server may write to the folder of the inbox keys.",
            ) from None
        return InboxKey(key_id, AESGCM(secret))


def key_ids(folder: Path) -> set[str]:
    """The ids of all keys in a folder, whoever made them; none if it is not there."""
    return {file.stem for file in folder.glob(f"*.{_LIFE}")}


def _place(key_id: str, row: str) -> bytes:
    return f"coc-inbox/v1|{key_id}|{row}".encode()

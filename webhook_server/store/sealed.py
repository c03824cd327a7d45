"""Sealed columns: AES-256-GCM bound to table, column and row, so that a value works only where it was put.

Keys come from a root key by HKDF with a purpose each. A sealed value is ``v1.<key id>.<base64>`` of nonce and
ciphertext; the key id tells which root key made it. There may be several: the newest seals, all open, until the
values of the older ones are sealed anew (:mod:`webhook_server.store.reseal`).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integration.errors import ConfigError, DoesNotOpen, RootKeyRefused

if TYPE_CHECKING:
    from pathlib import Path

_ROOT_BYTES = 32
_NONCE_BYTES = 12
_DIGESTS = "digests:"
DAMAGED = b"damaged: "
"""Stands before a sealed report that no key opened when a root key was changed; no report begins so, since each is JSON."""


class RootKey:
    """One root key, with the keys that were made from it so far."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _ROOT_BYTES:
            raise ValueError("a root key has 32 bytes")
        self._secret = secret
        self._made: dict[str, bytes] = {}
        self._ciphers: dict[str, AESGCM] = {}
        self.id = self.key("key id")[:4].hex()

    def __repr__(self) -> str:
        return f"<RootKey {self.id}>"

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        made = self._made.get(purpose)
        if made is None:
            made = self._made[purpose] = HKDF(
                algorithm=SHA256(), length=32, salt=None, info=f"coc-mirror/v1/{purpose}".encode()
            ).derive(self._secret)
        return made

    def cipher(self, table: str, column: str) -> AESGCM:
        """What seals and opens the values of one column."""
        made = self._ciphers.get(f"{table}.{column}")
        if made is None:
            made = self._ciphers[f"{table}.{column}"] = AESGCM(self.key(f"column {table}.{column}"))
        return made


class Sealer:
    """Seals column values with the newest root key and makes keyed digests."""

    def __init__(self, *roots: bytes, digests: bytes | None = None, file: Path | None = None) -> None:
        """Take root keys of 32 bytes, newest first.

        Digests stay the same for as long as the database lives, so they have a key of their own, which is made from
        the first root key and written into the file when that one is replaced.
        """
        self._file = file
        self._set(roots, digests)

    def _set(self, roots: tuple[bytes, ...], digests: bytes | None) -> None:
        ring = [RootKey(root) for root in roots]
        self._digests = RootKey(digests or ring[-1].key("digests"))
        self._ring = {root.id: root for root in ring}
        self._newest = ring[0]

    def __repr__(self) -> str:
        return f"<Sealer {self.key_id}>"

    @property
    def key_id(self) -> str:
        """Id of the root key that seals now."""
        return self._newest.id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all root keys, newest first."""
        return tuple(self._ring)

    @classmethod
    def load(cls, path: Path) -> Sealer:
        """The sealer of a root key file.

        Raises:
            ConfigError: the file is not there or holds no root key.
        """
        roots, digests = read_root_keys(path)
        return cls(*roots, digests=digests, file=path)

    def reload(self) -> None:
        """Take the keys that are in the file now. A file that cannot be read, or is not of this database, changes nothing.

        A rotation only adds keys, or takes away older ones. Any other change is another file in this one's place: with it
        digests would be others, so each delivery would seem new, and values be sealed with a key that may be lost.

        Raises:
            ConfigError: it cannot be read.
            RootKeyRefused: it lacks the key that seals now, or has another one for digests.
        """
        if self._file is None:
            return
        roots, digests = read_root_keys(self._file)
        new = Sealer(*roots, digests=digests)
        if self.key_id not in new.key_ids or self._digests.id != new._digests.id:
            raise RootKeyRefused(
                f"The root key file {self._file}",
                [f"it is not the one that this server works with (its newest key is {self.key_id})"],
            )
        self._set(roots, digests)

    def seal(self, clear: bytes, *, table: str, column: str, row: str) -> str:
        """Ciphertext of ``clear`` for one place in the database."""
        root = self._newest
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = root.cipher(table, column).encrypt(
            nonce, clear, f"{table}|{column}|{row}|{root.id}".encode()
        )
        return f"v1.{root.id}.{base64.b64encode(nonce + sealed).decode('ascii')}"

    def open(self, sealed: str, *, table: str, column: str, row: str) -> bytes:
        """What was sealed for just this place.

        Raises:
            DoesNotOpen: a root key that is not here, another place, or a changed value.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, data = rest.partition(".")
        root = self._root(key_id)
        if version != "v1" or root is None:
            raise DoesNotOpen(
                f"A sealed value in {table}.{column} was made with another root key ({key_id[:8]!r}).",
                next_step="Start the server with the root key file that was in use when it was written.",
            )
        try:
            raw = base64.b64decode(data, validate=True)
            return root.cipher(table, column).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], f"{table}|{column}|{row}|{root.id}".encode()
            )
        except (InvalidTag, ValueError):
            raise _changed_or_moved(f"{table}.{column}", row) from None

    def _root(self, key_id: str) -> RootKey | None:
        """The root key of this id; the file is read again, in case another process has just added it."""
        if key_id not in self._ring:
            try:
                self.reload()
            except ConfigError:
                return None
        return self._ring.get(key_id)

    def digest(self, purpose: str, *parts: bytes) -> str:
        """A keyed digest: equal for equal parts, and meaningless without the key."""
        whole = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._digests.key(f"digest {purpose}"), whole, "sha256").hex()


def whole_report(clear: bytes, row: str) -> bytes:
    """The report of a row of the inbox that is sealed with the root key alone.

    Raises:
        DoesNotOpen: it was damaged when a root key was changed, and sealed anew as it was.
    """
    if clear.startswith(DAMAGED):
        raise _changed_or_moved("inbox.sealed_report", row)
    return clear


def _changed_or_moved(column: str, row: str) -> DoesNotOpen:
    return DoesNotOpen(
        f"A sealed value in {column} was changed or moved (row {row}).",
        meaning="Somebody or something wrote to the database beside this server.",
        next_step="Restore it from a backup and find out who has access to the database.",
    )


# The root key file: a key in each line, newest first, and the key of the digests once there was a rotation ----


def new_root_key() -> bytes:
    """The content of a fresh root key file."""
    return _line(secrets.token_bytes(_ROOT_BYTES))


def read_root_keys(path: Path) -> tuple[tuple[bytes, ...], bytes | None]:
    """The root keys, newest first, and the key of the digests if it is not to be made from the only one.

    Raises:
        ConfigError: the file is not there or holds no root key.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
        roots = tuple(
            base64.b64decode(line, validate=True) for line in lines if not line.startswith(_DIGESTS)
        )
        digests = [
            base64.b64decode(line.removeprefix(_DIGESTS), validate=True)
            for line in lines
            if line.startswith(_DIGESTS)
        ]
    except (OSError, ValueError):
        roots, digests = (), []
    if not roots or {len(key) for key in (*roots, *digests)} != {_ROOT_BYTES} or len(digests) > 1:
        raise ConfigError(f"The root key file {path}", ["it is not there, or not 32 bytes in base64"])
    if len(roots) > 1 and not digests:
        raise ConfigError(f"The root key file {path}", ["it has several keys and lacks the line digests:…"])
    return roots, digests[0] if digests else None


def with_new_root_key(path: Path) -> bytes:
    """The content of the file with one more root key, which seals from then on."""
    roots, digests = read_root_keys(path)
    digests = digests or RootKey(roots[-1]).key("digests")
    return (
        b"".join(map(_line, (secrets.token_bytes(_ROOT_BYTES), *roots))) + _DIGESTS.encode() + _line(digests)
    )


def with_newest_root_key_only(path: Path) -> bytes:
    """The content of the file without the older root keys."""
    roots, digests = read_root_keys(path)
    return _line(roots[0]) + (_DIGESTS.encode() + _line(digests) if digests else b"")


def _line(key: bytes) -> bytes:
    return base64.b64encode(key) + b"\n"

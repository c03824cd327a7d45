"""Sealed columns: AES-256-GCM bound to table, column and row, so that a value works only where it was put.

Keys come from one root key by HKDF with a purpose each. A sealed value is ``v1.<key id>.<base64>`` of
nonce and ciphertext; the key id tells which root key made it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integration.errors import ConfigError, DoesNotOpen

if TYPE_CHECKING:
    from pathlib import Path

_ROOT_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals column values and makes keyed digests, all from one root key of 32 bytes."""

    def __init__(self, root: bytes) -> None:
        if len(root) != _ROOT_BYTES:
            raise ValueError("a root key has 32 bytes")
        self._root = root
        self.key_id = self._derive("key id")[:4].hex()

    def __repr__(self) -> str:
        return f"<Sealer {self.key_id}>"

    @classmethod
    def load(cls, path: Path) -> Sealer:
        """The sealer of a root key file, as :func:`new_root_key` made it.

        Raises:
            ConfigError: the file is not there or not a root key.
        """
        try:
            root = base64.b64decode(path.read_bytes().strip(), validate=True)
        except (OSError, ValueError):
            root = b""
        if len(root) != _ROOT_BYTES:
            raise ConfigError(f"The root key file {path}", ["it is not there, or not 32 bytes in base64"])
        return cls(root)

    def seal(self, clear: bytes, *, table: str, column: str, row: str) -> str:
        """Ciphertext of ``clear`` for one place in the database."""
        place = f"{table}|{column}|{row}|{self.key_id}".encode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._derive(f"column {table}.{column}")).encrypt(nonce, clear, place)
        return f"v1.{self.key_id}.{base64.b64encode(nonce + sealed).decode('ascii')}"

    def open(self, sealed: str, *, table: str, column: str, row: str) -> bytes:
        """What was sealed for just this place.

        Raises:
            DoesNotOpen: another root key, another place, or a changed value.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, data = rest.partition(".")
        if version != "v1" or key_id != self.key_id:
            raise DoesNotOpen(
                f"A sealed value in {table}.{column} was made with another root key ({key_id[:8]!r}).",
                next_step="Start the server with the root key file that was in use when it was written.",
            )
        place = f"{table}|{column}|{row}|{key_id}".encode()
        try:
            raw = base64.b64decode(data, validate=True)
            return AESGCM(self._derive(f"column {table}.{column}")).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place
            )
        except (InvalidTag, ValueError):
            raise DoesNotOpen(
                f"A sealed value in {table}.{column} was changed or moved (row {row}).",
                meaning="Somebody or something wrote to the database beside this server.",
                next_step="Restore it from a backup and find out who has access to the database.",
            ) from None

    def digest(self, purpose: str, *parts: bytes) -> str:
        """A keyed digest: equal for equal parts, and meaningless without the root key."""
        whole = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.new(self._derive(f"digest {purpose}"), whole, hashlib.sha256).hexdigest()

    def _derive(self, purpose: str) -> bytes:
        return HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"coc-mirror/v1/{purpose}".encode()
        ).derive(self._root)


def new_root_key() -> bytes:
    """The content of a fresh root key file."""
    return base64.b64encode(secrets.token_bytes(_ROOT_BYTES)) + b"\n"

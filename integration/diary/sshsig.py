"""Ed25519 signatures in OpenSSH's file format (SSHSIG), so that ``ssh-keygen -Y verify`` checks ours.

The format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAGIC = b"SSHSIG"
_VERSION = struct.pack(">I", 1)
_HASH = b"sha512"
_TYPE = b"ssh-ed25519"
_WIDTH = 70
BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
_ARMOUR = re.compile(rf"{BEGIN}\r?\n([A-Za-z0-9+/=\r\n]{{1,1024}})\r?\n{END}\r?\n?\Z", re.ASCII)
_PUBLIC_LINE = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/]{68})\Z", re.ASCII)
_PUBLIC_PREFIX = struct.pack(">I", len(_TYPE)) + _TYPE + struct.pack(">I", 32)


def public_line(key: Ed25519PublicKey) -> str:
    """The public key as the roster writes it: ``ssh-ed25519 AAAA…``, without a comment."""
    return "ssh-ed25519 " + base64.b64encode(_PUBLIC_PREFIX + _raw(key)).decode("ascii")


@lru_cache(maxsize=256)  # a diary is signed by few, thousands of times
def public_key(line: str) -> Ed25519PublicKey | None:
    """The key in such a line; None if the line is anything else."""
    found = _PUBLIC_LINE.match(line)
    if found is None:
        return None
    blob = base64.b64decode(found[1])
    return Ed25519PublicKey.from_public_bytes(blob[-32:]) if blob[:-32] == _PUBLIC_PREFIX else None


def sign(key: Ed25519PrivateKey, namespace: str, message: bytes) -> str:
    """An armoured SSHSIG, ended by a line feed."""
    signature = _string(_TYPE) + _string(key.sign(_signed(namespace.encode("ascii"), _HASH, message)))
    blob = b"".join(
        (
            _MAGIC,
            _VERSION,
            _string(_PUBLIC_PREFIX + _raw(key.public_key())),
            _string(namespace.encode("ascii")),
            _string(b""),
            _string(_HASH),
            _string(signature),
        )
    )
    coded = base64.b64encode(blob).decode("ascii")
    lines = [coded[at : at + _WIDTH] for at in range(0, len(coded), _WIDTH)]
    return "\n".join((BEGIN, *lines, END)) + "\n"


def verify(line: str, namespace: str, message: bytes, armoured: str) -> bool:
    """Whether this is a signature of this key over this message in this namespace. Never raises.

    There is one spelling of what is signed, so the blob is not parsed but compared with the only one
    that could be right, up to the signature itself. SHA-512 only, as ssh-keygen does by default.
    """
    key = public_key(line)
    found = _ARMOUR.match(armoured)
    if key is None or found is None or not namespace.isascii():
        return False
    try:
        blob = base64.b64decode("".join(found[1].split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = b"".join(
        (
            _MAGIC,
            _VERSION,
            _string(_PUBLIC_PREFIX + _raw(key)),
            _string(namespace.encode("ascii")),
            _string(b""),
            _string(_HASH),
            struct.pack(">I", len(_string(_TYPE)) + 4 + 64),
            _string(_TYPE),
            struct.pack(">I", 64),
        )
    )
    if blob[:-64] != expected:
        return False
    return verify_raw(key, blob[-64:], _signed(namespace.encode("ascii"), _HASH, message))


def verify_raw(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether this is the key's plain Ed25519 signature over the message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _signed(namespace: bytes, hash_name: bytes, message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return _MAGIC + _string(namespace) + _string(b"") + _string(hash_name) + _string(digest)


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)

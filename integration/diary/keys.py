"""Keys of members, of the service and of epochs, and what counts as one.

A member's :class:`Identity` is made on their own machine and leaves it only locked by a passphrase.
Formats: section 10 of docs/diary-format.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

from integration.diary import sshsig
from integration.errors import CannotOpen, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}\Z", re.ASCII)
_SECRET = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\Z", re.ASCII)
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z", re.ASCII)
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z", re.ASCII)
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_FIRST_LINE = "# coc-mirror identity v1"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The public half of an epoch: its number, reading key (``age1…``) and writing key (``ssh-ed25519 …``)."""

    number: int
    recipient: str
    writing_key: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody a keyring is wrapped to. ``signing_key`` is None for a recovery key: it reads and does not write."""

    alias: str
    recipient: str
    signing_key: str | None


class ServiceKey:
    """The service's Ed25519 key: it seals comments and signs what the service writes itself."""

    def __init__(self, key_id: str, key: Ed25519PrivateKey) -> None:
        if not _KEY_ID.match(key_id):
            raise ValueError("A service key's id is letters, digits, '.', - or _, at most 32.")
        self.id = key_id
        self.public_line = sshsig.public_line(key.public_key())
        self._key = key

    @classmethod
    def load(cls, path: Path, key_id: str) -> Self:
        """The key in an OpenSSH private key file.

        Raises:
            ConfigError: there is no such file, or no Ed25519 key without a passphrase in it.
        """
        try:
            key = load_ssh_private_key(path.read_bytes(), password=None)
        except Exception as error:  # noqa: BLE001 - the parser's errors are of many kinds and may quote the file
            raise ConfigError(
                f"The service key {path}", [f"it cannot be read ({type(error).__name__})"]
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(f"The service key {path}", ["it is not an Ed25519 key"])
        return cls(key_id, key)

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner can read (mode 0600).

        Raises:
            FileExistsError: there is a file already; a key is never overwritten.
        """
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_openssh(self._key))

    def sign(self, namespace: str, message: bytes) -> str:
        """An armoured SSHSIG over the message."""
        return sshsig.sign(self._key, namespace, message)

    def seal(self, message: bytes) -> bytes:
        """A plain Ed25519 signature, 64 bytes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"ServiceKey({self.id!r})"


def new_service_key(key_id: str) -> ServiceKey:
    """A fresh service key.

    Raises:
        ValueError: the id is not one the roster would take.
    """
    return ServiceKey(key_id, Ed25519PrivateKey.generate())


class Identity:
    """A member's two keys: one that reads (X25519, age) and one that signs (Ed25519)."""

    def __init__(self, alias: str, secret: str, signing: Ed25519PrivateKey) -> None:
        if not _ALIAS.match(alias):
            raise ValueError("An alias is a letter, then letters, digits, - or _, at most 32.")
        self.alias = alias
        self.recipient = recipient_of(secret)
        self.signing_key = sshsig.public_line(signing.public_key())
        self._secret = secret
        self._signing = signing

    @property
    def secret(self) -> str:
        """``AGE-SECRET-KEY-1…``. Only open.py and :meth:`lock` have a use for it."""
        return self._secret

    def sign(self, namespace: str, message: bytes) -> str:
        """An armoured SSHSIG over the message."""
        return sshsig.sign(self._signing, namespace, message)

    def reader(self) -> Reader:
        """The public half, as a keyring lists it."""
        return Reader(self.alias, self.recipient, self.signing_key)

    def lock(self, passphrase: str) -> bytes:
        """The identity file: an armoured age file that this passphrase opens. Takes a second or two, on purpose.

        Raises:
            ValueError: the passphrase is empty.
        """
        if not passphrase:
            raise ValueError("An identity needs a passphrase.")
        private = _openssh(self._signing).decode("ascii").splitlines()
        lines = [
            _FIRST_LINE,
            f"# alias: {self.alias}",
            f"# recipient: {self.recipient}",
            f"# signing key: {self.signing_key}",
            self._secret,
            *(f"# {line}" for line in private),
        ]
        clear = "".join(f"{line}\n" for line in lines).encode("ascii")
        return pyrage.passphrase.encrypt(clear, passphrase, armored=True)

    @classmethod
    def unlock(cls, locked: bytes, passphrase: str) -> Self:
        """The identity in a locked file.

        Raises:
            CannotOpen: wrong passphrase, or not such a file; which of the two is not always known.
        """
        try:
            text = pyrage.passphrase.decrypt(locked.strip(), passphrase).decode("ascii")
            return cls._parse(text)
        except (pyrage.DecryptError, ValueError):
            raise CannotOpen(
                "This passphrase does not open this identity file.",
                meaning="The passphrase is wrong, or the file is damaged or is not an identity file.",
                next_step="Try again; if it is lost, make a new key (coc key new) and ask a member to clear you with it.",
            ) from None

    @classmethod
    def _parse(cls, text: str) -> Self:
        lines = text.splitlines()
        if not lines or lines[0] != _FIRST_LINE:
            raise ValueError("not an identity")
        alias = next(line.removeprefix("# alias: ") for line in [*lines, "# alias: "] if "# alias: " in line)
        secret = next((line for line in lines if _SECRET.match(line)), "")
        begin, end = "# -----BEGIN OPENSSH PRIVATE KEY-----", "# -----END OPENSSH PRIVATE KEY-----"
        if not secret or begin not in lines or end not in lines:
            raise ValueError("not a whole identity")
        pem = [line.removeprefix("# ") for line in lines[lines.index(begin) : lines.index(end) + 1]]
        signing = load_ssh_private_key("".join(f"{line}\n" for line in pem).encode("ascii"), password=None)
        if not isinstance(signing, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")  # noqa: TRY004 - one kind of error for a file that is not ours
        return cls(alias, secret, signing)

    def __repr__(self) -> str:
        return f"Identity({self.alias!r}, {self.recipient})"


def generate_identity(alias: str) -> Identity:
    """Fresh keys for a member.

    Raises:
        ValueError: the roster would not take this alias.
    """
    return Identity(alias, new_secret(), Ed25519PrivateKey.generate())


def new_secret() -> str:
    """A fresh X25519 secret as age writes it: ``AGE-SECRET-KEY-1…``."""
    return str(pyrage.x25519.Identity.generate())


def recipient_of(secret: str) -> str:
    """The public half of an age secret.

    Raises:
        ValueError: it is not an X25519 secret of age.
    """
    if _SECRET.match(secret):
        try:
            return str(pyrage.x25519.Identity.from_str(secret).to_public())
        except pyrage.IdentityError:
            pass
    raise ValueError("This is not an age secret key.")


def verify_sshsig(public_line: str, namespace: str, message: bytes, armoured: str) -> bool:
    """Whether ``armoured`` is this key's SSHSIG over the message in the namespace. Never raises."""
    return sshsig.verify(public_line, namespace, message, armoured)


def is_signing_key(text: str) -> bool:
    """Whether this is exactly ``ssh-ed25519`` and a key, without a comment."""
    return sshsig.public_key(text) is not None


@lru_cache(maxsize=1024)  # the same members stand in each keyring of each diary
def is_recipient(text: str) -> bool:
    """Whether this is exactly ``age1`` and 58 characters, with a good checksum, naming a usable point.

    SSH recipients would name the reader in every keyring, plugin recipients run programs. A point of small order
    would make the key exchange worthless (and pyrage panic).
    """
    if not _RECIPIENT.match(text):
        return False
    values = [_BECH32.index(char) for char in text[4:]]
    if _polymod([ord(char) >> 5 for char in "age"] + [0] + [ord(char) & 31 for char in "age"] + values) != 1:
        return False
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    if number & 0b1111:  # 52 letters are 260 bits: the last four must be zero
        return False
    point = X25519PublicKey.from_public_bytes((number >> 4).to_bytes(32, "big"))
    try:
        X25519PrivateKey.generate().exchange(point)
    except ValueError:  # OpenSSL refuses an all-zero result
        return False
    return True


def why_no_recipient(text: str) -> str:
    """Why :func:`is_recipient` says no, for whoever wrote it: a sentence of ours that repeats nothing of it."""
    if text.startswith(("ssh-", "ecdsa-", "sk-")):
        return "an SSH key, which would name its owner in every keyring; take the line from coc key show"
    if text.startswith("age1") and "1" in text[4:]:
        return "a plugin's key, which would make programs run; take the line from coc key show"
    if text.startswith("AGE-SECRET-KEY-"):
        return "a SECRET key: it must be replaced now that it was shown; the roster has public keys only"
    if _RECIPIENT.match(text):
        return "mistyped, or no usable key: its checksum is wrong; copy it again, whole"
    return "not age1 and 58 characters; copy it again, whole"


def _polymod(values: list[int]) -> int:
    """Bech32's checksum.

    https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
    """
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check


def _openssh(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

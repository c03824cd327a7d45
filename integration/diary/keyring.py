"""What a keyring holds: the secrets of its epoch and of all earlier ones, and who the readers are.

Section 7 of docs/diary-format.md. The body is JSON inside a signed frame; :meth:`Keyring.dump` writes it
and :func:`parse_keyring` reads it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import sshsig
from integration.diary.comment import from_b64url
from integration.diary.keys import Epoch, Reader, is_recipient, is_signing_key, recipient_of
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES: Final = 16
"""Recipients of a keyring: the empty places are filled with throw-away keys, up to a multiple of this."""

MAX_READERS: Final = 48
PART_BYTES: Final = 14_336
"""Bytes of a keyring's body in one comment: 48 places and the largest frame still fit Jira."""

LEAST: Final = 8_192
"""Smallest frame of a keyring, so that its size does not tell the number of readers."""

_LONGEST_NAME, _RECIPIENT, _SIGNING_KEY, _LARGE = 32, 62, 80, 99_999
_HASH = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class EpochSecrets:
    """One epoch as its readers know it. ``write_secret`` is the Ed25519 seed, only kept for the newest epoch."""

    epoch: Epoch
    roster_serial: int
    roster_hash: str
    readers: tuple[Reader, ...]
    read_secret: str = field(repr=False)
    write_secret: str | None = field(repr=False)

    def writer(self, alias: str) -> str | None:
        """The signing key of a reader who may write; None for others."""
        return next((one.signing_key for one in self.readers if one.alias == alias), None)


@dataclass(frozen=True, slots=True)
class Keyring:
    """All epochs that a reader of the newest one can open, newest first."""

    epochs: tuple[EpochSecrets, ...]

    @property
    def newest(self) -> EpochSecrets:
        """The epoch that this keyring opens."""
        return self.epochs[0]

    def dump(self) -> Untrusted:
        """The body of the keyring's frame. It holds secrets, so it is wrapped like a person's words.

        Blanks after the JSON bring it to a length that tells the places and the number of epochs, and neither
        how many readers there are nor whether somebody was left out.
        """
        text = json.dumps(self._json(), indent=1)
        places = -(-max(len(self.newest.readers), 1) // PLACES) * PLACES
        while (size := _full_size(len(self.epochs), places)) < len(text):
            places += PLACES
        return Untrusted(text.ljust(size))

    def _json(self) -> dict[str, Any]:
        people: list[Reader] = []
        epochs = [
            {
                "number": one.epoch.number,
                "read": one.epoch.recipient,
                "read_secret": one.read_secret,
                "write": one.epoch.writing_key,
                "write_secret": one.write_secret if one is self.newest else None,
                "roster": {"serial": one.roster_serial, "hash": one.roster_hash},
                "readers": [_index(people, reader) for reader in one.readers],
            }
            for one in self.epochs
        ]
        listed = [{"alias": p.alias, "recipient": p.recipient, "signing_key": p.signing_key} for p in people]
        return {"people": listed, "epochs": epochs}


def _full_size(epochs: int, places: int) -> int:
    """The length of a keyring's JSON if its places are all taken in every epoch, by members with long names."""
    people = tuple(
        Reader(f"{n}".zfill(_LONGEST_NAME), "r" * _RECIPIENT, "s" * _SIGNING_KEY) for n in range(places)
    )
    secrets = tuple(
        EpochSecrets(
            Epoch(_LARGE, "r" * _RECIPIENT, "s" * _SIGNING_KEY), _LARGE, "h" * 64, people, "k" * 74, "w" * 43
        )
        for _ in range(epochs)
    )
    return len(json.dumps(Keyring(secrets)._json(), indent=1))  # noqa: SLF001 - our own class


def _index(people: list[Reader], reader: Reader) -> int:
    if reader not in people:
        people.append(reader)
    return people.index(reader)


def parse_keyring(body: Untrusted) -> Keyring:
    """The keyring in a frame's body. Each public key is checked against its secret.

    Raises:
        ValueError: it is not a keyring; the message quotes nothing of it.
    """
    try:
        data = json.loads(body.reveal())
        people = [_reader(one) for one in data["people"]]
        epochs = tuple(_epoch(one, people) for one in data["epochs"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError("The keyring does not hold what a keyring must hold.") from None
    numbers = [one.epoch.number for one in epochs]
    if not epochs or numbers != list(range(numbers[0], 0, -1)) or epochs[0].write_secret is None:
        raise ValueError("The keyring does not hold every epoch up to its own.")
    return Keyring(epochs)


def _reader(raw: dict[str, Any]) -> Reader:
    alias, recipient, signing_key = raw["alias"], raw["recipient"], raw["signing_key"]
    if not isinstance(alias, str) or not is_recipient(recipient):
        raise ValueError("not a reader")
    if signing_key is not None and not is_signing_key(signing_key):
        raise ValueError("not a signing key")
    return Reader(alias, recipient, signing_key)


def _epoch(raw: dict[str, Any], people: Sequence[Reader]) -> EpochSecrets:
    number, read, secret = raw["number"], raw["read"], raw["read_secret"]
    write, write_secret = raw["write"], raw["write_secret"]
    serial, roster_hash = raw["roster"]["serial"], raw["roster"]["hash"]
    if not _whole(number) or not _whole(serial) or not _HASH.match(roster_hash):
        raise ValueError("not a number or hash")
    if recipient_of(secret) != read or not is_signing_key(write):
        raise ValueError("keys that do not belong together")
    if write_secret is not None and writing_key_of(write_secret)[1] != write:
        raise ValueError("keys that do not belong together")
    if not all(_whole(index + 1) for index in raw["readers"]):
        raise ValueError("not an index")
    readers = tuple(people[index] for index in raw["readers"])
    return EpochSecrets(Epoch(number, read, write), serial, roster_hash, readers, secret, write_secret)


def writing_key_of(write_secret: str) -> tuple[Ed25519PrivateKey, str]:
    """The private key in a writing secret, and its public line.

    Raises:
        ValueError: it is not 32 bytes of base64url.
    """
    key = Ed25519PrivateKey.from_private_bytes(from_b64url(write_secret))
    return key, sshsig.public_line(key.public_key())


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0

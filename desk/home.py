"""The files of a desk: the locked key, what the team pinned, and the heads this desk has seen.

Everything is in one folder that only its owner can enter. Files are replaced whole, never half
written; the key is never overwritten. What is worth a backup is ``identity.age`` alone: the rest can be
made again, at the price of forgetting which heads were seen.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.errors import ConfigError, HomeError
from integration.incident import IncidentId
from integration.mirror import TicketName
from integration.roster import Roster, parse_roster

if TYPE_CHECKING:
    from pathlib import Path

_IDENTITY: Final = "identity.age"
_PUBLIC: Final = "identity.toml"
_CONNECTION: Final = "connection.toml"
_HEADS: Final = "heads"

_LINK: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """What the roster holds of a member's key; it lies beside the locked key in clear."""

    alias: str
    recipient: str
    signing_key: str

    @property
    def fingerprint(self) -> str:
        """What two people compare in person: one fingerprint over both keys."""
        return fingerprint(self.recipient, self.signing_key)

    def roster_lines(self) -> str:
        """The member's lines of ``roster.toml``."""
        return f'alias = "{self.alias}"\nrecipient = "{self.recipient}"\nsigning_key = "{self.signing_key}"\n'


@dataclass(frozen=True, slots=True)
class Connection:
    """The service this desk asks, and the roster it trusts: both chosen by the member, not by the service."""

    origin: str
    roster: Roster


@dataclass(frozen=True, slots=True)
class Remembered:
    """What this desk saw the last time it read a diary."""

    incident: IncidentId
    ticket: TicketName
    head: Head


def fingerprint(*keys: str) -> str:
    """``SHA256:`` and the unpadded base64 of the hash over the keys, each on a line of its own."""
    digest = hashlib.sha256("".join(f"{key}\n" for key in keys).encode("ascii")).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


class Home:
    """A desk's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # the key

    def refuse_second_identity(self) -> None:
        """A key is never overwritten, and never made in vain beside another.

        Raises:
            HomeError: there is a key here already.
        """
        if (self.folder / _IDENTITY).exists():
            raise self._key_is_here()

    def keep_identity(self, locked: bytes, public: PublicKeys) -> None:
        """Write a new, locked key and its public part.

        Raises:
            HomeError: there is a key already; it is left as it is.
        """
        self.refuse_second_identity()
        self._make_folder()
        # The key last: if we are cut off in between, there is no key yet and it can be made again.
        self._write(_PUBLIC, public.roster_lines().encode("ascii"))
        self._write(_IDENTITY, locked, replace=False)

    def locked_identity(self) -> bytes:
        """The locked key's bytes.

        Raises:
            HomeError: there is none, or it cannot be read.
        """
        return self._read(_IDENTITY, "your key")

    def public(self) -> PublicKeys:
        """The public part of the key; needs no passphrase.

        Raises:
            HomeError: there is no key here, or this part of it is damaged.
        """
        self.locked_identity()
        raw = self._read(_PUBLIC, "the public part of your key")
        try:
            table = tomllib.loads(raw.decode("ascii"))
            return PublicKeys(str(table["alias"]), str(table["recipient"]), str(table["signing_key"]))
        except (ValueError, KeyError):
            raise self._damaged(
                _PUBLIC, "Restore it from a backup; the roster holds the same lines."
            ) from None

    # the service and the roster

    def connect(self, origin: str, roster_file: bytes, roster: Roster) -> None:
        """Pin the service's address and a copy of the roster; both change together or not at all."""
        self._make_folder()
        self._write(_roster_name(roster.hash), roster_file)
        lines = f'origin = "{origin}"\nroster = "{roster.hash}"\n'
        self._write(_CONNECTION, lines.encode("ascii"))

    def connection(self) -> Connection | None:
        """The pinned service and roster; None before ``coc connect``.

        Raises:
            HomeError: the files do not fit each other any more.
        """
        if not (self.folder / _CONNECTION).exists():
            return None
        again = "Say again: coc connect URL --roster FILE"
        try:
            table = tomllib.loads(self._read(_CONNECTION, "the connection").decode("ascii"))
            origin, pinned = str(table["origin"]), str(table["roster"])
        except (ValueError, KeyError):
            raise self._damaged(_CONNECTION, again) from None
        if not re.fullmatch(r"[0-9a-f]{64}", pinned):
            raise self._damaged(_CONNECTION, again)
        name = _roster_name(pinned)
        raw = self._read(name, "the pinned roster")
        if hashlib.sha256(raw).hexdigest() != pinned:
            raise self._damaged(name, again)
        try:
            return Connection(origin, parse_roster(raw, where="The pinned roster"))
        except ConfigError:
            raise self._damaged(name, again) from None

    # what was seen

    def remembered(self, code_name: str) -> Remembered | None:
        """What was seen of a diary the last time; None if it was never read here.

        Raises:
            HomeError: the file is damaged. It is not taken for "never read": that would hide a rollback.
        """
        name = f"{_HEADS}/{code_name}.json"
        if not (self.folder / name).exists():
            return None
        try:
            return _remembered(json.loads(self._read(name, "the remembered head")))
        except (ValueError, KeyError, TypeError):
            raise self._damaged(
                name,
                "Ask another member for the head they have seen. After you have compared it, delete the file.",
            ) from None

    def remember(self, code_name: str, seen: Remembered) -> None:
        """Note what was seen of a diary; the file is replaced whole."""
        self._make_folder()
        (self.folder / _HEADS).mkdir(mode=0o700, exist_ok=True)
        text = json.dumps(
            {
                "version": 1,
                "incident": seen.incident,
                "ticket": seen.ticket,
                "head": head_to_json(seen.head),
            },
            indent=1,
        )
        self._write(f"{_HEADS}/{code_name}.json", text.encode("ascii"))

    def code_name_of(self, incident: IncidentId) -> str | None:
        """Under which code name this desk knows an incident."""
        for path in sorted((self.folder / _HEADS).glob("*.json")):
            seen = self.remembered(path.stem)
            if seen is not None and seen.incident == incident:
                return path.stem
        return None

    # files

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"The folder {self.folder} cannot be made ({type(error).__name__}).",
                next_step="Choose another one with --home.",
            ) from None

    def _read(self, name: str, what: str) -> bytes:
        path = self.folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            step = "Make a key with: coc key new --alias YOUR-ALIAS" if name == _IDENTITY else ""
            raise HomeError(
                f"There is no {name} in {self.folder}: {what} is not on this machine.",
                next_step=step or "Restore it from a backup, or connect again.",
            ) from None
        except OSError as error:
            raise HomeError(
                f"{path} cannot be read ({type(error).__name__}).",
                next_step="See who owns the file; it must be yours.",
            ) from None

    def _write(self, name: str, content: bytes, *, replace: bool = True) -> None:
        """Write a file whole and only for its owner: beside its place, then moved there."""
        path = self.folder / name
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                if replace:
                    beside.replace(path)
                else:
                    path.hardlink_to(beside)
            finally:
                beside.unlink(missing_ok=True)
        except FileExistsError:
            raise self._key_is_here() from None
        except OSError as error:
            raise HomeError(
                f"{path} cannot be written ({type(error).__name__}).",
                meaning="What was there before is still there.",
                next_step="See that the folder is yours and the disk is not full.",
            ) from None

    def _key_is_here(self) -> HomeError:
        return HomeError(
            f"There is a key in {self.folder} already, and it stays as it is.",
            meaning="Whoever loses a key loses every diary it opens.",
            next_step="Show it with: coc key show. For another key, choose another folder with --home.",
        )

    def _damaged(self, name: str, next_step: str) -> HomeError:
        return HomeError(
            f"{self.folder / name} is damaged or was changed by something else.",
            meaning="Nothing is read on its word.",
            next_step=next_step,
        )


def check_successor(pinned: Connection | None, roster: Roster) -> None:
    """A roster may take the place of the pinned one only if it comes after it.

    Raises:
        ConfigError: it is older, or another roster with the same number, or does not name the pinned one
            as the one before it.
    """
    if pinned is None or roster.hash == pinned.roster.hash:
        return
    before = pinned.roster
    if roster.serial < before.serial:
        mistake = f"it is number {roster.serial}, and this desk trusts number {before.serial} already"
    elif roster.serial == before.serial:
        mistake = f"it is number {roster.serial} like the one this desk trusts, and says something else"
    elif roster.serial == before.serial + 1 and roster.previous != before.hash:
        mistake = f"it does not name the roster {before.serial} that this desk trusts as the one before it"
    else:
        return
    raise ConfigError(
        "The roster",
        [mistake + "; ask your team for the right file, and compare its SHA-256 with them in person"],
    )


def _roster_name(roster_hash: str) -> str:
    return f"roster-{roster_hash}.toml"


def head_to_json(head: Head) -> dict[str, int | str]:
    """A head as the files of a desk and the service's answers hold it."""
    return {"seq": head.seq, "part": head.part, "link": head.link}


def head_from_json(raw: Any, incident: IncidentId) -> Head:  # noqa: ANN401 - whatever JSON held
    """What :func:`head_to_json` made; anything else is a ValueError, KeyError or TypeError."""
    seq, part, link = raw["seq"], raw["part"], raw["link"]
    if type(seq) is not int or type(part) is not int or not _LINK.match(link):
        raise ValueError("not a head")
    return Head(incident, seq, part, Link(link))


def _remembered(raw: Any) -> Remembered:  # noqa: ANN401 - whatever JSON held
    if raw["version"] != 1:
        raise ValueError("not a remembered head")
    incident = IncidentId(str(raw["incident"]))
    return Remembered(incident, TicketName(str(raw["ticket"])), head_from_json(raw["head"], incident))

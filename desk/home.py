"""The files of a desk: the locked key, what the team pinned, and the heads this desk has seen.

Everything is in one folder that only its owner can enter. Files are replaced whole, never half
written; the key is never overwritten. What is worth a backup is ``identity.age`` alone: the rest can be
made again, at the price of forgetting which heads were seen.
"""

from __future__ import annotations

import base64
import contextlib
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
from integration.roster_files import SignedRoster, Step, read_signed, signature_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_IDENTITY: Final = "identity.age"
_PUBLIC: Final = "identity.toml"
_CONNECTION: Final = "connection.toml"
_HEADS: Final = "heads"

_AGAIN: Final = f"Delete {_CONNECTION}, and say again: coc connect URL --roster FILE"

_HASH: Final = re.compile(r"[0-9a-f]{64}\Z")
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
    """The service this desk asks, and the roster it trusts: both chosen by the member, not by the service.

    ``former`` are rosters accepted before, oldest first: what their members signed can still be checked.
    """

    origin: str
    roster: Roster
    former: tuple[Roster, ...] = ()


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

    def connect(
        self,
        origin: str,
        roster_file: bytes,
        roster: Roster,
        signatures: Mapping[str, str] | None = None,
        *,
        former: Sequence[Step] = (),
    ) -> None:
        """Pin the service's address and a copy of the roster; both change together or not at all.

        Args:
            origin: the service's address.
            roster_file: the roster's bytes.
            roster: the same, read.
            signatures: what lay beside it, kept so that this desk can show and hand on who signed.
            former: rosters that were accepted on the way to this one; those pinned before are kept as well.
        """
        before = self.connection()
        known = [] if before is None else [*before.former, before.roster]
        self._make_folder()
        for step in former:
            self._keep_roster(step.file.raw, step.roster, step.file.signatures)
        self._keep_roster(roster_file, roster, signatures or {})
        serials = {one.hash: one.serial for one in [*known, *(step.roster for step in former)]}
        serials.pop(roster.hash, None)
        listed = ", ".join(f'"{one}"' for one in sorted(serials, key=lambda one: serials[one]))
        lines = f'origin = "{origin}"\nroster = "{roster.hash}"\nformer = [{listed}]\n'
        self._write(_CONNECTION, lines.encode("ascii"))

    def connection(self) -> Connection | None:
        """The pinned service and roster, and those accepted before it; None before ``coc connect``.

        Raises:
            HomeError: the files do not fit each other any more.
        """
        if not (self.folder / _CONNECTION).exists():
            return None
        try:
            table = tomllib.loads(self._read(_CONNECTION, "the connection").decode("ascii"))
            origin, pinned, former = str(table["origin"]), table["roster"], table.get("former", [])
            if not all(isinstance(one, str) and _HASH.match(one) for one in [pinned, *former]):
                raise ValueError("not a hash")  # noqa: TRY301 - damaged, like what TOML cannot read
        except (ValueError, KeyError, TypeError):
            raise self._damaged(_CONNECTION, _AGAIN) from None
        return Connection(origin, self._kept_roster(pinned), tuple(self._kept_roster(one) for one in former))

    def signed_roster(self, roster: Roster) -> SignedRoster:
        """An accepted roster as it came: its bytes and the signatures that lay beside it."""
        return read_signed(self.folder / _roster_name(roster.hash))

    def _keep_roster(self, raw: bytes, roster: Roster, signatures: Mapping[str, str]) -> None:
        path = self.folder / _roster_name(roster.hash)
        self._write(path.name, raw)
        for alias, armoured in signatures.items():
            self._write(signature_path(path, alias).name, armoured.encode("ascii"))

    def _kept_roster(self, roster_hash: str) -> Roster:
        name = _roster_name(roster_hash)
        raw = self._read(name, "an accepted roster")
        if hashlib.sha256(raw).hexdigest() != roster_hash:
            raise self._damaged(name, _AGAIN)
        try:
            return parse_roster(raw, where="The pinned roster")
        except ConfigError:
            raise self._damaged(name, _AGAIN) from None

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

    def seen_code_names(self) -> tuple[str, ...]:
        """Every code name under which this desk has read a diary, also where its file is damaged now."""
        return tuple(sorted(path.stem for path in (self.folder / _HEADS).glob("*.json")))

    def code_names(self) -> dict[IncidentId, str]:
        """Every incident this desk knows, and under which code name.

        A damaged file is left out; :meth:`remembered` of its code name says that it is damaged.
        """
        known: dict[IncidentId, str] = {}
        for path in sorted((self.folder / _HEADS).glob("*.json")):
            with contextlib.suppress(HomeError):
                if (seen := self.remembered(path.stem)) is not None:
                    known.setdefault(seen.incident, path.stem)
        return known

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

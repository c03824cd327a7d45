"""A roster's files: ``roster.toml``, its signatures ``roster.toml.sig.<alias>``, and the rosters before it.

Older rosters stay beside the newest as ``roster-1.toml``, ``roster-2.toml``, …, each with its signatures, so that
whoever was away can follow from the one they accepted to the newest, step by step.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from integration.errors import ConfigError, RosterRefused
from integration.roster import Roster, parse_roster
from integration.roster_chain import check_entrance, check_succession

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ALIAS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z", re.ASCII)
_LARGEST_SIGNATURE: Final = 4096
_LARGEST_ROSTER: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SignedRoster:
    """A roster's bytes and the signatures that lie beside it, by alias; nothing of it is checked yet."""

    raw: bytes
    signatures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A roster that was checked, with what it was checked by."""

    file: SignedRoster
    roster: Roster


def signature_path(path: Path, alias: str) -> Path:
    """Where this member's signature over the roster lies."""
    return path.with_name(f"{path.name}.sig.{alias}")


def older_path(path: Path, serial: int) -> Path:
    """Where the roster of this number lies once a newer one has taken its place."""
    return path.with_name(f"{path.stem}-{serial}{path.suffix}")


def read_signed(path: Path) -> SignedRoster:
    """A roster's file with its signatures. A signature's file that cannot be one counts as garbage.

    Raises:
        ConfigError: the roster's file cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_ROSTER + 1)
        beside = sorted(path.parent.iterdir())
    except OSError as error:
        raise ConfigError(f"The roster {path}", [f"it cannot be read ({type(error).__name__})"]) from None
    if len(raw) > _LARGEST_ROSTER:
        raise ConfigError(f"The roster {path}", ["it is larger than any roster"])
    prefix = f"{path.name}.sig."
    found = {
        one.name.removeprefix(prefix): _signature(one)
        for one in beside
        if one.name.startswith(prefix) and _ALIAS.match(one.name.removeprefix(prefix))
    }
    return SignedRoster(raw, found)


def parse_signed(path: Path, file: SignedRoster) -> Roster:
    """The roster in a file, its signatures unchecked.

    Raises:
        ConfigError: it has mistakes; all of them are listed.
    """
    return parse_roster(file.raw, where=f"The roster {path}")


def enter(path: Path) -> Step:
    """The first roster that a service takes: signed by its own members, whatever its number.

    Raises:
        ConfigError: the file cannot be read or has mistakes.
        RosterRefused: too few of its members signed it.
    """
    file = read_signed(path)
    parse_signed(path, file)
    return Step(file, check_entrance(file.raw, file.signatures))


def follow(path: Path, accepted: Roster) -> tuple[Step, ...]:
    """Every roster after the accepted one up to this file's, each a good successor of the one before it.

    Returns:
        Nothing if the file is the accepted roster itself.

    Raises:
        ConfigError: a file cannot be read or has mistakes.
        RosterRefused: one of them is missing, does not follow, or is not signed as it must be.
    """
    newest = read_signed(path)
    serial = parse_signed(path, newest).serial
    steps: list[Step] = []
    for between in range(accepted.serial + 1, serial):
        older = older_path(path, between)
        if not older.is_file():
            raise RosterRefused(
                f"The roster {path.name} is number {serial}, and the accepted one is {accepted.serial}.",
                meaning=f"Number {between} is needed to get from one to the other.",
                next_step=f"Put it, with its signatures, beside it as {older.name}.",
            )
        _step(steps, older, read_signed(older), accepted)
    _step(steps, path, newest, accepted)
    return tuple(steps)


def history(path: Path, roster: Roster) -> tuple[Step, ...]:
    """The rosters before one that is trusted, newest first, as far as they lie beside it.

    They need no signature: each is named by the hash in the one after it, so it can only be the right one.
    """
    found: list[Step] = []
    while roster.serial > 1:
        older = older_path(path, roster.serial - 1)
        try:
            file = read_signed(older)
        except ConfigError:
            break
        if hashlib.sha256(file.raw).hexdigest() != roster.previous:
            break
        roster = parse_signed(older, file)
        found.append(Step(file, roster))
    return tuple(found)


def _step(steps: list[Step], path: Path, file: SignedRoster, accepted: Roster) -> None:
    previous = steps[-1].roster if steps else accepted
    parse_signed(path, file)  # its mistakes under its name
    roster = check_succession(file.raw, file.signatures, previous=previous)
    if roster is not previous:
        steps.append(Step(file, roster))


def _signature(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST_SIGNATURE).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""

"""The roster: who is on the team, with which keys, and who is on duty.

``roster.toml`` is written by the team, never by the service. Its format, with the serial number and the
hash of the roster before it, is part of docs/diary-format.md.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integration.diary.keys import is_recipient, is_signing_key, why_no_recipient
from integration.errors import ConfigError
from integration.incident import Alias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z")
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_EMAIL = re.compile(r'[^@\s\x00-\x1f,;:<>()\[\]"\\]+@[^@\s\x00-\x1f,;:<>()\[\]"\\]+\Z')


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the team. ``accounts`` maps a host kind (``jira``, ``github``) to the account id there."""

    alias: Alias
    recipient: str
    signing_key: str
    email: str
    on_duty: bool
    names: tuple[str, ...]
    handles: tuple[str, ...]
    accounts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """A key held by one person for the day nobody else can read; named, and mailed only then."""

    name: str
    recipient: str
    email: str


@dataclass(frozen=True, slots=True)
class ServiceKeyEntry:
    """A public key of the service, with which it seals comments and signs what it writes itself."""

    id: str
    public: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The whole roster. ``hash`` is over the file's bytes and stands in every keyring."""

    serial: int
    previous: str
    hash: str
    members: tuple[Member, ...]
    recovery: tuple[RecoveryKey, ...]
    service_keys: tuple[ServiceKeyEntry, ...]

    def member(self, alias: str) -> Member | None:
        """The member of this alias, if there is one."""
        return next((member for member in self.members if member.alias == alias), None)

    def with_account(self, host_kind: str, account: str) -> Member | None:
        """The member who has this account on a kind of host, if there is one."""
        wanted = account.casefold()
        return next(
            (one for one in self.members if wanted and one.accounts.get(host_kind, "").casefold() == wanted),
            None,
        )

    def accounts(self, host_kind: str) -> frozenset[str]:
        """All members' accounts on one kind of host."""
        return frozenset(
            member.accounts[host_kind] for member in self.members if host_kind in member.accounts
        )


def load_roster(path: Path) -> Roster:
    """The roster in a file.

    Raises:
        ConfigError: the file cannot be read or has mistakes; all of them are listed.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"The roster {path}", [f"it cannot be read ({type(error).__name__})"]) from None
    return parse_roster(raw, where=f"The roster {path}")


def parse_roster(raw: bytes, *, where: str) -> Roster:
    """Read a roster from the bytes of its file.

    Raises:
        ConfigError: with every mistake.
    """
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(where, [f"it is not valid TOML in UTF-8 ({type(error).__name__})"]) from None
    mistakes: list[str] = []
    _refuse_unknown(
        data, {"version", "serial", "previous", "members", "recovery", "service_keys"}, "the file", mistakes
    )
    if data.get("version") != 1:
        mistakes.append("version must be 1")
    serial = data.get("serial")
    if not isinstance(serial, int) or isinstance(serial, bool) or serial < 1:
        mistakes.append("serial must be a whole number from 1")
        serial = 1
    previous = data.get("previous", "")
    if not isinstance(previous, str) or not re.fullmatch(r"[0-9a-f]{64}" if serial > 1 else "", previous):
        mistakes.append(
            "previous must be the SHA-256 of the roster before this one, in hex; empty for serial 1"
        )
    members = [
        _member(one, f"members[{n}]", mistakes)
        for n, one in enumerate(_list(data.get("members"), "members", mistakes), 1)
    ]
    recovery = [
        _recovery(one, f"recovery[{n}]", mistakes)
        for n, one in enumerate(_list(data.get("recovery", []), "recovery", mistakes), 1)
    ]
    keys = [
        _service_key(one, f"service_keys[{n}]", mistakes)
        for n, one in enumerate(_list(data.get("service_keys", []), "service_keys", mistakes), 1)
    ]
    if not members:
        mistakes.append("there must be at least one member")
    _once(
        [str(m.alias).casefold() for m in members] + [r.name.casefold() for r in recovery],
        "alias or recovery name",
        mistakes,
    )
    _once([m.recipient for m in members] + [r.recipient for r in recovery], "recipient", mistakes)
    _once([m.signing_key for m in members], "signing key", mistakes)
    _once([key.id for key in keys], "service key id", mistakes)
    if mistakes:
        raise ConfigError(where, mistakes)
    return Roster(
        serial, previous, hashlib.sha256(raw).hexdigest(), tuple(members), tuple(recovery), tuple(keys)
    )


def _member(raw: object, name: str, mistakes: list[str]) -> Member:
    table = raw if isinstance(raw, dict) else {}
    _refuse_unknown(
        table,
        {"alias", "recipient", "signing_key", "email", "on_duty", "names", "handles", "accounts"},
        name,
        mistakes,
    )
    accounts = table.get("accounts", {})
    if not isinstance(accounts, dict) or not all(
        isinstance(v, str) and v and k in {"jira", "github"} for k, v in accounts.items()
    ):
        mistakes.append(f"{name}.accounts must map jira or github to the account there")
        accounts = {}
    on_duty = table.get("on_duty", False)
    if not isinstance(on_duty, bool):
        mistakes.append(f"{name}.on_duty must be true or false")
    alias = _text(
        table, "alias", _ALIAS.match, "a letter, then letters, digits, - or _, at most 32", name, mistakes
    )
    if alias == "service":
        mistakes.append(f"{name}.alias: 'service' is the name of the service itself")
    return Member(
        alias=Alias(alias),
        recipient=_recipient(table, f"{name} ({alias})" if alias else name, mistakes),
        signing_key=_text(
            table, "signing_key", is_signing_key, "ssh-ed25519 and the key, without a comment", name, mistakes
        ),
        email=_text(table, "email", _EMAIL.match, "a mail address", name, mistakes),
        on_duty=bool(on_duty),
        names=_texts(table, "names", name, mistakes),
        handles=_texts(table, "handles", name, mistakes),
        accounts=accounts,
    )


def _recovery(raw: object, name: str, mistakes: list[str]) -> RecoveryKey:
    table = raw if isinstance(raw, dict) else {}
    _refuse_unknown(table, {"name", "recipient", "email"}, name, mistakes)
    own = _text(
        table, "name", _ALIAS.match, "a letter, then letters, digits, - or _, at most 32", name, mistakes
    )
    return RecoveryKey(
        name=own,
        recipient=_recipient(table, f"{name} ({own})" if own else name, mistakes),
        email=_text(table, "email", _EMAIL.match, "a mail address", name, mistakes),
    )


def _recipient(table: dict[str, Any], name: str, mistakes: list[str]) -> str:
    value = table.get("recipient")
    if isinstance(value, str) and not is_recipient(value):
        mistakes.append(f"{name}.recipient is {why_no_recipient(value)}")
        return ""
    return _text(table, "recipient", is_recipient, "age1 and 58 characters", name, mistakes)


def _service_key(raw: object, name: str, mistakes: list[str]) -> ServiceKeyEntry:
    table = raw if isinstance(raw, dict) else {}
    _refuse_unknown(table, {"id", "public"}, name, mistakes)
    return ServiceKeyEntry(
        id=_text(table, "id", _KEY_ID.match, "letters, digits, '.', - or _, at most 32", name, mistakes),
        public=_text(
            table, "public", is_signing_key, "ssh-ed25519 and the key, without a comment", name, mistakes
        ),
    )


def _text(
    table: dict[str, Any],
    key: str,
    is_good: Callable[[str], object],
    what: str,
    name: str,
    mistakes: list[str],
) -> str:
    value = table.get(key)
    if isinstance(value, str) and is_good(value):
        return value
    mistakes.append(f"{name}.{key} must be {what}")
    return ""


def _texts(table: dict[str, Any], key: str, name: str, mistakes: list[str]) -> tuple[str, ...]:
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    mistakes.append(f"{name}.{key} must be a list of texts")
    return ()


def _list(raw: object, name: str, mistakes: list[str]) -> list[object]:
    if isinstance(raw, list):
        return raw
    mistakes.append(f"{name} must be a list of tables")
    return []


def _once(values: list[str], what: str, mistakes: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value and value in seen:
            mistakes.append(f"the {what} {value[:24]!r} stands twice")
        seen.add(value)


def _refuse_unknown(table: dict[str, Any], known: set[str], name: str, mistakes: list[str]) -> None:
    mistakes.extend(f"{name} has the unknown entry {key!r}" for key in table if key not in known)

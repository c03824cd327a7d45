"""The configuration: one frozen object, built once from one TOML file; every mistake is reported together.

Secrets are never in the file itself: it names files that hold them, relative to its own folder. docs/server.md
describes every entry, and a test holds that page against this module.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.diary.keys import ServiceKey, is_recipient
from integration.errors import ConfigError
from integration.process import Process, default_process, load_process
from integration.roster import Roster, load_roster
from integration.signed_request import is_loopback
from webhook_server.config_mail import read_mail
from webhook_server.config_spaces import SpaceSettings, read_spaces
from webhook_server.config_syntax import parse_config
from webhook_server.config_values import OTHERS_AND_GROUP, Values
from webhook_server.intake.sources import Source, parse_sources
from webhook_server.store.sealed import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from integration.incident import SpaceName
    from webhook_server.notify import MailSettings

_HOST = re.compile(r"[A-Za-z0-9._-]+|\*")
_EVERYWHERE = {"0.0.0.0", "::", "*"}  # noqa: S104 - to know it


@dataclass(frozen=True, slots=True)
class Config:
    """All that the server is told."""

    listen_host: str
    listen_port: int
    metrics: tuple[str, int] | None
    origin: str
    database_url: str = field(repr=False)
    engine_url: str = field(repr=False)
    inbox_keys: Path
    backup_recipient: str | None
    files: tuple[Path, ...]
    root_key_file: Path
    sealer: Sealer
    service_key: ServiceKey
    roster_file: Path
    roster: Roster
    process: Process
    spaces: Mapping[SpaceName, SpaceSettings]
    sources: Mapping[str, Source]
    mail: MailSettings | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server listens and where its database is: enough to look at it, without any secret."""

    listen_host: str
    listen_port: int
    database_url: str = field(repr=False)
    inbox_keys: Path


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be read of a configuration that may have mistakes."""

    mistakes: list[str]
    """Those that were found so far; whoever finds more adds them."""
    addresses: Addresses
    sealer: Sealer | None
    roster_file: Path | None
    """None if it cannot be read as a roster."""
    spaces: Mapping[SpaceName, SpaceSettings]
    config: Config | None
    engine_url: str = field(repr=False)


def load_config(path: Path, *, also: Iterable[Callable[[Draft], None]] = ()) -> Config:
    """Read the configuration and everything it names.

    ``also`` look for mistakes that cannot be seen here: webhook_server/whole_config.py.

    Raises:
        ConfigError: with all mistakes in the file and in the files it names.
    """
    draft = _Reading(path.parent).draft(parse_config(path))
    for look in also:
        look(draft)
    if draft.mistakes or draft.config is None:
        raise ConfigError(f"The configuration {path}", draft.mistakes)
    return draft.config


def read_addresses(path: Path) -> Addresses:
    """What can be read of a configuration that may have mistakes elsewhere, or whose secrets this account cannot open.

    Raises:
        NotTOML: the file's syntax is wrong; see :func:`guess_addresses`.
        ConfigError: the file cannot be read, or it is just these entries that have mistakes.
    """
    return _addresses(path, parse_config(path))


def guess_addresses(path: Path) -> tuple[Addresses, bool]:
    """What a file whose syntax is wrong most likely says: what its table ``[server]`` holds, read by itself.

    Returns:
        The addresses, and False if that table is just what cannot be read, so that these are the usual ones.
    """
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("[")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if lines[start].partition("#")[0].strip() == "[server]":
            with suppress(tomllib.TOMLDecodeError, ConfigError):
                return _addresses(path, tomllib.loads("\n".join(lines[start:end]))), True
    return _addresses(path, {}), False


def _addresses(path: Path, data: dict[str, Any]) -> Addresses:
    reading = _Reading(path.parent)
    addresses = reading.addresses(data)
    if reading.mistakes:
        raise ConfigError(f"The configuration {path}", reading.mistakes)
    return addresses


class _Reading:
    """One pass over the file; it goes on after a mistake so that all are found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._values = Values(folder)

    @property
    def mistakes(self) -> list[str]:
        """What was found to be wrong so far."""
        return self._values.mistakes

    def addresses(self, data: dict[str, Any]) -> Addresses:
        """Only where the server listens and where its database is."""
        return self._addresses(self._values.table(data, "server"))

    def _addresses(self, server: dict[str, Any]) -> Addresses:
        host, port = self._listen(server, "listen")
        database_url = self._database(server, "database", "coc.sqlite")
        return Addresses(host, port, database_url, self._inbox_keys(server))

    def draft(self, data: dict[str, Any]) -> Draft:
        """All of it."""
        self._values.refuse_unknown(data, {"server", "spaces", "sources", "mail"}, "the file")
        server = self._values.table(data, "server")
        known = {
            "listen",
            "metrics",
            "origin",
            "database",
            "engine_database",
            "inbox_keys",
            "backup_recipient",
            "root_key_file",
            "service_key_file",
            "service_key_id",
        }
        self._values.refuse_unknown(server, known | {"roster", "process"}, "[server]")
        addresses = self._addresses(server)
        metrics = self._metrics(server, addresses)
        origin = self._values.address(server, "origin", "[server]")
        root_key_file = self._values.path(server, "root_key_file", "[server]")
        sealer = self._sealer(root_key_file)
        key_id = self._values.text(server, "service_key_id", "[server]")
        service_key_file = self._values.path(server, "service_key_file", "[server]")
        service_key = self._service_key(service_key_file, key_id)
        roster_file = self._values.path(server, "roster", "[server]")
        roster = self._values.loaded(roster_file, load_roster, "[server].roster")
        process_file = self._values.path(server, "process", "[server]") if "process" in server else None
        process = (
            self._values.loaded(process_file, load_process, "[server].process")
            if process_file
            else default_process()
        )
        spaces = read_spaces(self._values.table(data, "spaces"), self._values)
        sources = parse_sources(
            self._values.table(data, "sources"),
            read_secret=self._values.form_secret,
            spaces={str(name) for name in spaces},
            mistakes=self.mistakes,
        )
        mail = read_mail(self._values.table(data, "mail"), self._values) if "mail" in data else None
        if mail is not None and mail.operator is None and roster is not None and not roster.recovery:
            self.mistakes.append(
                "[mail].operator must be a mail address, because the roster has no recovery key: "
                "a report that may mean everybody on duty would be told to nobody"
            )
        if roster is not None and service_key is not None:
            self._service_key_in_roster(service_key, roster)
        engine_url = self._database(server, "engine_database", "engine.sqlite")
        if addresses.database_url == engine_url and engine_url.startswith("sqlite"):
            self.mistakes.append(
                "[server].engine_database must be another file than database: each has its one writer"
            )
        backup_recipient = self._backup_recipient(server)
        config = None
        if sealer and service_key and roster and process and roster_file and root_key_file:
            config = Config(
                listen_host=addresses.listen_host, listen_port=addresses.listen_port, metrics=metrics, origin=origin,
                database_url=addresses.database_url, engine_url=engine_url, inbox_keys=addresses.inbox_keys,
                backup_recipient=backup_recipient, files=tuple(self._values.named),
                root_key_file=root_key_file, sealer=sealer, service_key=service_key, roster_file=roster_file, roster=roster, process=process,
                spaces=spaces, sources=sources, mail=mail,
            )  # fmt: skip
        return Draft(
            self.mistakes, addresses, sealer, roster_file if roster else None, spaces, config, engine_url
        )

    # Parts of the file ------------------------------------------------------------------------------

    def _listen(self, server: dict[str, Any], key: str) -> tuple[str, int]:
        host, _, port = str(server.get(key, "127.0.0.1:8800")).rpartition(":")
        host = host.strip("[]")
        if not _is_host(host) or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
            self.mistakes.append(
                f'[server].{key} must be an address and a port such as "127.0.0.1:8800", without http://'
            )
            return "127.0.0.1", 8800
        return host, int(port)

    def _metrics(self, server: dict[str, Any], listen: Addresses) -> tuple[str, int] | None:
        if "metrics" not in server:
            return None
        host, port = self._listen(server, "metrics")
        if not is_loopback(host):
            self.mistakes.append(
                "[server].metrics must be on this machine (127.0.0.1): the figures tell strangers when somebody reported"
            )
        elif port == listen.listen_port and (
            listen.listen_host in {host, "localhost", *_EVERYWHERE}
            or (host == "localhost" and is_loopback(listen.listen_host))
        ):
            self.mistakes.append("[server].metrics must have another port than listen, which takes this one")
        return host, port

    def _database(self, server: dict[str, Any], key: str, default: str) -> str:
        name = self._values.text(server, key, "[server]") if key in server else default
        if "://" not in name:
            return f"sqlite:///{(self._folder / name).resolve()}"
        try:
            url = sa.make_url(name)
            in_a_file = url.drivername == "sqlite" and url.database not in {None, "", ":memory:"}
            known = in_a_file or url.drivername == "postgresql+psycopg"
        except (sa.exc.ArgumentError, ValueError):  # its text may hold the password
            known = False
        if not known:
            self.mistakes.append(
                f"[server].{key} must be a file or a URL that begins with postgresql+psycopg://"
            )
            return ""
        return name

    def _inbox_keys(self, server: dict[str, Any]) -> Path:
        name = self._values.text(server, "inbox_keys", "[server]") if "inbox_keys" in server else "inbox-keys"
        return (self._folder / name).resolve()

    def _backup_recipient(self, server: dict[str, Any]) -> str | None:
        if "backup_recipient" not in server:
            return None
        recipient = self._values.text(server, "backup_recipient", "[server]")
        if not is_recipient(recipient):
            self.mistakes.append(
                "[server].backup_recipient must be age1 and 58 characters, as coc-server backup-key prints it"
            )
        return recipient

    def _sealer(self, path: Path | None) -> Sealer | None:
        if path is None:
            return None
        self._values.only_ours(path, "[server].root_key_file", OTHERS_AND_GROUP)
        return self._values.loaded(path, Sealer.load, "[server].root_key_file")

    def _service_key(self, path: Path | None, key_id: str) -> ServiceKey | None:
        if path is None or not key_id:
            return None
        self._values.only_ours(path, "[server].service_key_file", OTHERS_AND_GROUP)
        try:
            return self._values.loaded(
                path, lambda path: ServiceKey.load(path, key_id), "[server].service_key_file"
            )
        except ValueError as error:  # the sentence is ours
            self.mistakes.append(f"[server].service_key_id: {error}")
            return None

    def _service_key_in_roster(self, key: ServiceKey, roster: Roster) -> None:
        if not any(entry.id == key.id and entry.public == key.public_line for entry in roster.service_keys):
            self.mistakes.append(
                f"the roster's service_keys lack the service's own key: id {key.id!r}, public {key.public_line!r}; "
                "without it no desk believes what the service seals"
            )


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True

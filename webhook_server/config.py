"""The configuration: one frozen object, built once from one TOML file; every mistake is reported together.

Secrets are never in the file itself: it names files that hold them, relative to its own folder. docs/server.md
describes every entry, and a test holds that page against this module.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from integration.audience import Acknowledged
from integration.diary.keys import ServiceKey
from integration.errors import ConfigError
from integration.incident import SpaceName
from integration.process import Process, default_process, load_process
from integration.roster import Roster, load_roster
from integration.signed_request import is_loopback, origin_of
from webhook_server.intake.sources import Source, parse_sources
from webhook_server.notify import MailSettings
from webhook_server.store.sealed import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_SPACE_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}\Z")
_OTHERS = 0o007
_OTHERS_AND_GROUP = 0o077
_TOO_OPEN = "the file is open to other accounts of this machine; give it to the server's alone (chmod 600)"
_JIRA_FIELDS = ("type", "impact", "likelihood", "risk", "lead", "secondary", "stage")


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """One Jira project as ticket space; docs/hosts/jira.md says where each id is found."""

    site: str
    project: str
    email: str
    token: str = field(repr=False)
    issue_type_id: str
    subtask_type_id: str
    security_level_id: str
    fields: Mapping[str, str]
    browse_roles: tuple[str, ...]
    browse_groups: tuple[str, ...]
    comment_role: str | None


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """One GitHub repository as ticket space, with a token or as an App; see docs/hosts/github.md."""

    owner: str
    repository: str
    base_url: str
    token: str | None = field(repr=False)
    app_id: str | None
    private_key: str | None = field(repr=False)
    bot_login: str | None
    hook_id: int | None = None


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """A ticket space: where it is, and who outside the team is known to be able to read it."""

    name: SpaceName
    host: JiraSettings | GitHubSettings
    acknowledged: tuple[Acknowledged, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """All that the server is told."""

    listen_host: str
    listen_port: int
    origin: str
    database_url: str = field(repr=False)
    engine_url: str = field(repr=False)
    sealer: Sealer
    service_key: ServiceKey
    roster_file: Path
    roster: Roster
    process: Process
    spaces: Mapping[SpaceName, SpaceSettings]
    sources: Mapping[str, Source]
    mail: MailSettings | None


def load_config(path: Path) -> Config:
    """Read the configuration and everything it names.

    Raises:
        ConfigError: with all mistakes in the file and in the files it names.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The configuration {path}",
            [f"it cannot be read ({type(error).__name__}); coc-server init makes a first one"],
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The configuration {path}", [f"it is not valid TOML: {error}"]) from None
    reading = _Reading(path.parent)
    config = reading.config(data)
    if reading.mistakes or config is None:
        raise ConfigError(f"The configuration {path}", reading.mistakes)
    return config


class _Reading:
    """One pass over the file; it goes on after a mistake so that all are found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mistakes: list[str] = []

    def config(self, data: dict[str, Any]) -> Config | None:
        self._refuse_unknown(data, {"server", "spaces", "sources", "mail"}, "the file")
        server = self._table(data, "server")
        known = {
            "listen",
            "origin",
            "database",
            "engine_database",
            "root_key_file",
            "service_key_file",
            "service_key_id",
        }
        self._refuse_unknown(server, known | {"roster", "process"}, "[server]")
        listen_host, listen_port = self._listen(server)
        origin = self._address(server, "origin", "[server]")
        root_key_file = self._path(server, "root_key_file", "[server]")
        sealer = self._sealer(root_key_file)
        key_id = self._text(server, "service_key_id", "[server]")
        service_key_file = self._path(server, "service_key_file", "[server]")
        service_key = self._service_key(service_key_file, key_id)
        roster_file = self._path(server, "roster", "[server]")
        roster = self._part(lambda: load_roster(roster_file), "[server].roster") if roster_file else None
        process_file = self._path(server, "process", "[server]") if "process" in server else None
        process = self._part(
            lambda: load_process(process_file) if process_file else default_process(), "[server].process"
        )
        spaces = self._spaces(self._table(data, "spaces"))
        sources = parse_sources(
            self._table(data, "sources"),
            read_secret=self._form_secret,
            spaces={str(name) for name in spaces},
            mistakes=self.mistakes,
        )
        mail = self._mail(self._table(data, "mail")) if "mail" in data else None
        if mail is not None and mail.operator is None and roster is not None and not roster.recovery:
            self.mistakes.append(
                "[mail].operator must be a mail address, because the roster has no recovery key: "
                "a report that may mean everybody on duty would be told to nobody"
            )
        if roster is not None and service_key is not None:
            self._service_key_in_roster(service_key, roster)
        database_url = self._database(server, "database", "coc.sqlite")
        engine_url = self._database(server, "engine_database", "engine.sqlite")
        if database_url == engine_url and database_url.startswith("sqlite"):
            self.mistakes.append(
                "[server].engine_database must be another file than database: each has its one writer"
            )
        if (
            self.mistakes
            or sealer is None
            or service_key is None
            or roster is None
            or process is None
            or not roster_file
        ):
            return None
        return Config(
            listen_host=listen_host, listen_port=listen_port, origin=origin,
            database_url=database_url, engine_url=engine_url,
            sealer=sealer, service_key=service_key, roster_file=roster_file, roster=roster, process=process,
            spaces=spaces, sources=sources, mail=mail,
        )  # fmt: skip

    # Parts of the file ------------------------------------------------------------------------------

    def _listen(self, server: dict[str, Any]) -> tuple[str, int]:
        host, _, port = str(server.get("listen", "127.0.0.1:8800")).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
            self.mistakes.append('[server].listen must be an address and a port such as "127.0.0.1:8800"')
            return "127.0.0.1", 8800
        return host.strip("[]"), int(port)

    def _database(self, server: dict[str, Any], key: str, default: str) -> str:
        name = self._text(server, key, "[server]") if key in server else default
        if "://" not in name:
            return f"sqlite:///{(self._folder / name).resolve()}"
        try:
            known = sa.make_url(name).get_backend_name() in {"sqlite", "postgresql"}
        except (sa.exc.ArgumentError, ValueError):  # its text may hold the password
            known = False
        if not known:
            self.mistakes.append(
                f"[server].{key} must be a file or a URL that begins with postgresql+psycopg://"
            )
        return name

    def _sealer(self, path: Path | None) -> Sealer | None:
        if path is None:
            return None
        self._only_ours(path, "[server].root_key_file", _OTHERS_AND_GROUP)
        return self._part(lambda: Sealer.load(path), "[server].root_key_file")

    def _service_key(self, path: Path | None, key_id: str) -> ServiceKey | None:
        if path is None or not key_id:
            return None
        self._only_ours(path, "[server].service_key_file", _OTHERS_AND_GROUP)
        try:
            return self._part(lambda: ServiceKey.load(path, key_id), "[server].service_key_file")
        except ValueError as error:  # the sentence is ours
            self.mistakes.append(f"[server].service_key_id: {error}")
            return None

    def _service_key_in_roster(self, key: ServiceKey, roster: Roster) -> None:
        if not any(entry.id == key.id and entry.public == key.public_line for entry in roster.service_keys):
            self.mistakes.append(
                f"the roster's service_keys lack the service's own key: id {key.id!r}, public {key.public_line!r}; "
                "without it no desk believes what the service seals"
            )

    def _spaces(self, table: dict[str, Any]) -> dict[SpaceName, SpaceSettings]:
        if not table:
            self.mistakes.append("[spaces] must describe at least one ticket space")
        spaces: dict[SpaceName, SpaceSettings] = {}
        for name, raw in table.items():
            where = f"[spaces.{name}]"
            if not _SPACE_NAME.match(name):
                self.mistakes.append(
                    f"{where}: a space's name is lower-case letters, digits and hyphens, at most 39"
                )
            if not isinstance(raw, dict):
                self.mistakes.append(f"{where} must be a table")
                continue
            kind = raw.get("host")
            if kind == "jira":
                host: JiraSettings | GitHubSettings = self._jira(raw, where)
            elif kind == "github":
                host = self._github(raw, where)
            else:
                self.mistakes.append(f'{where}.host must be "jira" or "github"')
                continue
            spaces[SpaceName(name)] = SpaceSettings(SpaceName(name), host, self._acknowledged(raw, where))
        return spaces

    def _jira(self, raw: dict[str, Any], where: str) -> JiraSettings:
        keys = {
            "site",
            "project",
            "email",
            "token_file",
            "issue_type_id",
            "subtask_type_id",
            "security_level_id",
        }
        self._refuse_unknown(
            raw,
            keys | {"host", "fields", "browse_roles", "browse_groups", "comment_role", "acknowledged"},
            where,
        )
        fields = self._table(raw, "fields", where)
        self._refuse_unknown(fields, set(_JIRA_FIELDS), f"{where}.fields")
        return JiraSettings(
            site=self._address(raw, "site", where),
            project=self._text(raw, "project", where),
            email=self._text(raw, "email", where),
            token=self._secret(raw, "token_file", where),
            issue_type_id=self._text(raw, "issue_type_id", where),
            subtask_type_id=self._text(raw, "subtask_type_id", where),
            security_level_id=self._text(raw, "security_level_id", where),
            fields={name: self._text(fields, name, f"{where}.fields") for name in _JIRA_FIELDS},
            browse_roles=self._texts(raw, "browse_roles", where),
            browse_groups=self._texts(raw, "browse_groups", where),
            comment_role=self._text(raw, "comment_role", where) if "comment_role" in raw else None,
        )

    def _github(self, raw: dict[str, Any], where: str) -> GitHubSettings:
        self._refuse_unknown(
            raw,
            {
                "host",
                "owner",
                "repository",
                "base_url",
                "token_file",
                "app_id",
                "private_key_file",
                "bot_login",
                "hook_id",
                "acknowledged",
            },
            where,
        )
        as_app = "app_id" in raw or "private_key_file" in raw
        if as_app == ("token_file" in raw):
            self.mistakes.append(f"{where} needs either token_file, or app_id and private_key_file")
        if as_app and "hook_id" in raw:
            self.mistakes.append(f"{where}.hook_id goes with token_file: an App has a webhook of its own")
        return GitHubSettings(
            owner=self._text(raw, "owner", where),
            repository=self._text(raw, "repository", where),
            base_url=self._address(raw, "base_url", where) if "base_url" in raw else "https://api.github.com",
            token=self._secret(raw, "token_file", where) if "token_file" in raw else None,
            app_id=self._text(raw, "app_id", where) if as_app else None,
            private_key=self._secret(raw, "private_key_file", where) if as_app else None,
            bot_login=self._text(raw, "bot_login", where) if "bot_login" in raw else None,
            hook_id=self._hook_id(raw, where) if "hook_id" in raw else None,
        )

    def _hook_id(self, raw: dict[str, Any], where: str) -> int:
        found = raw["hook_id"]
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            self.mistakes.append(
                f"{where}.hook_id must be a whole number: it ends the webhook's address on GitHub"
            )
            return 0
        return found

    def _acknowledged(self, raw: dict[str, Any], where: str) -> tuple[Acknowledged, ...]:
        exceptions: list[Acknowledged] = []
        listed = raw.get("acknowledged", [])
        if not isinstance(listed, list):
            self.mistakes.append(f"{where}.acknowledged must be a list of tables")
            return ()
        for number, one in enumerate(listed, 1):
            name = f"{where}.acknowledged[{number}]"
            entry = one if isinstance(one, dict) else {}
            self._refuse_unknown(entry, {"account", "until", "why"}, name)
            until = entry.get("until")
            if type(until) is not date:  # TOML's date with a time would be one too
                self.mistakes.append(f"{name}.until must be a date such as 2027-06-30")
                until = date.min
            exceptions.append(
                Acknowledged(self._text(entry, "account", name), until, self._text(entry, "why", name))
            )
        return tuple(exceptions)

    def _mail(self, raw: dict[str, Any]) -> MailSettings:
        self._refuse_unknown(
            raw, {"host", "port", "from", "operator", "starttls", "user", "password_file"}, "[mail]"
        )
        host = self._text(raw, "host", "[mail]")
        port = raw.get("port", 587)
        if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:  # noqa: PLR2004 - ports
            self.mistakes.append("[mail].port must be a port number")
            port = 587
        starttls = raw.get("starttls", True)
        if starttls is not True and (starttls is not False or not is_loopback(host)):
            self.mistakes.append("[mail].starttls may be false only for a mail server on this machine")
        if ("user" in raw) != ("password_file" in raw):
            self.mistakes.append("[mail].user and [mail].password_file need each other")
        sender = self._text(raw, "from", "[mail]")
        if "@" not in sender:
            self.mistakes.append("[mail].from must be a mail address")
        operator = self._text(raw, "operator", "[mail]") if "operator" in raw else None
        if operator is not None and "@" not in operator:
            self.mistakes.append("[mail].operator must be a mail address")
        return MailSettings(
            host=host,
            port=port,
            sender=sender,
            starttls=bool(starttls),
            user=self._text(raw, "user", "[mail]") if "user" in raw else None,
            password=self._secret(raw, "password_file", "[mail]") if "password_file" in raw else None,
            operator=operator,
        )

    # Values -----------------------------------------------------------------------------------------

    def _part(self, load: Callable[[], _T], entry: str) -> _T | None:
        """What ``load`` gives. Its mistakes are said of the entry: its value may be a secret that was pasted there."""
        try:
            return load()
        except ConfigError as error:
            self.mistakes.extend(f"{entry}: {mistake}" for mistake in error.mistakes)
            return None

    def _table(self, raw: dict[str, Any], key: str, where: str = "the file") -> dict[str, Any]:
        value = raw.get(key, {})
        if isinstance(value, dict):
            return value
        self.mistakes.append(f"{where}: {key} must be a table")
        return {}

    def _text(self, raw: dict[str, Any], key: str, where: str) -> str:
        value = raw.get(key)
        if isinstance(value, str) and value.strip() and "\0" not in value:  # no path and no name has that one
            return value.strip()
        self.mistakes.append(f"{where}.{key} must be a text")
        return ""

    def _texts(self, raw: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = raw.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        self.mistakes.append(f"{where}.{key} must be a list of texts")
        return ()

    def _address(self, raw: dict[str, Any], key: str, where: str) -> str:
        value = self._text(raw, key, where)
        return (
            (self._part(lambda: origin_of(value, where=f"{where}.{key}"), f"{where}.{key}") or "")
            if value
            else ""
        )

    def _path(self, raw: dict[str, Any], key: str, where: str) -> Path | None:
        name = self._text(raw, key, where)
        return self._folder / name if name else None

    def _secret(self, raw: dict[str, Any], key: str, where: str) -> str:
        path = self._path(raw, key, where)
        if path is None:
            return ""
        self._only_ours(path, f"{where}.{key}", _OTHERS)
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            self.mistakes.append(f"{where}.{key}: the file cannot be read ({type(error).__name__})")
            return ""
        if not secret:
            self.mistakes.append(f"{where}.{key}: the file is empty")
        return secret

    def _form_secret(self, name: str) -> bytes:
        """The content of one of a form's secret files."""
        path = self._folder / name
        secret = path.read_bytes()
        if _mode(path) & _OTHERS:
            raise ConfigError("A secret file", [_TOO_OPEN])
        return secret

    def _only_ours(self, path: Path, entry: str, forbidden: int) -> None:
        if _mode(path) & forbidden:
            self.mistakes.append(f"{entry}: {_TOO_OPEN}")

    def _refuse_unknown(self, table: dict[str, Any], known: set[str], where: str) -> None:
        self.mistakes.extend(f"{where} has the unknown entry {key!r}" for key in table if key not in known)


def _mode(path: Path) -> int:
    """A file's permissions; none if it is not there, which is said by whoever reads it."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0

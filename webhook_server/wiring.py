"""The only place where the parts are made and joined, and the only one that names a concrete host."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from integration.casework import Casework, receive
from integration.errors import ConfigError
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost, GitHubSpace
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.roster import Roster, load_roster
from webhook_server.api import api
from webhook_server.app import create_app
from webhook_server.config import GitHubSettings, JiraSettings
from webhook_server.engine import Engine
from webhook_server.intake.routes import intake
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.notify import LogNotifier, MailNotifier
from webhook_server.pages.health import health
from webhook_server.store.database import Database, make_engine
from webhook_server.store.migrate import migrate
from webhook_server.store.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from integration.incident import SpaceName
    from integration.ports import Clock, Host, Receipt
    from integration.report import Report
    from webhook_server.config import Config, SpaceSettings
    from webhook_server.intake.sources import Source

_log = logging.getLogger("coc.server")


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)


class RosterFile:
    """The roster as it is now: read again when the file changes, so that a change counts at once."""

    def __init__(self, path: Path, roster: Roster) -> None:
        self._path = path
        self._roster = roster
        self._stamp = self._stat()

    def __call__(self) -> Roster:
        """The current roster. A changed file with mistakes is not taken; the one before stays."""
        stamp = self._stat()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._roster = load_roster(self._path)
            except ConfigError as error:
                _log.error("the changed roster has %d mistake(s) and is not used", len(error.mistakes))
        return self._roster

    def _stat(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)


@dataclass(frozen=True, slots=True)
class Parts:
    """A joined server."""

    app: Flask
    dispatcher: Dispatcher
    database: Database
    work: Casework

    def close(self) -> None:
        """Give the database back. The dispatcher is stopped by whoever started it."""
        self.database.close()


def join(config: Config, *, clock: Clock | None = None) -> Parts:
    """Make every part of a server and join them. Nothing runs yet.

    Raises:
        ConfigError: with the mistakes that only a host's own code can see.
    """
    clock = clock or SystemClock()
    hosts = make_hosts(config)
    sql = make_engine(config.database_url)
    migrate(sql)
    database = Database(sql, config.sealer)
    shelf = Shelf(sql, database)
    roster = RosterFile(config.roster_file, config.roster)
    work = Casework(
        store=database,
        hosts=hosts,
        acknowledged={name: space.acknowledged for name, space in config.spaces.items()},
        roster=roster,
        process=config.process,
        service_key=config.service_key,
        clock=clock,
    )
    dispatcher = Dispatcher(
        work=work,
        jobs=database,
        engine=Engine(config.engine_url, lambda inbox_id: attempt(inbox_id, work, database)),
        notifier=MailNotifier(config.mail) if config.mail else LogNotifier(),
    )

    def store_report(source: Source, submission_id: str, report: Report) -> Receipt:
        receipt = receive(source.name, source.space, submission_id, report, store=database, clock=clock)
        dispatcher.wake()
        return receipt

    def alert(source: str, code: str) -> None:
        # Members hear of it in the notice for the stored report, see casework.notice.
        _log.warning("source %s: %s", source, code)

    def can_store() -> None:
        shelf.forget_nonces(clock.now())

    app = create_app(
        [
            intake(config.sources, store_report, clock, alert),
            api(shelf, roster, origin=config.origin, clock=clock),
            health(can_store),
        ]
    )
    return Parts(app, dispatcher, database, work)


def make_hosts(config: Config) -> dict[SpaceName, Host]:
    """The host of each ticket space. Nothing is asked of them yet.

    Raises:
        ConfigError: with the mistakes of all of them.
    """
    hosts: dict[SpaceName, Host] = {}
    mistakes: list[str] = []
    for name, space in config.spaces.items():
        try:
            hosts[name] = make_host(space)
        except ConfigError as error:
            mistakes += [f"[spaces.{name}]: {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise ConfigError("The configuration", mistakes)
    return hosts


def make_host(space: SpaceSettings) -> Host:
    """The host of one ticket space."""
    settings = space.host
    if isinstance(settings, JiraSettings):
        return JiraHost(_jira_space(space, settings), token=settings.token)
    return GitHubHost(
        GitHubSpace(
            name=space.name,
            owner=settings.owner,
            repository=settings.repository,
            base_url=settings.base_url,
            bot_login=settings.bot_login,
        ),
        _github_credential(settings),
    )


def _jira_space(space: SpaceSettings, settings: JiraSettings) -> JiraSpace:
    return JiraSpace(
        name=space.name,
        site=settings.site,
        project=settings.project,
        email=settings.email,
        issue_type_id=settings.issue_type_id,
        subtask_type_id=settings.subtask_type_id,
        security_level_id=settings.security_level_id,
        fields=JiraFieldIds(**settings.fields),
        browse_roles=frozenset(settings.browse_roles),
        browse_groups=frozenset(settings.browse_groups),
        comment_role=settings.comment_role,
    )


def _github_credential(settings: GitHubSettings) -> AppCredential | TokenCredential:
    if settings.app_id and settings.private_key:
        return AppCredential(app_id=settings.app_id, private_key=settings.private_key, installation_id=None)
    return TokenCredential(token=settings.token or "")

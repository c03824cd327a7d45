"""The only place where the parts are made and joined, and the only one that names a concrete host."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from integration.casework import Casework, receive
from integration.deskwork import attach, record, restore
from integration.erasing import erase
from integration.errors import CoCError, ConfigError
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost, GitHubSpace
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from webhook_server.api import api
from webhook_server.app import create_app
from webhook_server.config import GitHubSettings, JiraSettings
from webhook_server.engine import Engine
from webhook_server.intake.routes import intake
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.notify import LogNotifier, MailNotifier
from webhook_server.pages.health import health
from webhook_server.roster_in_use import RosterFile
from webhook_server.store.database import Database, make_engine
from webhook_server.store.migrate import migrate
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask

    from integration.diary.chain import Head
    from integration.incident import Alias, IncidentId, SpaceName
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
        RosterRefused: the roster is not signed as it must be, or does not follow the one in use.
    """
    clock = clock or SystemClock()
    hosts = make_hosts(config)
    sql = make_engine(config.database_url)
    migrate(sql)
    database = Database(sql, config.sealer)
    try:
        roster = RosterFile(
            config.roster_file, key=config.service_key, pin=RosterPin(sql, config.sealer), clock=clock
        )
    except CoCError:
        database.close()
        raise
    work = Casework(
        store=database,
        hosts=hosts,
        acknowledged={name: space.acknowledged for name, space in config.spaces.items()},
        roster=roster,
        process=config.process,
        service_key=config.service_key,
        clock=clock,
    )
    shelf = Shelf(sql, database, lambda space: work.hosts[space].part_bytes if space in work.hosts else 0)
    dispatcher = Dispatcher(
        work=work,
        jobs=database,
        engine=Engine(config.engine_url, lambda inbox_id: attempt(inbox_id, work, database)),
        notifier=MailNotifier(config.mail) if config.mail else LogNotifier(),
        operator=config.mail.operator if config.mail else None,
        tidy=shelf.forget_nonces,
    )

    def store_report(source: Source, submission_id: str, report: Report) -> Receipt:
        receipt = receive(source.name, source.space, submission_id, report, store=database, clock=clock)
        dispatcher.wake()
        return receipt

    def alert(source: str, code: str) -> None:
        _log.warning("source %s: %s", source, code)
        dispatcher.alert(source, code)

    app = create_app(
        [
            intake(config.sources, store_report, clock, alert),
            api(shelf, DeskDoor(work, dispatcher), roster, origin=config.origin, clock=clock),
            health(database.is_there, lambda: dispatcher.is_stuck),
        ]
    )
    return Parts(app, dispatcher, database, work)


class DeskDoor:
    """The :class:`webhook_server.api.DeskWork` on the use cases; wakes the jobs when there is something to do."""

    def __init__(self, work: Casework, dispatcher: Dispatcher) -> None:
        self._work = work
        self._dispatcher = dispatcher

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        """Keep comments that a desk wrote."""
        new = record(incident, texts, head=head, readers=readers, work=self._work)
        self._dispatcher.wake()
        return new

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        """Keep the ciphertext of an attachment."""
        attach(incident, name, content, work=self._work)
        self._dispatcher.wake()

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        """Erase an entry that a later one redacts."""
        erase(incident, seq, redaction=redaction, work=self._work)
        self._dispatcher.wake()

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        """Let what the ticket lacks be written again."""
        restore(incident, new_ticket=new_ticket, work=self._work)
        self._dispatcher.wake()


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

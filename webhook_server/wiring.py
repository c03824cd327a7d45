"""The only place where the parts are made and joined, and the only one that names a concrete host."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from integration.casework import Casework, prove_space, receive
from integration.deskwork import attach, record, restore
from integration.erasing import erase
from integration.errors import CoCError, ConfigError
from integration.github.credential import AppCredential, TokenCredential
from integration.github.events import GitHubEvents
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.guard import Guard
from integration.jira.events import JiraEvents
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.ports import Unlimited
from webhook_server.api import api
from webhook_server.app import create_app
from webhook_server.boards import Boards
from webhook_server.chores import Chores, nightly
from webhook_server.config_spaces import GitHubSettings, JiraSettings
from webhook_server.engine import Engine
from webhook_server.events import events
from webhook_server.fellows import Fellows
from webhook_server.intake.not_received import not_received
from webhook_server.intake.routes import intake
from webhook_server.jobs import Dispatcher, attempt_in_turn
from webhook_server.lookout import Lookout, audiences_looked_at
from webhook_server.metrics import Counters, DatabaseFigures
from webhook_server.notify import LogNotifier, MailNotifier
from webhook_server.opening import open_database
from webhook_server.pages.health import health
from webhook_server.places import Places
from webhook_server.redelivery import missed_webhooks
from webhook_server.roster_in_use import RosterFile
from webhook_server.store.audiences import Audiences
from webhook_server.store.boards import BoardBook
from webhook_server.store.budget import SharedBudget
from webhook_server.store.chores import ChoreBook
from webhook_server.store.clocks import SharedClock, SystemClock
from webhook_server.store.fence import Fenced
from webhook_server.store.locks import Locks
from webhook_server.store.overview import Overview
from webhook_server.store.redeliveries import Redeliveries
from webhook_server.store.reseal import reseal
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.shelf import Shelf
from webhook_server.store.sql import make_engine
from webhook_server.store.strays import Strays
from webhook_server.store.workers import Workers
from webhook_server.storing import Storing
from webhook_server.strays import teller, unknown_tickets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flask import Flask

    from integration.diary.chain import Head
    from integration.host_events import HostEvent, HostEvents
    from integration.incident import Alias, IncidentId, SpaceName
    from integration.ports import Budget, HookLog, Host, SteadyClock
    from integration.report import Report
    from integration.store import Receipt
    from webhook_server.config import Config
    from webhook_server.config_spaces import SpaceSettings
    from webhook_server.intake.sources import Source
    from webhook_server.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """A joined server."""

    app: Flask
    dispatcher: Dispatcher
    database: Database
    work: Casework
    chores: Chores
    lookout: Lookout
    figures: CollectorRegistry
    boards: Boards
    turned_away: Callable[[str, int], None]

    def close(self) -> None:
        """Give the database back. The dispatcher is stopped by whoever started it."""
        self.database.close()


def join(
    config: Config,
    *,
    name: str = "server",
    clock: SteadyClock | None = None,
    budgeted: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Parts:
    """Make every part of a server and join them. Nothing runs yet.

    ``name`` tells this process from others on the same database.
    ``budgeted`` is false only in tests and benchmarks: then the hosts' limits are met by their refusals alone.
    ``sleep`` is how a write waits for its turn.

    Raises:
        ConfigError: with the mistakes that only a host's own code can see; or the root key file is not this database's.
        RosterRefused: the roster is not signed as it must be, or does not follow the one in use.
        StoreError: the database, or the folder of inbox keys that several servers share, is not there; or the folder
            belongs to another database.
    """
    sql = make_engine(config.database_url)
    machine, common = clock or SystemClock(), SharedClock(sql)
    clock = clock or common
    budget = SharedBudget(sql, clock)
    locks = Locks(sql, name)
    hosts = make_hosts(config, Fenced(budget if budgeted else Unlimited(), locks), sleep=sleep)
    database = open_database(config, sql, name)
    try:
        common.look()
        roster = RosterFile(
            config.roster_file, key=config.service_key, pin=RosterPin(sql, config.sealer), clock=clock
        )
    except CoCError:
        database.close()
        raise
    spaces = Audiences(sql)
    guard = Guard(
        book=spaces,
        store=database,
        hosts=make_hosts(config),  # of its own, see there
        roster=roster,
        acknowledged={name: space.acknowledged for name, space in config.spaces.items()},
        clock=clock,
    )
    work = Casework(
        store=database,
        hosts=hosts,
        guard=guard,
        roster=roster,
        process=config.process,
        service_key=config.service_key,
        clock=clock,
    )
    figures = CollectorRegistry()
    counters = Counters(figures)
    shelf = Shelf(sql, database, lambda space: work.hosts[space].part_bytes if space in work.hosts else 0)

    places = Places()

    def try_once(inbox_id: str) -> str:
        try:
            return counters.attempt(attempt_in_turn(inbox_id, work, database, locks, places))
        finally:
            dispatcher.wake()  # the next one need not wait for the next turn

    notifier = counters.notices(MailNotifier(config.mail) if config.mail else LogNotifier())
    operator = config.mail.operator if config.mail else None
    book = ChoreBook(sql)
    board_book = BoardBook(sql)
    boards = Boards(
        {name: host.board for name, host in hosts.items() if isinstance(host, GitHubHost | JiraHost)},
        book=board_book,
        process=config.process,
        steps=board_book.steps,
        prove=lambda space: prove_space(space, work),
    )
    chores = Chores(
        {
            "nightly": nightly(book),
            "audience": audiences_looked_at(guard, book),
            "boards": boards.chore(book),
            "missed-webhooks": missed_webhooks(hooks_of(hosts.values()), book, Redeliveries(sql)),
            "unknown-tickets": unknown_tickets(
                {name: host for name, host in hosts.items() if isinstance(host, JiraHost | GitHubHost)},
                book=book,
                strays=Strays(sql),
                tell=teller(roster, notifier, operator),
            ),
        },
        clock,
        book,
    )
    book.keep_parts([*hosts, *(hook.name for hook in hooks_of(hosts.values()))])
    lookout = Lookout(guard, clock)
    dispatcher = Dispatcher(
        work=work,
        jobs=database,
        engine=Engine(config.engine_url, try_once, name=name),
        fellows=Fellows(
            name,
            workers=Workers(sql),
            locks=locks,
            sealer=config.sealer,
            alarm=lambda code: dispatcher.alert("", code),
            look_at_clock=common.look,
        ),
        notifier=notifier,
        operator=operator,
        spaces=spaces,
        tidy=[
            shelf.forget_nonces,
            budget.forget,
            lambda _now: reseal(sql, config.sealer),
            database.forget_events,
        ],
        chores=chores.loop,
        lookout=lookout.loop,
        places=places,
    )

    storing = Storing(sql.url, config.inbox_keys)

    def store_report(source: Source, submission_id: str, report: Report) -> Receipt:
        with storing.tried():
            receipt = receive(source.name, source.space, submission_id, report, store=database, clock=clock)
        dispatcher.wake()
        return receipt

    def note_event(space: SpaceName, event: HostEvent) -> str:
        outcome = database.note_event(space, event, clock.now())
        if outcome == "noted":
            dispatcher.wake()
        return outcome

    app = create_app(
        [
            intake(config.sources, store_report, machine, dispatcher.alert, counters.delivery),
            events(_events(config, hosts, database.space_id), note_event, lookout.look_now, counters.event),
            api(shelf, DeskDoor(work, dispatcher), roster, origin=config.origin, clock=clock),
            health(database.is_there, storing.is_possible, lambda: dispatcher.is_stuck),
        ]
    )
    figures.register(DatabaseFigures(Overview(sql), clock, lambda: dispatcher.is_stuck, spaces=config.spaces))
    turned_away = not_received(config.sources, dispatcher.alert, counters.delivery)
    return Parts(app, dispatcher, database, work, chores, lookout, figures, boards, turned_away)


class DeskDoor:
    """The :class:`webhook_server.api_ports.DeskWork` on the use cases; wakes the jobs when there is something to do."""

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


def make_hosts(
    config: Config, budget: Budget | None = None, *, sleep: Callable[[float], None] = time.sleep
) -> dict[SpaceName, Host]:
    """The host of each ticket space. Nothing is asked of them yet. Who only reads needs no budget.

    Raises:
        ConfigError: with the mistakes of all of them.
    """
    hosts: dict[SpaceName, Host] = {}
    mistakes: list[str] = []
    for name, space in config.spaces.items():
        try:
            hosts[name] = make_host(space, budget, sleep)
        except ConfigError as error:
            mistakes += [f"[spaces.{name}]: {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise ConfigError("The configuration", mistakes)
    return hosts


def make_host(space: SpaceSettings, budget: Budget | None, sleep: Callable[[float], None]) -> Host:
    """The host of one ticket space."""
    settings = space.host
    if isinstance(settings, JiraSettings):
        return JiraHost(jira_space(space, settings), token=settings.token, budget=budget, sleep=sleep)
    return GitHubHost(
        github_space(space, settings),
        github_credential(settings),
        budget=budget,
        sleep=sleep,
    )


def _events(
    config: Config, hosts: Mapping[SpaceName, Host], space_id: Callable[[SpaceName], str | None]
) -> dict[SpaceName, HostEvents]:
    """What reads the webhook of each ticket space that has a secret for it. None of them asks its host anything."""
    readers: dict[SpaceName, HostEvents] = {}
    for name, space in config.spaces.items():
        host, settings = hosts[name], space.host
        if not space.webhook_secret:
            continue
        if isinstance(host, JiraHost) and isinstance(settings, JiraSettings):
            readers[name] = JiraEvents(
                settings.project, [space.webhook_secret], own_account=partial(getattr, host, "known_account")
            )
        elif isinstance(host, GitHubHost) and isinstance(settings, GitHubSettings):
            readers[name] = GitHubEvents(
                settings.owner,
                settings.repository,
                [space.webhook_secret],
                own=partial(getattr, host, "known_accounts"),
                repository_id=partial(space_id, name),
            )
    return readers


def hooks_of(hosts: Iterable[Host]) -> list[HookLog]:
    """Each webhook of a host that does not send again by itself, once: spaces may share an App."""
    hooks = [host.webhook for host in hosts if isinstance(host, GitHubHost)]
    return list({hook.name: hook for hook in hooks if hook is not None}.values())


def github_space(space: SpaceSettings, settings: GitHubSettings) -> GitHubSpace:
    """The repository, as its host's code knows it."""
    return GitHubSpace(
        name=space.name,
        owner=settings.owner,
        repository=settings.repository,
        base_url=settings.base_url,
        bot_login=settings.bot_login,
        hook_id=settings.hook_id,
    )


def jira_space(space: SpaceSettings, settings: JiraSettings) -> JiraSpace:
    """The project, as its host's code knows it."""
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


def github_credential(settings: GitHubSettings) -> AppCredential | TokenCredential:
    """The service's own credential."""
    if settings.app_id and settings.private_key:
        return AppCredential(app_id=settings.app_id, private_key=settings.private_key, installation_id=None)
    return TokenCredential(token=settings.token or "")

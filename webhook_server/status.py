"""Whether all is well, for a person at a terminal: what needs a look first, each with what to do; then how things are.

It asks the database, the configuration and the running server, and goes on if one of them gives no answer.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import requests
import sqlalchemy as sa

from integration.audience import ADMIN_PROOF_ENDS_SOON, SpaceRecord
from integration.errors import CoCError, ConfigError, StoreError
from integration.first_readers import nobody_reads_first
from webhook_server.config import guess_addresses, load_config, read_addresses
from webhook_server.config_syntax import NotTOML
from webhook_server.key_warnings import key_warnings
from webhook_server.roster_in_use import check_roster
from webhook_server.status_chores import look_at_chores
from webhook_server.status_engine import look_at_engine
from webhook_server.status_folders import look_at_folders
from webhook_server.status_report import Status, ago
from webhook_server.store.overview import look_into, newest_revision
from webhook_server.telling import OVERDUE, REMIND
from webhook_server.whole_config import look_at_spaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from webhook_server.config import Addresses, Config
    from webhook_server.config_spaces import SpaceSettings
    from webhook_server.store.overview import Overview, SeenWorker, Waiting
    from webhook_server.store.strays import Stray

_OVERDUE = timedelta(hours=1)
_TELLING_TAKES = timedelta(minutes=10)
"""The server tells within seconds, and tries again each minute."""
_SOON = timedelta(days=14)
_ASK_SECONDS = 5
_LONGEST_ANSWER = 80
_MOST_REASONS = 5
_MOST_SHOWN = 20
_NEXT = {
    "reports cannot be stored": "Form tools send again for some hours only. What else is said here may be why; the log says it "
    "under event=intake outcome=failed. It is ready again when a delivery was stored, or when five minutes have passed without another failure.",
    "the jobs do not turn": "Reports are still taken in and kept, but none may be brought to its ticket. If a database is away, that is said "
    "here too, and the jobs go on when it is back. Otherwise look into its log for event=loop-trouble, then start it again.",
}
"""What to do about what a server says of itself, where its log is not all."""


def ask_server(host: str, port: int) -> str | None:
    """What a server at this address says of itself, ``ok`` if all is well; None if there is none."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what it listens on is asked from here
    name = f"[{near}]" if ":" in near else near
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment knows nothing of this machine
        try:
            answer = session.get(f"http://{name}:{port}/health/ready", timeout=_ASK_SECONDS)
        except (OSError, ValueError):
            return None
    said = answer.content.decode("ascii", "replace").strip()
    ours = answer.status_code in {200, 503} and len(said) < _LONGEST_ANSWER and said.isprintable()
    return said if ours else "something that is not of coc-server"


def look(path: Path, now: datetime, ask: Callable[[str, int], str | None] = ask_server) -> Status:
    """The state of the server that ``path`` configures.

    Raises:
        ConfigError: not even where its database is can be read from the configuration.
    """
    status = Status()
    addresses, config = _configuration(status, path)
    answer = ask(addresses.listen_host, addresses.listen_port)
    where = f"{addresses.listen_host}:{addresses.listen_port}"
    try:
        overview = look_into(addresses.database_url)
        try:
            _server(status, where, answer, overview.workers(), now, alone=overview.is_alone)
            _database(status, overview, addresses.database_url, path, now)
            look_at_chores(status, overview, config, path, now)
            _settings(status, overview, config, path, now)
        finally:
            overview.close()
    except StoreError as error:
        status.warn(error.what, f"{error.meaning} {error.next_step}".strip())
        if not status.lines:  # it could not even be asked for the workers
            _server(status, where, answer, (), now)
    if config is not None:
        look_at_engine(status, config)
    look_at_folders(status, addresses)
    return status


def _configuration(status: Status, path: Path) -> tuple[Addresses, Config | None]:
    """As much of it as can be read."""
    try:
        addresses, config = read_addresses(path), load_config(path, also=[look_at_spaces])
    except NotTOML as error:
        addresses, is_read = guess_addresses(path)
        then = "Correct that; a server would not start again."
        if not is_read:
            then += " What follows is of the usual places, since [server] cannot be read: 127.0.0.1:8800 and coc.sqlite."
        status.warn(f"{path}: {error.mistakes[0]}.", then)
    except ConfigError as error:
        addresses = read_addresses(path)
        status.warn(
            f"The configuration has {len(error.mistakes)} mistake(s); a server would not start again.",
            f"See them all: coc-server check --config {path}",
        )
    else:
        return addresses, config
    return addresses, None


def _server(
    status: Status,
    where: str,
    answer: str | None,
    workers: Sequence[SeenWorker],
    now: datetime,
    *,
    alone: bool = True,
) -> None:
    alive = [one for one in workers if one.is_alive(now)]
    if alone and answer is None:
        alive = []  # it would be the one that answers: it was stopped a moment ago
    if answer is None and not alive:
        status.warn(
            f"No server answers on {where}: reports are not taken in.",
            "Start it (systemctl start coc-mirror, or coc-server serve). Form tools send again for a while only.",
        )
    elif answer not in {None, "ok"}:
        status.warn(
            f"The server on {where} says: {answer}.",
            _NEXT.get(answer or "", "Look into its log, then start it again."),
        )
    status.say("Server", f"{where}: {'no answer' if answer is None else answer}")
    for one in workers:
        seen = "alive" if one in alive else f"not seen for {ago(one.seen_at, now)}"
        status.say(
            "Worker", f"{one.name}, version {one.version}: {seen}, started {ago(one.started_at, now)} ago"
        )
    for what, different in (
        ("root keys", {one.root_key_id for one in alive}),
        ("versions", {one.version for one in alive}),
    ):
        if len(different) > 1:
            status.warn(
                f"Workers on this database have different {what}: {', '.join(sorted(different))}.",
                "Give all of them the same, one after the other.",
            )


def _database(status: Status, overview: Overview, url: str, path: Path, now: datetime) -> None:
    waiting = overview.waiting()
    _reports(status, waiting, overview.done(), path, now)
    _told(status, overview, path, now)
    exposures = overview.exposures()
    if exposures:
        status.say("Exposures", f"{exposures} plain comment(s) on tickets were sealed and deleted")
    revision, newest = overview.revision(), newest_revision()
    if revision > newest:
        status.warn(
            f"The database's schema is {revision}; this release knows only {newest}.",
            "Use the release that made it, or a newer one.",
        )
    elif revision < newest:
        status.warn(
            f"The database's schema is {revision or 'not there'}.", f"The next start brings it to {newest}."
        )
    where = sa.make_url(url)
    kind = where.database if where.get_backend_name() == "sqlite" else "PostgreSQL"
    status.say("Database", f"{kind}, {overview.size() / 1e6:.1f} MB, schema {revision or 'not there'}")


def _reports(status: Status, everything: Sequence[Waiting], done: int, path: Path, now: datetime) -> None:
    reports = [one for one in everything if one.is_report]
    states = Counter(one.state for one in reports)
    text = f"{states['waiting']} waiting, {states['parked']} parked, {done} done"
    if reports:
        oldest = min(reports, key=lambda one: one.received_at)
        text += f"; the oldest unfinished is {oldest.code_name}, for {ago(oldest.received_at, now)}"
    status.say("Reports", text)
    late = [
        one
        for one in everything
        if one.state == "parked" or (not one.is_nightly and now - one.received_at > _OVERDUE)
    ]
    for what, of_a_form in (("report(s)", True), ("look(s) at a ticket, or write(s) of a desk,", False)):
        if which := [one for one in late if one.is_report is of_a_form]:
            codes = Counter(one.reason_code or "not tried yet" for one in which)
            status.warn(
                f"{len(which)} {what} wait for a person or for over an hour: "
                + ", ".join(f"{code} ({count})" for code, count in sorted(codes.items()))
                + ".",
                f"See why: coc-server jobs list --config {path}; docs/server.md explains each code.",
            )


def _told(status: Status, overview: Overview, path: Path, now: datetime) -> None:
    untold = overview.untold(now - _TELLING_TAKES, again_after=REMIND, overdue_after=OVERDUE)
    if untold:
        status.warn(
            f"For over ten minutes members, or some of them, were not told of {untold} report(s), or that they wait.",
            'Tell who is on duty to look at their desks, without a mail. Why, say the line "mail" of '
            f"coc-server doctor --config {path} and event=notice-failed in the log. The mails go out by themselves once they can.",
        )


def _keys(strays: Sequence[Stray]) -> str:
    shown = ", ".join(f"{one.space} {one.key}" for one in strays[:_MOST_SHOWN])
    return shown + (", …" if len(strays) > _MOST_SHOWN else ".")


def _settings(status: Status, overview: Overview, config: Config | None, path: Path, now: datetime) -> None:
    """What the configuration and the database say of one another."""
    incidents, roster = overview.incidents(), overview.roster()
    strays = overview.strays()
    if forgotten := [one for one in strays if not one.is_second]:
        status.warn(
            f"{len(forgotten)} ticket(s) carry our marker, and their incidents are not in this database: {_keys(forgotten)}",
            'docs/server.md, "After restoring a backup", says what to do with them.',
        )
    if second := [one for one in strays if one.is_second]:
        status.warn(
            f"{len(second)} ticket(s) carry the marker of an incident that has another ticket, perhaps copies: {_keys(second)}",
            'See who can read them, and do not write to them; docs/server.md, "A second ticket", says what to do.',
        )
    if config is None:
        for name, count in sorted(incidents.items()):
            status.say("Ticket space", f"{name}: {count} incident(s)")
    else:
        records = overview.audiences()
        for what, then in key_warnings(config, overview, now):
            status.warn(what, then)
        for name, space in sorted(config.spaces.items()):
            record = records.get(name, SpaceRecord(name))
            status.say(
                "Ticket space",
                f"{name}, {space.kind}: {incidents.pop(name, 0)} incident(s); {_proofs(record, now)}",
            )
            _audience(status, record, now)
            _exceptions(status, space, now.date())
        for name, count in sorted(incidents.items()):
            status.warn(
                f"{count} incident(s) belong to the ticket space {name}, which is not in the configuration.",
                "Put its section back: nothing can be written to their tickets.",
            )
        _team(status, config, roster.serial if roster else None, path)
    used = (
        f"number {roster.serial} in use for {ago(roster.accepted_at, now)}" if roster else "none in use yet"
    )
    status.say("Roster", used)


def _exceptions(status: Status, space: SpaceSettings, today: date) -> None:
    of_whom = f"[spaces.{space.name}]: the exception for an account outside the team"
    for one in space.exceptions:
        if one.until < today:
            status.warn(
                f"{of_whom} ended on {one.until}; while it can read, nothing is written there.",
                "Renew it, or take the access away and the exception out.",
            )
        elif one.until < today + _SOON:
            status.warn(
                f"{of_whom} ends on {one.until}.",
                "Renew it or take the access away; after that day nothing is written there.",
            )


def _proofs(record: SpaceRecord, now: datetime) -> str:
    own = "not proven yet" if record.proven_at is None else f"proven {ago(record.proven_at, now)} ago"
    if record.is_frozen:
        own = "frozen"
    admin = (
        "not by an admin" if record.admin is None else f"by an admin until {record.admin.ends_at:%Y-%m-%d}"
    )
    return f"{own}, {admin}"


def _audience(status: Status, record: SpaceRecord, now: datetime) -> None:
    """Whether it may be written to. Accounts are named: whoever runs the service has to take their access away."""
    name, admin = record.space, record.admin
    doctor = f"Run with an admin's credential: coc-server doctor {name} --admin-token-file FILE"
    if record.is_frozen and record.freeze is not None:
        reasons = record.freeze.reasons
        more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
        status.warn(
            f"[spaces.{name}] is frozen for {ago(record.freeze.since, now)}: {'; '.join(reasons[:_MOST_REASONS])}{more}.",
            "Take the access away, or acknowledge it with an end date in the configuration and start the server again. "
            f"See: coc-server audience {name}",
        )
    if admin is None:
        status.warn(
            f"[spaces.{name}]: who can read it was never proven with an admin's credential; nothing is written there.",
            doctor,
        )
    elif admin.ends_at <= now:
        status.warn(
            f"[spaces.{name}]: the proof by an admin's credential ended on {admin.ends_at:%Y-%m-%d}; nothing is written there.",
            doctor,
        )
    elif admin.ends_at - ADMIN_PROOF_ENDS_SOON <= now:
        status.warn(
            f"[spaces.{name}]: the proof by an admin's credential ends on {admin.ends_at:%Y-%m-%d}.", doctor
        )


def _team(status: Status, config: Config, in_use: int | None, path: Path) -> None:
    try:
        check_roster(config.roster_file, config.database_url, config.sealer)
    except CoCError as error:
        status.warn(
            f"A server would not start with the roster file: {error.what}",
            f"{error.next_step} See: coc-server check --config {path}".lstrip(),
        )
    else:
        if in_use is not None and config.roster.serial != in_use:
            status.warn(
                f"The roster file is number {config.roster.serial}; number {in_use} is in use.",
                "A server that runs takes it within a minute; if it does not, its log says why.",
            )
    if duty := nobody_reads_first(config.roster):
        status.warn(*duty)
    if config.mail is None:
        status.warn("Without [mail] nobody is told when a report comes in.", "Fill in [mail].")

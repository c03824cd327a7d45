"""What ``coc-server doctor`` looks at beside the hosts: configuration, roster, database, keys, mail, address, clocks.

Each check is one assumption of ours, and says PASS only if it was looked at and holds. What cannot be looked at from
here is UNKNOWN. https://datatracker.ietf.org/doc/html/rfc9110#name-date is what clocks are compared by.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import requests

from integration.audience import prove, prove_by_admin
from integration.checks import Check, Outcome
from integration.errors import CoCError, HostNotRestricted
from integration.first_readers import nobody_reads_first
from webhook_server.roster_in_use import check_roster
from webhook_server.store.migrate import migrate
from webhook_server.store.overview import newest_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from integration.audience import AdminProof, Audience
    from integration.incident import SpaceName
    from integration.ports import Clock, Host
    from webhook_server.config import Config
    from webhook_server.config_spaces import SpaceSettings
    from webhook_server.notify import MailSettings
    from webhook_server.store.audiences import Audiences

_SECONDS = 10
MOST_SKEW: Final = timedelta(seconds=60)
"""A host's clock and ours; GitHub refuses the sign-in of an App that is further off, and signed times are refused at five minutes."""
_ONLY_OURS = 0o077
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class HostChecks(Protocol):
    """What a host's own code can find out about one ticket space, made with the credentials that were given."""

    def checks(self) -> Iterable[Check]:
        """Every check of the host's own, one after another. Whatever the host says becomes a check.

        Raises:
            ConfigError: a credential cannot be sent at all.
        """
        ...

    def admin_audience(self) -> Audience | None:
        """Everybody who can read, seen with an admin's credential; None without one.

        Raises:
            HostError: a part could not be read; then nothing is known.
        """
        ...


# This server ----------------------------------------------------------------------------------------


def server_checks(
    config: Config, spaces: Iterable[SpaceSettings], sql: sa.Engine, clock: Clock
) -> Iterator[Check]:
    """What this machine and its surroundings must be like. Brings the database's schema to the newest, as a start does."""
    yield _made("roster", partial(_roster, config))
    yield _made("database", partial(_database, sql))
    yield _made("inbox-keys", partial(_inbox_keys, config.inbox_keys))
    yield _made("mail", partial(_mail, config.mail))
    yield _made("address", partial(_address, config.origin))
    for space in spaces:
        yield _made(f"clock ({space.name})", partial(_clock, space.name, host_address(space), clock))


def host_address(space: SpaceSettings) -> str:
    """Where a ticket space's host answers."""
    return str(getattr(space.host, "site", None) or getattr(space.host, "base_url", ""))


def _roster(config: Config) -> Check:
    try:
        check_roster(config.roster_file, config.database_url, config.sealer)
    except CoCError as error:
        return _failed("roster", error)
    if duty := nobody_reads_first(config.roster):
        return Check("roster", Outcome.FAIL, *duty)
    return _passed(
        "roster", f"number {config.roster.serial}, signed, with {len(config.roster.members)} member(s)"
    )


def _database(sql: sa.Engine) -> Check:
    try:
        migrate(sql)
    except CoCError as error:
        return _failed("database", error)
    return _passed("database", f"{sql.dialect.name}, can be written to, schema {newest_revision()}")


def _inbox_keys(folder: Path) -> Check:
    key = "inbox-keys"
    if not folder.is_dir():
        step = "Nothing, if the server has not run yet and is on SQLite: it makes the folder. Otherwise see docs/server.md."
        return Check(key, Outcome.UNKNOWN, "the folder is not there", step)
    mode = folder.stat().st_mode
    if mode & _ONLY_OURS:
        step = f"chmod 700 {folder}"
        return Check(key, Outcome.FAIL, "other accounts of this machine can open the folder", step)
    if not os.access(folder, os.W_OK | os.X_OK):
        step = "Run this as the server's account, or give the folder to it."
        return Check(key, Outcome.FAIL, "this account cannot write to the folder", step)
    return _passed(key, "the folder is this account's alone")


def _mail(mail: MailSettings | None) -> Check:
    if mail is None:
        return Check("mail", Outcome.FAIL, "without [mail] nobody is told of a report", "Fill in [mail].")
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS) as server:
            if mail.starttls:
                server.starttls(context=ssl.create_default_context())
            if mail.user and mail.password:
                server.login(mail.user, mail.password)
            server.ehlo_or_helo_if_needed()
    except (OSError, ValueError, smtplib.SMTPException) as error:
        what = f"the mail server does not answer as it should ({type(error).__name__})"
        return Check("mail", Outcome.FAIL, what, "Check [mail] in the configuration.")
    return _passed("mail", "the mail server answers; no mail was sent")


def _address(origin: str) -> Check:
    key, step = "address", "Check [server].origin, the name's DNS entry, the proxy and its certificate."
    parts = urlsplit(origin)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        return Check(key, Outcome.FAIL, "desks would reach the service without HTTPS", step)
    try:
        answer = requests.get(f"{origin}/health/live", timeout=_SECONDS, allow_redirects=False)
    except (OSError, ValueError) as error:
        what = f"{origin} gives no answer from here ({type(error).__name__})"
        return Check(key, Outcome.FAIL, what, f"Start the server. {step}")
    if answer.status_code != requests.codes.ok or answer.content.strip() != b"ok":
        return Check(key, Outcome.FAIL, f"what answers on {origin} is not coc-server", step)
    if parts.scheme != "https":
        what = f"{origin} answers, without HTTPS and on this machine only"
        return Check(key, Outcome.UNKNOWN, what, "Set [server].origin to the public address.")
    return _passed(key, f"{origin} answers with a valid certificate")


def _clock(space: SpaceName, address: str, clock: Clock) -> Check:
    key, step = f"clock ({space})", "Compare this machine's clock with the right time; let NTP keep it."
    try:
        answer = requests.get(address, timeout=_SECONDS, allow_redirects=False)
        theirs = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (OSError, ValueError, TypeError) as error:
        what = f"the host did not say what time it is ({type(error).__name__})"
        return Check(key, Outcome.UNKNOWN, what, "See that the host can be reached from here.")
    skew = abs(clock.now() - theirs)
    if skew > MOST_SKEW:
        return Check(key, Outcome.FAIL, f"ours and the host's differ by {skew.total_seconds():.0f} s", step)
    return _passed(key, "ours and the host's agree")


# Who can read a ticket space ------------------------------------------------------------------------


def space_checks(
    host: Host, checks: HostChecks, settings: SpaceSettings, config: Config, book: Audiences, clock: Clock
) -> Iterator[Check]:
    """One ticket space: as the service sees it, the host's own checks, and as an admin sees it, which is then kept."""
    space, seen_id = settings.name, ""

    def as_service() -> str:
        nonlocal seen_id
        audience = host.audience()
        proof = prove(audience, allowed=allowed(), acknowledged=settings.acknowledged, now=clock.now())
        seen_id = audience.space_id
        return f"only the team and who is acknowledged: {len(proof.readers)} account(s)"

    def allowed() -> frozenset[str]:
        return config.roster.accounts(host.kind) | host.own_accounts

    def as_admin() -> str:
        audience = checks.admin_audience()
        if audience is None:
            raise _NotLookedAt(_on_file(book.record(space).admin))
        now = clock.now()
        try:
            proof = prove_by_admin(audience, allowed=allowed(), acknowledged=settings.acknowledged, now=now)
        except HostNotRestricted:
            book.admin_failed(space, now)  # what was proven before is not so any more
            raise
        if seen_id and proof.space_id != seen_id:
            raise HostNotRestricted(
                "The admin's credential and the service's own see different repositories or projects.",
                next_step="Check the ticket space's section in the configuration.",
            )
        book.admin_passed(space, proof, now)
        return f"only the team and who is acknowledged: {len(proof.principals)}; kept until {proof.ends_at:%Y-%m-%d}"

    yield _found(f"audience, as the service sees it ({space})", as_service)
    yield from _all_of(f"host ({space})", checks)
    yield _found(f"audience, as an admin sees it ({space})", as_admin)


class _NotLookedAt(Exception):
    """An admin's credential is needed; the text says what is on file."""


def _found(key: str, look: Callable[[], str]) -> Check:
    try:
        return _passed(key, look())
    except _NotLookedAt as on_file:
        return Check(key, Outcome.UNKNOWN, str(on_file), "Run it with --admin-token-file.")
    except HostNotRestricted as error:
        return _failed(key, error)
    except CoCError as error:
        return Check(key, Outcome.UNKNOWN, error.what, error.next_step or "Try again.")
    except Exception as error:  # noqa: BLE001 - as in _made
        return _broke(key, error)


def _on_file(proof: AdminProof | None) -> str:
    if proof is None:
        return "never looked at with an admin's credential; nothing is written there"
    return f"not looked at now; the proof of {proof.proven_at:%Y-%m-%d} counts until {proof.ends_at:%Y-%m-%d}"


def _made(key: str, look: Callable[[], Check]) -> Check:
    """A check. One that breaks must not end those after it: before an admin's proof nothing is ever written."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - its text may hold a secret
        return _broke(key, error)


def _all_of(key: str, checks: HostChecks) -> Iterator[Check]:
    try:
        yield from checks.checks()
    except CoCError as error:
        yield _failed(key, error)
    except Exception as error:  # noqa: BLE001 - as in _made
        yield _broke(key, error)


def _broke(key: str, error: Exception) -> Check:
    what = f"the check itself broke ({type(error).__name__}), so nothing is known"
    return Check(
        key, Outcome.FAIL, what, "Check what the configuration says of it, and tell the maintainers."
    )


def _passed(key: str, what: str) -> Check:
    return Check(key, Outcome.PASS, what)


def _failed(key: str, error: CoCError) -> Check:
    return Check(key, Outcome.FAIL, error.what, error.next_step or "See docs/server.md.")

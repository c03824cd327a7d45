"""``coc-server doctor`` and ``coc-server audience``: is everything as we assume, and who can read the ticket spaces.

Both exit with 1 if something is not as it must be.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from integration.audience import readers
from integration.checks import Check, Outcome
from integration.errors import CoCError, ConfigError
from integration.incident import SpaceName
from webhook_server.admin_login import Login, login_options, read_login
from webhook_server.admin_wiring import make_host_checks
from webhook_server.cli_options import config_option
from webhook_server.config import load_config
from webhook_server.doctor import server_checks, space_checks
from webhook_server.store.audiences import Audiences
from webhook_server.store.known_keys import refuse_if_another_is_missing
from webhook_server.store.sql import make_engine
from webhook_server.whole_config import look_at_spaces
from webhook_server.wiring import SystemClock, make_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.audience import Audience, Reader
    from integration.ports import Host
    from webhook_server.config import Config
    from webhook_server.config_spaces import SpaceSettings

_WIDEST_KEY = 24


@click.command()
@click.argument("space", required=False)
@config_option
@login_options("admin", "an admin of the host: with it who can read is proven for 90 days")
@login_options("outsider", "an account that must not see anything: it is tried with a canary ticket")
def doctor(
    space: str | None,
    config_path: Path,
    admin_token_file: Path | None,
    admin_email: str,
    outsider_token_file: Path | None,
    outsider_email: str,
) -> None:
    """Check every assumption about this server and its hosts, of all ticket spaces or of SPACE."""
    admin = read_login("admin", admin_token_file, admin_email)
    outsider = read_login("outsider", outsider_token_file, outsider_email)
    found: Counter[Outcome] = Counter()
    for check in _all_checks(space, config_path, admin, outsider):
        found[check.outcome] += 1
        click.echo(f"{check.outcome:<7}  {check.key:<{_WIDEST_KEY}}  {check.what}")
        if check.next_step:
            click.echo(f"{'':<7}  {'':<{_WIDEST_KEY}}  -> {check.next_step}")
    click.echo("\n" + ", ".join(f"{found[outcome]} {outcome}" for outcome in Outcome) + ".")
    sys.exit(1 if found[Outcome.FAIL] else 0)


def _all_checks(
    space: str | None, config_path: Path, admin: Login | None, outsider: Login | None
) -> Iterator[Check]:
    try:
        config = load_config(config_path, also=[look_at_spaces])
    except ConfigError as error:
        for mistake in error.mistakes:
            yield Check("configuration", Outcome.FAIL, mistake, f"Correct {config_path}.")
        return
    spaces = _chosen(space, config, config_path, given=admin is not None or outsider is not None)
    yield Check("configuration", Outcome.PASS, f"{config_path} has no mistakes")
    hosts, clock, sql = make_hosts(config), SystemClock(), make_engine(config.database_url)
    try:
        refuse_if_another_is_missing(
            sql, config.inbox_keys
        )  # a check makes the first database, but none in its place
        yield from server_checks(config, spaces, sql, clock)
        for settings in spaces:
            checks = make_host_checks(config, settings, admin=admin, outsider=outsider)
            host = hosts[settings.name]
            yield from space_checks(host, checks, settings, config, Audiences(sql), clock)
    finally:
        sql.dispose()


def _chosen(space: str | None, config: Config, config_path: Path, *, given: bool) -> list[SpaceSettings]:
    """The ticket spaces that are meant. Somebody's credential is sent to the host of one that is named only."""
    if space is None:
        if given and len(config.spaces) > 1:
            raise click.ClickException(
                f"Say for which ticket space the credential is: {', '.join(sorted(config.spaces))}."
            )
        return list(config.spaces.values())
    if space not in config.spaces:
        raise click.ClickException(f"There is no [spaces.{space}] in {config_path}.")
    return [config.spaces[SpaceName(space)]]


@click.command()
@click.argument("space", required=False)
@config_option
@login_options("admin", "an admin of the host, who sees the whole list")
def audience(space: str | None, config_path: Path, admin_token_file: Path | None, admin_email: str) -> None:
    """List everybody who can read the ticket spaces, or SPACE, by which path, and whether they may."""
    config = load_config(config_path)
    hosts = make_hosts(config)
    admin = read_login("admin", admin_token_file, admin_email)
    all_may = True
    for settings in _chosen(space, config, config_path, given=admin is not None):
        host = hosts[settings.name]
        try:
            seen = (
                make_host_checks(config, settings, admin=admin, outsider=None).admin_audience()
                if admin is not None
                else None
            )
            whole = seen is not None
            seen = seen or host.audience()
            all_may &= _show(seen, host, settings, config, whole=whole)
        except CoCError as error:
            all_may = False
            click.echo(f"{settings.name}: {error}", err=True)
    sys.exit(0 if all_may else 1)


def _show(seen: Audience, host: Host, settings: SpaceSettings, config: Config, *, whole: bool) -> bool:
    """Print one list; whether everybody in it may read."""
    members = {
        account.casefold(): f"{member.alias} of the roster"
        for member in config.roster.members
        if (account := member.accounts.get(host.kind))
    }
    own = {account.casefold(): "the service itself" for account in host.own_accounts}
    everybody = readers(
        seen.principals,
        allowed=config.roster.accounts(host.kind) | host.own_accounts,
        acknowledged=settings.acknowledged,
        now=SystemClock().now(),
    )
    by = "an admin sees it" if whole else "the service's own account sees it, which does not see all"
    click.echo(f"{settings.name}, as {by}:")
    lines = [(one.principal.account, one.principal.path, _standing(one, members | own)) for one in everybody]
    wide = [max((len(line[column]) for line in lines), default=0) for column in (0, 1)]
    for account, path, standing in lines:
        click.echo(f"  {account:<{wide[0]}}  {path:<{wide[1]}}  {standing}")
    for door in seen.open_doors:
        click.echo(f"  NOT ALLOWED: {door}")
    if seen.unread is not None:
        click.echo(f"  NOT WHOLE: {seen.unread}")
    elif not seen.complete:
        click.echo("  NOT WHOLE: an account that must be in the list is not in it")
    return seen.complete and not seen.open_doors and all(one.may_read for one in everybody)


def _standing(reader: Reader, known: dict[str, str]) -> str:
    if reader.in_team:
        return known.get(reader.principal.account.casefold(), "the roster")
    if reader.until is None:
        return "NOT ALLOWED"
    if reader.may_read:
        return f"acknowledged until {reader.until}"
    return f"NOT ALLOWED: the exception ended on {reader.until}"

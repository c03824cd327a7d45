"""``coc-server jobs``: what waits and why, and what a person can do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from integration.casework import reopen
from integration.errors import DoesNotOpen
from integration.store import GIVEN_UP
from webhook_server.cli_options import config_option
from webhook_server.config import load_config, read_addresses
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.known_keys import require_database
from webhook_server.store.migrate import migrate
from webhook_server.store.overview import look_into
from webhook_server.store.sql import make_engine
from webhook_server.wiring import join

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from webhook_server.config import Config


@click.group()
def jobs() -> None:
    """See what waits, and let it be tried again."""


@jobs.command("list")
@config_option
def list_jobs(config_path: Path) -> None:
    """Every report that is not wholly on its host, with the reason. Needs no key, and no configuration without mistakes."""
    overview = look_into(read_addresses(config_path).database_url)
    waiting = overview.waiting()
    overview.close()
    if not waiting:
        click.echo("Nothing waits: every report is on its host.")
        return
    # Two lines for each: an id that is folded into a narrow column cannot be copied.
    table = Table("code name", "state", "tries", "next try (UTC)", "code", box=None, pad_edge=False)
    for job in waiting:
        table.add_row(
            job.code_name, job.state, str(job.attempts), f"{job.due_at:%Y-%m-%d %H:%M:%S}", job.reason_code or ""
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    for job in waiting:
        console.print(Text(f"\n{job.code_name}: coc-server jobs retry {job.inbox_id}"), soft_wrap=True)
        if job.reason:
            console.print(Text(job.reason))


@jobs.command("explain")
@config_option
@click.argument("report")
def explain_job(config_path: Path, report: str) -> None:
    """How far REPORT (an id from the list) has come, why it is not further, and what happens next. Needs no key."""
    overview = look_into(read_addresses(config_path).database_url)
    try:
        found = overview.progress(report)
    finally:
        overview.close()
    job, now = found.job, datetime.now(UTC)
    click.echo(f"{job.code_name}, delivery {job.inbox_id}, ticket space {job.space}\n")
    for what, how in (
        ("Came in", f"{job.received_at:%Y-%m-%d %H:%M:%S} UTC, by {found.source}"),
        ("Report", found.report),
        ("Ticket", found.ticket),
        ("Diary", f"{found.comments} comment(s) kept, {found.posted} of them seen on the ticket"),
        ("Before it", f"{found.before} older delivery(ies) of this incident: they go first" if found.before else "nothing"),
        ("State", "given up" if job.reason_code == GIVEN_UP else "wholly on its host" if job.state == "done" else
                  f"{job.state}, {job.attempts} try(ies) so far"),
    ):  # fmt: skip
        click.echo(f"{what + ':':<11}{how}")
    if job.reason_code == GIVEN_UP:
        click.echo(
            f"\n{job.reason} It is in no diary.\nIf its key was found again: coc-server jobs retry {job.inbox_id}"
        )
        return
    if job.state == "done":
        return
    click.echo(f"{'Next try:':<11}{'now' if job.due_at <= now else f'{job.due_at:%Y-%m-%d %H:%M:%S} UTC'}")
    click.echo(
        f"\nWhy ({job.reason_code or 'not tried yet'}): {job.reason or 'It is tried at the next turn of a server.'}"
    )
    if not any(one.is_alive(now) for one in found.workers):
        click.echo("\nNo server works on this database now, so nothing will happen: start coc-server serve.")
    click.echo(f"\nTry at once: coc-server jobs retry {job.inbox_id}")


@jobs.command("retry")
@config_option
@click.argument("report")
def retry_job(config_path: Path, report: str) -> None:
    """Let REPORT (an id from the list) be tried again at once."""
    database = _database(load_config(config_path))
    try:
        job = database.job(report)
        if job.state == "done" and job.reason_code != GIVEN_UP:
            raise click.ClickException(f"{report} is on its host already.")
        database.retry_now(report, database.time())
    finally:
        database.close()
    click.echo("It will be tried at the server's next turn.")


@jobs.command("give-up")
@config_option
@click.argument("report")
def give_up_job(config_path: Path, report: str) -> None:
    """Let go of REPORT (an id from the list) that cannot be opened any more. Members are told that it is lost."""
    database = _database(load_config(config_path))
    try:
        job = database.job(report)
        if job.state == "done":
            raise click.ClickException(f"{report} is not waiting: nothing was changed.")
        if job.only_looks or _opens(database, report):
            raise click.ClickException(
                f"{report} can be opened, so it is not given up. Try it again: coc-server jobs retry {report}"
            )
        click.echo(
            f"{job.code_name}, delivery {report}, came in at {job.received_at:%Y-%m-%d %H:%M:%S} UTC and does not open: "
            "as far as\nthis database knows it stands in no diary. If you give it up, it is tried no more, and members are "
            "told that it is lost and\nmust be asked for again. Its sealed bytes stay in the database: sent again by the form "
            "tool it is taken in anew, and if the\nkeys are found again, coc-server jobs retry brings it back."
        )
        click.confirm("Give it up?", abort=True)
        reason = "Its report did not open, and an operator gave it up."
        if not database.give_up(job, database.time(), reason=reason):
            raise click.ClickException(
                f"{report} was tried or sent again meanwhile: nothing was changed. Look again: coc-server jobs explain {report}"
            )
    finally:
        database.close()
    click.echo("It is given up. A running server tells members now.")


def _opens(database: Database, report: str) -> bool:
    try:
        database.delivery(report)
    except DoesNotOpen:
        return False
    return True


@jobs.command("reopen")
@config_option
@click.argument("report")
def reopen_job(config_path: Path, report: str) -> None:
    """Let REPORT have a new ticket, if its ticket was deleted before its diary began."""
    config = load_config(config_path)
    _there(config).dispose()
    parts = join(config)
    try:
        parts.database.job(report)  # says so if there is none
        reopen(report, parts.work)
        parts.database.retry_now(report, parts.work.clock.now())
    finally:
        parts.close()
    click.echo("The old ticket is forgotten. A new one is opened at the server's next turn.")


def _there(config: Config) -> sa.Engine:
    sql = make_engine(config.database_url)
    require_database(sql)
    return sql


def _database(config: Config) -> Database:
    sql = _there(config)
    migrate(sql)
    return Database(sql, config.sealer, InboxKeys(config.inbox_keys, alone=sql.dialect.name == "sqlite"))

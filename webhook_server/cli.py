"""Command ``coc-server``: begin, check, serve, and see what waits."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from waitress.server import create_server

from integration.audience import prove
from integration.casework import reopen
from integration.diary.keys import new_service_key
from integration.errors import CoCError, ConfigError
from webhook_server import space_cli
from webhook_server.config import Config, load_config
from webhook_server.roster_in_use import check_roster
from webhook_server.store.alone import alone_on
from webhook_server.store.database import Database, make_engine
from webhook_server.store.migrate import migrate
from webhook_server.store.sealed import new_root_key
from webhook_server.wiring import SystemClock, join, make_hosts

if TYPE_CHECKING:
    from types import FrameType

    from flask import Flask
    from waitress.server import BaseWSGIServer, MultiSocketServer

    from webhook_server.wiring import Parts

_THREADS = 8
_LARGEST_BODY = 32 * 1024 * 1024
"""What the door reads at all: a diary's attachment. The routes refuse more than they take, with the right answer."""

_config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("coc-server.toml"),
    show_default=True,
    help="The configuration file.",
)


@click.group()
def main() -> None:
    """Mirror Code of Conduct reports into a restricted Jira project or GitHub repository."""
    os.umask(0o077)  # databases, locks and logs made from here on are for this account only
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold reports in clear
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("urllib3", "jira", "github", "sqlalchemy", "alembic", "dbos", "waitress"):
        logging.getLogger(library).setLevel(logging.WARNING)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make FOLDER with fresh keys and a first configuration to fill in."""
    folder.mkdir(parents=True, exist_ok=True)
    existing = [name for name in ("root.key", "service.key", "coc-server.toml") if (folder / name).exists()]
    if existing:
        raise click.ClickException(f"{folder} already holds {', '.join(existing)}; nothing was changed.")
    key_id = f"svc-{datetime.now(UTC):%Y%m}"
    key = new_service_key(key_id)
    _write_secret(folder / "root.key", new_root_key())
    key.save(folder / "service.key")
    (folder / "coc-server.toml").write_text(_FIRST_CONFIG.format(key_id=key_id), encoding="utf-8")
    click.echo(
        f"Made {folder}. The team puts this into its roster.toml before its members sign that (docs/desk.md),\n"
        "so that desks believe what the service seals:\n"
    )
    click.echo(f'[[service_keys]]\nid = "{key_id}"\npublic = "{key.public_line}"\n')
    click.echo(
        f"Put roster.toml and its signatures (roster.toml.sig.*) into {folder}: without them nothing starts.\n"
        f"Then fill in {folder / 'coc-server.toml'} and run: coc-server check --config {folder / 'coc-server.toml'}"
    )


@main.command()
@_config_option
@click.option("--online", is_flag=True, help="Also ask each host who can read the ticket space.")
def check(config_path: Path, *, online: bool) -> None:
    """List every mistake in the configuration, roster and process; with --online, prove the restriction."""
    config = _load(config_path)
    try:
        hosts = make_hosts(config)
        check_roster(config)
    except CoCError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{config_path}: {len(config.spaces)} ticket space(s), {len(config.sources)} source(s), "
        f"roster {config.roster.serial} with {len(config.roster.members)} member(s). No mistakes."
    )
    failed = False
    for name, space in config.spaces.items() if online else ():
        try:
            host = hosts[name]
            allowed = config.roster.accounts(host.kind) | host.own_accounts
            proof = prove(
                host.audience(), allowed=allowed, acknowledged=space.acknowledged, now=SystemClock().now()
            )
            click.echo(
                f"{name}: restricted; {len(proof.readers)} account(s) can read it: {', '.join(sorted(proof.readers))}"
            )
        except CoCError as error:
            failed = True
            click.echo(f"{name}: {error}", err=True)
    sys.exit(1 if failed else 0)


@main.command()
@_config_option
def serve(config_path: Path) -> None:
    """Take reports in and bring them onto their hosts, until stopped."""
    config = _load(config_path)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_on(config.database_url))
            parts = join(config)
        except CoCError as error:
            raise click.ClickException(str(error)) from None
        _serve(parts, config)


def _serve(parts: Parts, config: Config) -> None:
    server = make_door(parts.app, config.listen_host, config.listen_port)

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    parts.dispatcher.start()
    click.echo(f"Listening on http://{config.listen_host}:{config.listen_port}")
    try:
        server.run()  # ends by itself on KeyboardInterrupt
    finally:
        click.echo("Stopping; what is under way goes on at the next start.")
        server.close()
        parts.dispatcher.stop()
        parts.close()


def make_door(app: Flask, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """What listens. A body stays in memory: by itself waitress writes one over 512 kB into a file, in clear."""
    return create_server(
        app,
        host=host,
        port=port,
        threads=_THREADS,
        max_request_body_size=_LARGEST_BODY,
        inbuf_overflow=2 * _LARGEST_BODY,
        ident=None,
    )


@main.group()
def jobs() -> None:
    """See what waits, and let it be tried again."""


@jobs.command("list")
@_config_option
def list_jobs(config_path: Path) -> None:
    """Every report that is not wholly on its host, with the reason."""
    database = _database(_load(config_path))
    waiting = database.unfinished_jobs()
    database.close()
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


@jobs.command("retry")
@_config_option
@click.argument("report")
def retry_job(config_path: Path, report: str) -> None:
    """Let REPORT (an id from the list) be tried again at once."""
    database = _database(_load(config_path))
    try:
        if database.job(report).state == "done":
            raise click.ClickException(f"{report} is on its host already.")
        database.retry_now(report, datetime.now(UTC))
    except CoCError as error:
        raise click.ClickException(str(error)) from None
    finally:
        database.close()
    click.echo("It will be tried at the server's next turn.")


@jobs.command("reopen")
@_config_option
@click.argument("report")
def reopen_job(config_path: Path, report: str) -> None:
    """Let REPORT have a new ticket, if its ticket was deleted before its diary began."""
    config = _load(config_path)
    try:
        parts = join(config)
    except CoCError as error:
        raise click.ClickException(str(error)) from None
    try:
        reopen(report, parts.work)
        parts.database.retry_now(report, datetime.now(UTC))
    except CoCError as error:
        raise click.ClickException(str(error)) from None
    finally:
        parts.close()
    click.echo("The old ticket is forgotten. A new one is opened at the server's next turn.")


main.add_command(space_cli.space)


def _load(path: Path) -> Config:
    try:
        return load_config(path)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _database(config: Config) -> Database:
    sql = make_engine(config.database_url)
    migrate(sql)
    return Database(sql, config.sealer)


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


_FIRST_CONFIG = """\
# coc-mirror's configuration. Paths are relative to this file; docs/server.md describes every entry.

[server]
listen = "127.0.0.1:8800"              # put a web server with HTTPS in front
origin = "https://coc.example.org"     # the address by which desks reach it
root_key_file = "root.key"             # keep a copy offline: without it the database cannot be read
service_key_file = "service.key"
service_key_id = "{key_id}"
roster = "roster.toml"                 # from the team, its signatures roster.toml.sig.* beside it

[spaces.conduct]
host = "github"                        # or "jira", see docs/hosts/
owner = "example-org"
repository = "conduct"
token_file = "github.token"

[sources.report-form]
reader = "typeform"                    # see docs/intake.md
secret_files = ["typeform.secret"]
space = "conduct"

[sources.report-form.questions]        # the form's question (its ref) = our field
# who_reports = "reporter"
# who_is_it_about = "subject"

[mail]
host = "mail.example.org"
port = 587
from = "conduct@example.org"
operator = "operator@example.org"      # who runs this server; told when nobody on the team can be
"""


if __name__ == "__main__":
    main()

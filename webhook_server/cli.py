"""Command ``coc-server``: begin, check, serve, and see what waits."""

from __future__ import annotations

import errno
import os
import re
import resource
import socket
import sys
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.audience import prove
from integration.diary.keys import new_service_key
from integration.errors import CoCError
from integration.logs import to_stderr
from webhook_server.backup_cli import backup, backup_key, restore
from webhook_server.board_cli import board
from webhook_server.cli_options import Commands, config_option
from webhook_server.config import load_config
from webhook_server.doctor_cli import audience, doctor
from webhook_server.door import let_threads_finish, make_door
from webhook_server.goodbye import LONGEST, end_on_signals
from webhook_server.jobs_cli import jobs
from webhook_server.keys_cli import keys
from webhook_server.metrics import published
from webhook_server.setup_cli import setup
from webhook_server.space_cli import space
from webhook_server.status_cli import status
from webhook_server.store.alone import alone_on
from webhook_server.store.sealed import new_root_key
from webhook_server.store.troubles import engine_trouble
from webhook_server.whole_config import WHOLE, doubts_about, look_at_machine
from webhook_server.wiring import SystemClock, join, make_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_server.config import Config
    from webhook_server.wiring import Parts

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_OWN_ADDRESS = "Put an address of this machine, 127.0.0.1 as a rule, into"
_PATIENCE = LONGEST + 2
"""Seconds for which a server waits for one that was told to stop: so `kill; coc-server serve` works."""


@click.group(cls=Commands)
@click.version_option(package_name="coc-mirror", message="coc-mirror %(version)s")
def main() -> None:
    """Mirror Code of Conduct reports into a restricted Jira project or GitHub repository."""
    os.umask(0o077)  # databases, locks and logs made from here on are for this account only
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold reports in clear


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make FOLDER with fresh keys and a first configuration to fill in."""
    key_id = f"svc-{datetime.now(UTC):%Y%m}"
    key = new_service_key(key_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        existing = [
            name for name in ("root.key", "service.key", "coc-server.toml") if (folder / name).exists()
        ]
        if existing:
            raise click.ClickException(f"{folder} already holds {', '.join(existing)}; nothing was changed.")
        _write_secret(folder / "root.key", new_root_key())
        key.save(folder / "service.key")
        (folder / "coc-server.toml").write_text(_FIRST_CONFIG.format(key_id=key_id), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{folder} could not be made and filled ({type(error).__name__}). Nothing uses yet what may be in it: see that it is "
            "a folder this account may write to and that its disk has room, empty it, and try again."
        ) from None
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
@config_option
@click.option("--online", is_flag=True, help="Also ask each host who can read the ticket space.")
def check(config_path: Path, *, online: bool) -> None:
    """List every mistake in the configuration, roster and process; with --online, prove the restriction."""
    config = load_config(config_path, also=(look_at_machine, *WHOLE))
    hosts = make_hosts(config)
    doubts = list(doubts_about(config, SystemClock().now().date()))
    click.echo(
        f"{config_path}: {len(config.spaces)} ticket space(s), {len(config.sources)} source(s), "
        f"roster {config.roster.serial} with {len(config.roster.members)} member(s). "
        + ("A server would start, but correct this:" if doubts else "No mistakes.")
    )
    for doubt in doubts:
        click.echo(f"  - {doubt}", err=True)
    failed = bool(doubts)
    for name, settings in config.spaces.items() if online else ():
        try:
            host = hosts[name]
            allowed = config.roster.accounts(host.kind) | host.own_accounts
            proof = prove(
                host.audience(), allowed=allowed, acknowledged=settings.acknowledged, now=SystemClock().now()
            )
            click.echo(
                f"{name}: restricted; {len(proof.readers)} account(s) can read it: {', '.join(sorted(proof.readers))}"
            )
        except CoCError as error:
            failed = True
            click.echo(f"{name}: {error}", err=True)
    sys.exit(1 if failed else 0)


_name_option = click.option(
    "--name",
    metavar="NAME",
    callback=lambda _context, _parameter, name: _checked_name(name),
    help="Tells this process from others on the same PostgreSQL; each needs one of its own.",
)


def _checked_name(name: str | None) -> str | None:
    if name is not None and not _NAME.fullmatch(name):
        raise click.BadParameter("a name is 1 to 40 lower-case letters, digits and hyphens")
    return name


@main.command()
@config_option
@_name_option
def serve(config_path: Path, name: str | None) -> None:
    """Take reports in and bring them onto their hosts, until stopped."""
    config = load_config(config_path, also=WHOLE)
    with _joined(config, name or "server") as parts:
        try:
            server = make_door(
                parts.app, config.listen_host, config.listen_port, turned_away=parts.turned_away
            )
        except (OSError, ValueError) as error:
            raise _cannot_listen("listen", config.listen_host, config.listen_port, error) from None
        let_threads_finish()
        with closing(server), _working(parts):
            click.echo(f"Listening on http://{config.listen_host}:{config.listen_port}")
            server.run()  # ends by itself on KeyboardInterrupt


@main.command()
@config_option
@_name_option
def worker(config_path: Path, name: str | None) -> None:
    """Bring reports onto their hosts beside another server on the same PostgreSQL, until stopped."""
    config = load_config(config_path, also=WHOLE)
    with _joined(config, name or "worker") as parts, suppress(KeyboardInterrupt), _working(parts):
        click.echo("Working")
        threading.Event().wait()


@contextmanager
def _joined(config: Config, name: str) -> Iterator[Parts]:
    """The parts of a server, which is the only one on its SQLite file, or the only one of its name."""
    with ExitStack() as stack:
        alone = alone_on(config.database_url, patience=_PATIENCE, waits=_say_that_it_waits)
        stay_alone = stack.enter_context(alone)
        parts = join(config, name=name)
        stack.callback(parts.close)
        try:
            stack.enter_context(published(parts.figures, config.metrics))
        except OSError as error:
            raise _cannot_listen("metrics", *(config.metrics or ("", 0)), error) from None
        stay_alone()
        yield parts


def _say_that_it_waits() -> None:
    click.echo(
        f"Another coc-server works on this database. Waiting up to {_PATIENCE:.0f} seconds for its end, in case it is stopping."
    )


@contextmanager
def _working(parts: Parts) -> Iterator[None]:
    """The jobs run while the block does; SIGTERM and Ctrl-C end it."""
    end_on_signals()
    try:
        parts.dispatcher.start()
    except CoCError:
        raise
    except Exception as error:  # noqa: BLE001 - the engine's errors are of many kinds, and their texts are not ours
        raise engine_trouble(error) from None
    try:
        yield
    finally:
        click.echo("Stopping; what is under way goes on at the next start.")
        parts.dispatcher.stop()


def _cannot_listen(entry: str, host: str, port: int, error: Exception) -> click.ClickException:
    why, then = {
        errno.EADDRINUSE: (
            "another program listens there, perhaps a second coc-server; ss -ltnp shows it",
            "Stop the other program or change",
        ),
        errno.EADDRNOTAVAIL: ("this machine does not have the address", _OWN_ADDRESS),
        errno.EACCES: ("this account may not use a port below 1024", "Take a higher one in"),
    }.get(getattr(error, "errno", 0) or 0, (f"{type(error).__name__}", "Change"))
    if isinstance(error, socket.gaierror | ValueError):  # waitress says the first as the second
        why, then = "no address belongs to this name", _OWN_ADDRESS
    return click.ClickException(
        f"{host}:{port} cannot be listened on: {why}. Nothing was started. {then} [server].{entry}."
    )


for command in (audience, backup, backup_key, board, doctor, jobs, keys, restore, setup, space, status):
    main.add_command(command)


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


def program() -> None:
    """``coc-server`` as a program: the same, with what it writes to standard error kept to docs/server.md."""
    to_stderr()
    main()


if __name__ == "__main__":
    program()

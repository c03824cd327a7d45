"""``coc-server keys``: see which root keys are in use, begin to use a new one, let old ones go."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from integration.errors import StoreError
from webhook_server.cli_options import config_option
from webhook_server.config import load_config
from webhook_server.store.alone import alone_on
from webhook_server.store.digest_key import is_another, require_digest_key, take_another
from webhook_server.store.durable_files import halves_of, write_durably
from webhook_server.store.known_keys import require_database
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate
from webhook_server.store.reseal import reseal, sealed_with
from webhook_server.store.sealed import with_new_root_key, with_newest_root_key_only
from webhook_server.store.sealing import all_sealed_is_committed
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import reading, writing
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from webhook_server.config import Config

_PATIENCE, _LOOK_AGAIN = 10.0, 0.2
"""Seconds."""


@click.group()
def keys() -> None:
    """See and change the root keys, with which everything in the database is sealed."""


@keys.command("list")
@config_option
def list_keys(config_path: Path) -> None:
    """Which root keys are in the file, and how many values of the database each of them seals."""
    with _opened(config_path) as (config, sql):
        values = sealed_with(sql)
    for number, key_id in enumerate(config.sealer.key_ids):
        click.echo(
            f"{key_id}  {'newest' if number == 0 else 'older '}  seals {values.pop(key_id, 0)} value(s)"
        )
    for key_id, count in values.items():
        click.echo(f"{key_id}  is not in the file, and seals {count} value(s): they cannot be opened")
    if left := halves_of(config.root_key_file):
        click.echo(
            f"A rotation that was killed left root keys in {', '.join(one.name for one in left)}. The next start, rotate or retire "
            "removes that."
        )


@keys.command()
@config_option
def rotate(config_path: Path) -> None:
    """Make a new root key. The server seals everything anew with it, while it works."""
    with _opened(config_path) as (config, sql):
        require_digest_key(sql, config.sealer, config.root_key_file)
        if len(config.sealer.key_ids) > 1:
            raise click.ClickException(
                "The last rotation is not finished: an older root key is still in the file.\n"
                "First: coc-server keys retire"
            )
        _rewrite(config, with_new_root_key(config.root_key_file))
        config.sealer.reload()
    click.echo(
        f"Root key {config.sealer.key_id} is the newest. A running server takes it up within seconds and seals\n"
        "everything anew with it. Then let the older one go: coc-server keys retire\n"
        f"Copy {config.root_key_file.name} to its safe place again now, and to every other machine that works on this\n"
        "database: without it nothing that is sealed from now on can be opened."
    )


@keys.command()
@config_option
def retire(config_path: Path) -> None:
    """Let older root keys go, after what they still seal was sealed anew."""
    with _opened(config_path) as (config, sql):
        older = config.sealer.key_ids[1:]
        if not older:
            raise click.ClickException("There is no older root key in the file.")
        require_digest_key(sql, config.sealer, config.root_key_file)
        _refuse_if_still_used(sql, config)
        _wait_for_commits(sql)
        reseal(sql, config.sealer)
        _rewrite(config, with_newest_root_key_only(config.root_key_file))
    click.echo(
        f"Only root key {config.sealer.key_id} is left in the file. Copy it to its safe place again. Backups made before\n"
        f"need the older one ({', '.join(older)}): keep that copy as long as you keep them, and no longer."
    )


@keys.command("new-digests")
@config_option
def new_digests(config_path: Path) -> None:
    """Go on without the line digests:… that the root key file lacks, if no copy of it has that line."""
    with _opened(config_path) as (config, sql):
        with reading(sql) as connection:
            if not is_another(connection, config.sealer):
                raise click.ClickException("The file has the right key for digests. Nothing was changed.")
        click.confirm(
            "Then no delivery that came until now is known again: each that is sent again opens a second incident, and after a restore no "
            "ticket\nof a report that the backup lacks is found. Look for a copy of root.key with the line digests:… first. Go on without it?",
            abort=True,
        )
        with writing(sql, "The database keeps the digest key that it had.") as connection:
            take_another(connection, config.sealer)
    click.echo(
        f"From now on the database belongs to {config.root_key_file.name} as it is. Copy it to its safe place again."
    )


def _refuse_if_still_used(sql: sa.Engine, config: Config) -> None:
    """A server that has not taken up the newest key would go on sealing with one that nobody has any more.

    One that fell silent may only stand still, or may not be able to read the file: who holds its name lives.
    """
    locks = Locks(sql, "keys")
    for one in Workers(sql).all():
        if one.root_key_id == config.sealer.key_id:
            continue
        behind = click.ClickException(
            f"A running server still seals with an older root key: {one.name}.\n"
            "Wait some seconds and try again. If it runs on another machine, copy the root key file there first."
        )
        if not one.is_gone:
            raise behind
        try:
            with alone_on(config.database_url), locks.held(f"worker {one.name}", "It lives."):
                pass
        except StoreError:
            raise behind from None


def _wait_for_commits(sql: sa.Engine) -> None:
    """What was sealed with the older key a moment ago is not seen before it is committed, and must be sealed anew too.

    From here on all servers seal with the newest key.
    """
    until = time.monotonic() + _PATIENCE
    while not all_sealed_is_committed(sql):
        if time.monotonic() > until:
            raise click.ClickException(
                "A transaction has not ended that may hold something sealed with the older root key, perhaps a report that is just "
                "being stored.\nThe older key stays, because that could never be opened without it.\n"
                "Wait until the database is done (a slow disk or standby?) and try again: coc-server keys retire"
            )
        time.sleep(_LOOK_AGAIN)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Config, sa.Engine]]:
    """The configuration and the database."""
    config = load_config(path)
    sql = make_engine(config.database_url)
    try:
        require_database(sql)
        migrate(sql)
        yield config, sql
    finally:
        sql.dispose()


def _rewrite(config: Config, content: bytes) -> None:
    try:
        write_durably(config.root_key_file, content)
    except OSError as error:
        raise click.ClickException(
            f"{config.root_key_file} could not be written ({type(error).__name__}); it is as it was."
        ) from None

"""``coc-server space``: what only whoever runs the service may say about a ticket space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from integration.audience import prove
from integration.incident import SpaceName
from webhook_server.cli_options import config_option
from webhook_server.config import load_config
from webhook_server.store import space_ids
from webhook_server.store.clocks import SystemClock, common_time
from webhook_server.store.known_keys import require_database
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine
from webhook_server.wiring import make_hosts

if TYPE_CHECKING:
    from pathlib import Path

    from webhook_server.config import Config


@click.group()
def space() -> None:
    """Ticket spaces: which repository or project stands under a name."""


@space.command()
@click.argument("name")
@config_option
def accept(name: str, config_path: Path) -> None:
    """Accept the repository or project that stands under the ticket space NAME now, in place of the one before."""
    config = load_config(config_path)
    if name not in config.spaces:
        raise click.ClickException(f"There is no [spaces.{name}] in {config_path}.")
    _accept(SpaceName(name), config)


def _accept(name: SpaceName, config: Config) -> None:
    host, clock = make_hosts(config)[name], SystemClock()
    audience = host.audience()
    proof = prove(
        audience,
        allowed=config.roster.accounts(host.kind) | host.own_accounts,
        acknowledged=config.spaces[name].acknowledged,
        now=clock.now(),
    )
    sql = make_engine(config.database_url)
    try:
        require_database(sql)
        migrate(sql)
        known = space_ids.known(sql, name)
        if known in {None, audience.space_id}:
            click.echo(f"{name} is the one that it always was (id {audience.space_id}); nothing to accept.")
            return
        click.echo(
            f"Under the name of {name} stood the {_thing(host.kind)} with the id {known}.\n"
            f"Now the one with the id {audience.space_id} stands there. It is restricted; "
            f"{len(proof.readers)} account(s) can read it: {', '.join(sorted(proof.readers))}\n"
            "Accept it only if your team made it, and knows what became of the old one: every ticket of that is lost with\n"
            "it. Each incident is then restored by a member who is cleared: coc diary restore CODE-NAME --new-ticket"
        )
        click.confirm("Write to this one from now on?", abort=True)
        space_ids.accept(sql, name, audience.space_id, common_time(sql))
        click.echo(
            "Accepted. The proof by an admin was of the old one, so nothing is written before you run:\n"
            f"coc-server doctor {name} --admin-token-file FILE"
        )
    finally:
        sql.dispose()


def _thing(kind: str) -> str:
    return "project" if kind == "jira" else "repository"

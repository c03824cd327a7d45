"""``coc-server board``: make or renew the boards of the ticket spaces now."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from integration.incident import SpaceName
from webhook_server.cli_options import config_option
from webhook_server.config import load_config
from webhook_server.store.known_keys import require_database
from webhook_server.store.sql import make_engine
from webhook_server.wiring import join

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("space", required=False)
@click.option("--stop", is_flag=True, help="Do not renew it any more; what stands on the host stays there.")
@config_option
def board(space: str | None, config_path: Path, *, stop: bool) -> None:
    """Make or renew the board of the ticket space SPACE, or of all: a dashboard in Jira, a pinned ticket on GitHub.

    From then on the server keeps it as it should be.
    """
    config = load_config(config_path)
    if space is not None and space not in config.spaces:
        raise click.ClickException(f"There is no [spaces.{space}] in {config_path}.")
    sql = make_engine(config.database_url)
    require_database(sql)
    sql.dispose()
    with closing(join(config, name="board")) as parts:
        for name in [SpaceName(space)] if space is not None else parts.boards.spaces:
            if stop:
                known = parts.boards.forget(name)
                click.echo(
                    f"{name}: {'it is not renewed any more; take it off the host by hand' if known else 'there was none'}."
                )
                continue
            deeds = parts.boards.renew(name, parts.work.clock.now())
            click.echo(
                f"{name}: {'; '.join(deeds) if deeds else 'it is as it should be; nothing was changed'}."
            )

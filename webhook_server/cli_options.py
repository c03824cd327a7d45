"""What the commands of ``coc-server`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from integration.errors import CoCError

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("coc-server.toml"),
    show_default=True,
    help="The configuration file.",
)


class Commands(click.Group):
    """Commands whose errors are sentences: what happened, what it means, what to do next; and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the base class's signature
        """Run a command."""
        try:
            return super().invoke(ctx)
        except CoCError as error:
            raise click.ClickException(str(error)) from None

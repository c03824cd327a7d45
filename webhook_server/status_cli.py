"""``coc-server status``: exit code 0 if all is well, 1 if something needs a look."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from webhook_server.cli_options import config_option
from webhook_server.status import look

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@config_option
def status(config_path: Path) -> None:
    """Say whether all is well, what needs a look, and what to do about it."""
    found = look(config_path, datetime.now(UTC))
    for what, then in found.warnings:
        click.echo(f"! {what}\n  {then}")
    if found.warnings:
        click.echo("")
    width = max((len(name) for name, _ in found.lines), default=0)
    for name, text in found.lines:
        click.echo(f"{name:<{width}}  {text}")
    if found.warnings:
        sys.exit(1)
    click.echo("\nAll is well.")

"""``coc-server setup``: what must exist on a host is looked for, and made with an admin's short-lived credential."""

from __future__ import annotations

import click

from webhook_server.setup_github_cli import github
from webhook_server.setup_jira_cli import jira


@click.group()
def setup() -> None:
    """Set up a ticket space on its host. A dry run shows what is lacking; --apply makes it; a second run changes nothing."""


setup.add_command(github)
setup.add_command(jira)

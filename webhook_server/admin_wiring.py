"""Joins what needs other people's credentials to the hosts: the checks of ``coc-server doctor`` and an admin's reading.

Beside :mod:`webhook_server.wiring` the only part of the server that names a concrete host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.errors import ConfigError
from integration.github.admin_audience import read_admin_audience as read_github_audience
from integration.github.checks import github_checks
from integration.github.client import Client
from integration.github.credential import TokenCredential
from integration.jira.admin import Credential
from integration.jira.admin_audience import read_admin_audience as read_jira_audience
from integration.jira.checks import jira_checks
from webhook_server.config_spaces import JiraSettings
from webhook_server.wiring import github_credential, github_space, jira_space, make_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from integration.audience import Audience
    from integration.checks import Check
    from webhook_server.admin_login import Login
    from webhook_server.config import Config
    from webhook_server.config_spaces import GitHubSettings, SpaceSettings
    from webhook_server.doctor import HostChecks


@dataclass(frozen=True, slots=True)
class _HostChecks:
    """One host's own functions, with the credentials in place."""

    run: Callable[[], Iterable[Check]]
    read: Callable[[], Audience] | None

    def checks(self) -> Iterable[Check]:
        """Every check of the host's own."""
        return self.run()

    def admin_audience(self) -> Audience | None:
        """Everybody who can read, seen with an admin's credential; None without one."""
        return self.read() if self.read is not None else None


def make_host_checks(
    config: Config, settings: SpaceSettings, *, admin: Login | None, outsider: Login | None
) -> HostChecks:
    """The checks of one ticket space's host, with these credentials.

    Raises:
        ConfigError: Jira needs an e-mail address beside each token.
    """
    if isinstance(settings.host, JiraSettings):
        return _jira(config, settings, settings.host, admin, outsider)
    return _github(config, settings, settings.host, admin, outsider)


def hook_address(config: Config, settings: SpaceSettings) -> str:
    """Where the ticket space's host sends its events; any other webhook tells somebody else of what happens there."""
    return f"{config.origin}/from/{settings.name}"


def _jira(
    config: Config, settings: SpaceSettings, host: JiraSettings, admin: Login | None, outsider: Login | None
) -> HostChecks:
    space, bot = jira_space(settings, host), Credential(host.email, host.token)
    admins, outsiders = _credential(admin, "admin"), _credential(outsider, "outsider")
    aliases = [member.alias for member in config.roster.members if "jira" in member.accounts]
    hook = hook_address(config, settings)
    return _HostChecks(
        lambda: jira_checks(space, admin=admins, bot=bot, outsider=outsiders, aliases=aliases, hook_url=hook),
        (lambda: read_jira_audience(space, admin=admins, bot=bot, hook_url=hook))
        if admins is not None
        else None,
    )


def _credential(login: Login | None, who: str) -> Credential | None:
    if login is None:
        return None
    if not login.email:
        raise ConfigError(
            "The command", [f"Jira needs the address of the token's account too: --{who}-email"]
        )
    return Credential(login.email, login.token)


def _github(
    config: Config, settings: SpaceSettings, host: GitHubSettings, admin: Login | None, outsider: Login | None
) -> HostChecks:
    space = github_space(settings, host)
    owner = TokenCredential(admin.token) if admin is not None else None
    hook = hook_address(config, settings)
    stranger = TokenCredential(outsider.token) if outsider is not None else None

    def read(credential: TokenCredential) -> Audience:
        client = Client(
            base_url=space.base_url, owner=space.owner, repository=space.repository, credential=credential
        )
        (own,) = make_hosts(config)[settings.name].own_accounts
        return read_github_audience(client, space=settings.name, own_login=own, hook_url=hook)

    return _HostChecks(
        lambda: github_checks(
            space, admin=owner, bot=github_credential(host), outsider=stranger, hook_url=hook
        ),
        (lambda: read(owner)) if owner is not None else None,
    )

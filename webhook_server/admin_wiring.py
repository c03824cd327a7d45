"""Joins what needs other people's credentials to the hosts: the checks of ``coc-server doctor`` and an admin's reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.checks import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration.audience import Audience
    from webhook_server.admin_login import Login
    from webhook_server.config import Config
    from webhook_server.config_spaces import SpaceSettings
    from webhook_server.doctor import HostChecks


@dataclass(frozen=True, slots=True)
class _NoChecks:
    """A host whose own checks are not joined yet."""

    space: str

    def checks(self) -> Iterable[Check]:
        """That nothing was looked at."""
        step = "Look at the pages under docs/hosts/ by hand."
        yield Check(f"host ({self.space})", Outcome.UNKNOWN, "nothing of the host was looked at", step)

    def admin_audience(self) -> Audience | None:
        """Nothing is known."""
        return None


def make_host_checks(
    config: Config, space: SpaceSettings, *, admin: Login | None, outsider: Login | None
) -> HostChecks:
    """The checks of one ticket space's host, with these credentials."""
    del config, admin, outsider
    return _NoChecks(space.name)

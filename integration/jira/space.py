"""What the configuration says about one Jira project that is used as a ticket space."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integration.errors import ConfigError
from integration.text import is_plain

if TYPE_CHECKING:
    from integration.incident import SpaceName
    from integration.jira.fields import JiraFieldIds

_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{1,49}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z")


@dataclass(frozen=True, slots=True)
class JiraSpace:
    """What the configuration says about one Jira project used as a ticket space.

    ``browse_roles`` and ``browse_groups`` are the ids (not names) of the only roles and groups that may
    hold the right to browse. ``comment_role`` is the name of a role that diary comments are limited to, as
    a second lock; the service's account must be in it.

    Raises:
        ConfigError: with every mistake in it.
    """

    name: SpaceName
    site: str
    project: str
    email: str
    issue_type_id: str
    subtask_type_id: str
    security_level_id: str
    fields: JiraFieldIds
    browse_roles: frozenset[str]
    browse_groups: frozenset[str] = frozenset()
    comment_role: str | None = None

    def __post_init__(self) -> None:
        mistakes = [*_site_mistakes(self.site), *self.fields.mistakes()]
        if not _PROJECT.match(self.project):
            mistakes.append("project must be the project's key, such as COC")
        mistakes.extend(
            f"{key} must be Jira's number for it, such as 10010"
            for key in ("issue_type_id", "subtask_type_id", "security_level_id")
            if not _NUMBER.match(getattr(self, key))
        )
        if not all(_NUMBER.match(role) for role in self.browse_roles):
            mistakes.append("browse_roles must be role numbers, such as 10002, not names")
        if not self.browse_roles and not self.browse_groups:
            mistakes.append("browse_roles or browse_groups must name who may read the project")
        if self.comment_role is not None and not self.comment_role.strip():
            mistakes.append("comment_role must be the name of a role, or left out")
        if not is_plain(self.email) or "@" not in self.email:
            mistakes.append("email must be the address of the service's account")
        if mistakes:
            raise ConfigError(f"The Jira space {self.name!r}", mistakes)

    @property
    def address(self) -> str:
        """The site without a slash at the end."""
        return self.site.rstrip("/")

    @property
    def host(self) -> str:
        """The site's name as it stands in a ticket's name, with the port if it has one."""
        return urlsplit(self.site).netloc.lower()

    def our_names(self) -> dict[str, str]:
        """Jira's ids of fields -> our words for them, the only ones an error may use."""
        return self.fields.our_names()


@dataclass(frozen=True, slots=True)
class JiraLogin:
    """A site and an account on it, where no more is known: at set-up, and for accounts that only try what they can see.

    Raises:
        ConfigError: with every mistake in it.
    """

    name: SpaceName
    site: str
    project: str
    email: str

    def __post_init__(self) -> None:
        mistakes = _site_mistakes(self.site)
        if not _PROJECT.match(self.project):
            mistakes.append("project must be the project's key, such as COC")
        if not is_plain(self.email) or "@" not in self.email:
            mistakes.append("email must be the mail address of an account on the site")
        if mistakes:
            raise ConfigError(f"What was said about the Jira space {self.name!r}", mistakes)

    @property
    def address(self) -> str:
        """The site without a slash at the end."""
        return self.site.rstrip("/")

    @property
    def host(self) -> str:
        """The site's name, with the port if it has one."""
        return urlsplit(self.site).netloc.lower()

    def our_names(self) -> dict[str, str]:
        """None: without the ids of fields an error names no field."""
        return {}


def _site_mistakes(site: str) -> list[str]:
    example = "site must be the address of the site alone, such as https://acme.atlassian.net"
    try:
        parts = urlsplit(site)
        _ = parts.port
    except ValueError:
        return [example]
    if not parts.hostname or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        return [example]
    if not is_plain(site) or parts.scheme not in {"https", "http"}:
        return [example]
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return ["site must begin with https; plain http is for a stand-in on this machine only"]
    return []


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

"""Which GitHub repository holds the incidents, as the configuration names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.errors import ConfigError

if TYPE_CHECKING:
    from integration.incident import SpaceName

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\Z")
_REPOSITORY = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")


@dataclass(frozen=True, slots=True)
class GitHubSpace:
    """One repository that holds incidents and nothing else.

    ``bot_login`` is the account of our credential, if the team wants it checked; GitHub is asked in any case.
    ``hook_id`` is the repository's webhook that calls us; an App has one of its own.
    """

    name: SpaceName
    owner: str
    repository: str
    base_url: str = "https://api.github.com"
    bot_login: str | None = None
    hook_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse names that GitHub would not give, since they become a part of addresses."""
        mistakes = []
        if not _OWNER.match(self.owner):
            mistakes.append("owner must be a GitHub user or organisation")
        if not _REPOSITORY.match(self.repository):
            mistakes.append("repository must be a GitHub repository's name, without its owner")
        if mistakes:
            raise ConfigError(f"The ticket space {self.name!r}", mistakes)

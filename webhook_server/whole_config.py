"""The mistakes in a configuration that its own reader cannot see: in what a host's code takes, and in the roster's signatures.

They are added to those that it found, so that one run shows all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from integration.errors import ConfigError, RosterRefused, StoreError
from webhook_server.config_spaces import JiraSettings
from webhook_server.roster_in_use import check_roster
from webhook_server.wiring import github_credential, github_space, jira_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_server.config import Draft
    from webhook_server.config_spaces import SpaceSettings


def look_at_spaces(draft: Draft) -> None:
    """What the code of a ticket space's host does not take. Nothing is asked of a host."""
    for name, space in draft.spaces.items():
        where = f"[spaces.{name}]"
        for make in _makers(space):
            try:
                make()
            except ConfigError as error:
                found = [
                    mistake for mistake in error.mistakes if not _is_said(where, mistake, draft.mistakes)
                ]
                draft.mistakes.extend(f"{where}: {mistake}" for mistake in found)


def _makers(space: SpaceSettings) -> tuple[Callable[[], object], ...]:
    settings = space.host
    if isinstance(settings, JiraSettings):
        return (partial(jira_space, space, settings),)
    return partial(github_space, space, settings), partial(github_credential, settings)


def _is_said(where: str, mistake: str, said: list[str]) -> bool:
    """Whether the entry with which the mistake begins has one already: what is lacking or no text is no key either."""
    entry = f"{where}.{mistake.split(maxsplit=1)[0]}"
    return any(one.startswith(entry) for one in said)


def look_at_roster(draft: Draft) -> None:
    """Whether the roster is signed as it must be and follows the one in use.

    Raises:
        StoreError: the database cannot be read, and there is no mistake to be told before.
    """
    if draft.roster_file is None:
        return
    try:
        check_roster(draft.roster_file, draft.addresses.database_url, draft.sealer)
    except ConfigError as error:
        draft.mistakes.extend(f"[server].roster: {mistake}" for mistake in error.mistakes)
    except RosterRefused as error:
        draft.mistakes.append(f"[server].roster: {error}")
    except StoreError as error:
        if not draft.mistakes:
            raise
        draft.mistakes.append(f"[server].roster: {error}")


WHOLE = (look_at_spaces, look_at_roster)
"""All of them, as a server's start needs."""

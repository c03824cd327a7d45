"""The mistakes in a configuration that its own reader cannot see: in what a host's code takes, and in the roster's signatures.

They are added to those that it found, so that one run shows all.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import ConfigError, RosterRefused, StoreError
from integration.first_readers import nobody_reads_first
from webhook_server.config_spaces import JiraSettings
from webhook_server.config_values import TOO_OPEN
from webhook_server.roster_in_use import check_roster
from webhook_server.secret_files import account_name
from webhook_server.store.room import nearest, seems_to_take_files
from webhook_server.wiring import github_credential, github_space, jira_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from webhook_server.config import Config, Draft
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
    """Whether the entry with which the mistake begins has one already: what is lacking or no text is no key either.

    That a file is open to others says nothing of what is in it.
    """
    entry = f"{where}.{mistake.split(maxsplit=1)[0]}"
    return any(one.startswith(entry) and TOO_OPEN not in one for one in said)


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


def look_at_machine(draft: Draft) -> None:
    """Whether a server of this account could listen, and write where it must. Nothing is made or changed.

    Not for a start, which says by itself what it cannot do.
    """
    host = draft.addresses.listen_host
    if not _is_ours(None if host == "*" else host):
        draft.mistakes.append(
            f"[server].listen: {host} is no address of this machine, and no name of one; put 127.0.0.1 there as a rule"
        )
    shared = draft.addresses.database_url.startswith("postgresql")
    folders = {"inbox_keys": (draft.addresses.inbox_keys, not shared)}
    for entry, url in {"database": draft.addresses.database_url, "engine_database": draft.engine_url}.items():
        if url.startswith("sqlite"):
            folders[entry] = Path(sa.make_url(url).database or ".").parent, False
    for entry, (folder, made_later) in folders.items():
        if not seems_to_take_files(folder, made_later=made_later):
            draft.mistakes.append(
                f"[server].{entry}: {_takes_no_file(nearest(folder) if made_later else folder)}"
            )


def _is_ours(host: str | None) -> bool:
    """Whether one can listen there, as far as the address goes: the port may be in use by this very server."""
    with suppress(OSError, UnicodeError):
        for family, kind, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
            with suppress(OSError), socket.socket(family, kind) as tried:
                tried.bind(address)
                return True
    return False


def _takes_no_file(folder: Path) -> str:
    if not os.path.lexists(folder):
        return f"the folder {folder} is not there; make it for the server's account (mode 0700)"
    me = account_name(os.geteuid())
    return (
        f"the folder {folder} takes no file from {me}, as which this command runs; if {me} is the server's account, give it the "
        "folder (chown, mode 0700) and see that its disk is not full or read-only; otherwise say the command as the server's account"
    )


def _twins(config: Config) -> Iterator[str]:
    """Spaces with one repository or project: their proofs and boards would be made twice, and each would find the other's tickets."""
    seen: dict[tuple[str, ...], str] = {}
    for name, space in config.spaces.items():
        host = space.host
        where = (
            (host.site, host.project)
            if isinstance(host, JiraSettings)
            else (host.base_url, host.owner, host.repository)
        )
        first = seen.setdefault(tuple(part.casefold() for part in where), name)
        if first != name:
            yield (
                f"[spaces.{name}] is the same {'project' if space.kind == 'jira' else 'repository'} as [spaces.{first}]: "
                "one is enough, and several sources may name it; leave one out once no incident of it is open"
            )


def doubts_about(config: Config, today: date) -> Iterator[str]:
    """What keeps no server from starting, and is wrong all the same."""
    for name, space in config.spaces.items():
        for one in space.exceptions:
            if one.until < today:
                yield (
                    f"[spaces.{name}].acknowledged: the exception until {one.until} has ended; while that account can read, nothing "
                    "is written there. Renew it, or take the access away and the exception out"
                )
    for first, second in combinations(config.sources.values(), 2):
        if set(first.secrets) & set(second.secrets):
            yield (
                f"[sources.{first.name}] and [sources.{second.name}] have the same secret: what was signed for the one would be "
                "taken in from the other too; give each form a secret of its own"
            )
    yield from _twins(config)
    if duty := nobody_reads_first(config.roster):
        yield f"the roster: {' '.join(duty)}"


WHOLE = (look_at_spaces, look_at_roster)
"""All of them, as a server's start needs."""

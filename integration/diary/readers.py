"""Whether the readers that a keyring names are members of the team: by the rosters that the desk has accepted.

What a keyring opens stays open, whatever is found; nobody writes with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from integration.diary.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration.diary.comment import CommentId
    from integration.diary.contents import Trust
    from integration.diary.findings import Finding
    from integration.diary.keyring import Keyring
    from integration.diary.keys import Reader

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z", re.ASCII)


def unvouched_readers(keyring: Keyring, trust: Trust, place: CommentId) -> list[Finding]:
    """Whether the roster that a keyring names is accepted, is not an older one, and has every reader."""
    newest = keyring.newest
    listed = trust.rosters.get(newest.roster_hash)
    found: list[Finding] = []
    if listed is None:
        found.append(finding("unknown-roster", place, str(newest.roster_serial)))
    elif others := [one for one in newest.readers if one not in listed]:
        found.append(finding("unlisted-reader", place, _names(others)))
    if any(one.roster_serial > newest.roster_serial for one in keyring.epochs[1:]):
        found.append(finding("older-roster", place))
    return found


def former_readers(keyring: Keyring, trust: Trust, place: CommentId) -> list[Finding]:
    """Whether the pinned roster still has every reader of the newest keyring whom its own, accepted roster has."""
    newest = keyring.newest
    listed = trust.rosters.get(newest.roster_hash, ())
    left = [one for one in newest.readers if one in listed and one not in trust.readers]
    return [finding("former-reader", place, _names(left))] if left else []


def _names(readers: Iterable[Reader]) -> str:
    return ", ".join(
        sorted({one.alias if _NAME.match(one.alias) else "one without a name" for one in readers})
    )

"""Whether a ticket space is the one it always was: a name can be given again, a host's own id cannot.

The first one that was proven to be restricted counts. Another one under its name is refused until whoever runs
the service says that it is right: it may have been made again by the team, or put there by somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostReplaced

if TYPE_CHECKING:
    from datetime import datetime

    from integration.audience import Audience
    from integration.incident import SpaceName
    from integration.ports import Host
    from integration.store import Store


def audience_of(host: Host, store: Store) -> Audience:
    """Who can read the ticket space, read from the one that was proven before (or from the first).

    Raises:
        HostReplaced: another one stands under its name.
        HostError: the host does not say.
    """
    audience = host.audience()
    known = store.space_id(host.space)
    if known is not None and audience.space_id and audience.space_id != known:
        raise HostReplaced(
            f"Under the name of the ticket space {host.space!r} stands another repository or project "
            f"(id {audience.space_id}) than the one that was proven before (id {known}).",
            meaning="It was deleted and made again, or somebody put another one in its place. Nothing was written to it.",
            next_step=f"Find out which. If your team made it again: coc-server space accept {host.space}",
        )
    return audience


def keep_first(space: SpaceName, audience: Audience, store: Store, now: datetime) -> None:
    """Remember a ticket space that was just proven, if none was remembered under its name."""
    if audience.space_id and store.space_id(space) is None:
        store.keep_space_id(space, audience.space_id, now)

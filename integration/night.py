"""What a night asks of a ticket. Most have nothing to do, which one reading tells; :mod:`integration.casework` heals the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.adopting import is_settled
from integration.errors import HostGone
from integration.mirror import mirror
from integration.reconcile import is_whole

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.incident import Incident, IncidentId
    from integration.ports import Host


def is_right_at_night(incident: Incident, work: Casework) -> bool:
    """Whether there is nothing to do.

    A closed incident may have been put away, its ticket or the whole ticket space: nobody is told of that each day for ever. Of
    a frozen space members are told once, not for each ticket; the night after the thaw compares them.

    Raises:
        HostError: the ticket of an open incident is gone, or the host does not say.
    """
    host = work.hosts.get(incident.space)
    if host is None:
        return incident.is_closed
    if work.guard.is_frozen(host.space):
        return True
    try:
        return _is_as_it_should_be(incident, host, work)
    except HostGone:
        if incident.is_closed:
            return True
        raise


def is_put_away(incident: IncidentId, host: Host, work: Casework) -> bool:
    """Whether the night would leave alone what was just found gone: the incident is closed, and the ticket not there.

    It is asked anew, since a look at the ticket may have opened the incident again, or something else on it be gone.
    """
    now = work.store.incident(incident)
    if not now.is_closed:
        return False
    try:
        _is_as_it_should_be(now, host, work)
    except HostGone:
        return True
    return False


def _is_as_it_should_be(incident: Incident, host: Host, work: Casework) -> bool:
    """By reading it once. A recent proof that the space is restricted will do, since nothing is written."""
    ref = work.store.ticket(incident.id).ref
    if ref is None:
        return False
    work.guard.prove_recently(host)
    view = mirror(incident, work.process)
    found = host.read(ref, view)
    return is_whole(incident, view, found, work.store, work.roster()) and is_settled(incident, found, work)

"""Who may read a report, seen with the other versions of it that its reporter sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.first_readers import not_meant
from integration.report import load_report

if TYPE_CHECKING:
    from integration.roster import Member, Roster
    from integration.store import Delivery, Store


def first_readers_of(delivery: Delivery, store: Store, roster: Roster) -> tuple[Member, ...]:
    """The members on duty whom neither a waiting report nor another version of it could mean.

    Of one that was kept apart also those off duty, if that leaves nobody else: who read its other versions was chosen for
    these, perhaps long ago.
    """
    safe = not_meant_by_any(delivery, store, roster)
    on_duty = tuple(one for one in safe if one.on_duty)
    return on_duty if on_duty or not store.incidents_beside(delivery.inbox_id) else safe


def not_meant_by_any(delivery: Delivery, store: Store, roster: Roster) -> tuple[Member, ...]:
    """All members, on duty or not, whom neither a waiting report nor another version of it could mean."""
    if delivery.report is None:
        return ()
    others = _not_meant_by_others(delivery, store, roster)
    return tuple(one for one in not_meant(load_report(delivery.report), roster) if one in others)


def _not_meant_by_others(delivery: Delivery, store: Store, roster: Roster) -> tuple[Member, ...]:
    """The members whom no other version could mean.

    Those that wait can be read. Of one that is in the diary of another incident nobody here knows any more whom it named;
    but whoever reads that diary was not.
    """
    members = roster.members
    for report in store.other_versions(delivery.inbox_id):
        safe = not_meant(load_report(report), roster)
        members = tuple(one for one in members if one in safe)
    for incident in store.incidents_beside(delivery.inbox_id):
        if store.epoch(incident) is not None:
            readers = store.readers(incident)
            members = tuple(one for one in members if one.alias in readers)
    return members

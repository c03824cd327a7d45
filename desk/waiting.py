"""What the service keeps and has not brought to the ticket: said at each reading and after each write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from integration.diary.findings import Finding

if TYPE_CHECKING:
    from desk.served import ServedDiary

_WHY: Final = {
    "host-gone": "the ticket, or its whole project or repository, is not there",
    "host-not-restricted": "it is not proven that only the team can read the ticket space",
    "host-replaced": "another project or repository stands under the name of the ticket space",
    "host-refused": "the host does not take the service's key",
    "host-rejected": "the host does not accept it as it is",
    "host-unavailable": "the host is away",
    "host-limited": "the host asks the service to wait",
    "host-unknown-outcome": "the service is finding out what reached the host",
}


def held_up(served: ServedDiary) -> Finding | None:
    """Said where something was tried and did not reach the ticket; None if nothing waits, or only for its turn."""
    waiting = served.waiting
    if waiting is None or waiting.code is None:
        return None
    name = served.incident.code_name
    why = _WHY.get(waiting.code, "of trouble that only whoever runs the service can see")
    if not waiting.parked:
        step = "Nothing has to be done; it is tried again by itself."
    elif waiting.code == "host-gone":
        step = (
            f"If it was deleted: coc diary restore {name} --new-ticket. If not, ask whoever runs the service."
        )
    else:
        step = "Ask whoever runs the service; its list of what waits says more."
    return Finding(
        "not-on-ticket-yet",
        None,
        f"What was written last is kept by the service and is not on the ticket, because {why} ({waiting.code}).",
        f"It is safe, and readers read it at their desks. {step}",
        serious=False,
    )


def needs_somebody(served: ServedDiary | None) -> bool:
    """Whether what waits for the ticket waits for a person."""
    return served is not None and served.waiting is not None and served.waiting.parked


def after_write(served: ServedDiary | None) -> str:
    """How what was just written goes on its way."""
    found = held_up(served) if served is not None else None
    if found is None:
        return "The service brings it to the ticket."
    return f"It waits behind what was written before. {found.says} {found.means}"

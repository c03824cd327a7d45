"""How the checks of a Jira project say what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def guarded(key: str, check: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The findings of a check; UNKNOWN if the host did not show what it needs."""
    try:
        yield from check()
    except HostError as error:
        yield unknown(key, error)


def unknown(key: str, error: HostError) -> Check:
    """What could not be looked at is not known."""
    return Check(
        key, Outcome.UNKNOWN, f"{error.what} {error.meaning}".strip(), error.next_step or "Try again."
    )


def found(key: str, wrong: Iterable[str], fine: str, step: str) -> Check:
    """PASS if nothing is wrong; else FAIL with all that is."""
    faults = list(dict.fromkeys(wrong))
    if not faults:
        return Check(key, Outcome.PASS, fine)
    return Check(key, Outcome.FAIL, "; ".join(faults), step)

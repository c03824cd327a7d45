"""What ``coc-server setup`` does on a host: a plan that is shown first, carried out on request, and empty the second time.

Each host makes its own plan (``integration/jira/setup.py``, ``integration/github/setup.py``) with an admin's
credential that lives in memory only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that is lacking on the host.

    ``what`` says what is made or changed. ``do`` makes it, and is safe to call again: it reads before it writes. Where
    the host's API does not allow it, ``do`` is None and ``by_hand`` holds the exact instruction for a person.
    """

    key: str
    what: str
    do: Callable[[], None] | None = field(default=None, repr=False)
    by_hand: str = ""


class Setup(Protocol):
    """The set-up of one ticket space on one host."""

    def deeds(self) -> Sequence[Deed]:
        """Read the host and give what is lacking, in the order in which it must be done. Writes nothing.

        Empty means that everything is as it should be. What later deeds need may not exist before earlier ones are
        done, so this is asked again after each round.
        """
        ...

    def settings(self) -> str:
        """The ``[spaces.NAME]`` table for the server's configuration, as TOML, with the ids that were found."""
        ...

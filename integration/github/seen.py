"""Which incidents have a ticket or step in the repository: so that not each look for one lists all tickets anew.

Only "not there" is ever taken from here, and only after a fresh look at what is new. Whoever may be there is looked for in
the whole list.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from integration.github.reading import all_issues
from integration.github.text import find_marker

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.github.answers import Json
    from integration.github.client import Client
    from integration.incident import IncidentId

_LASTS = 3600.0
"""Seconds after which the whole list is read again: somebody may have put an older ticket, or its marker, back."""
_NEW = 40
"""Issues on a page of what is new. An incident and its steps are twelve."""
_OVERLAP = 20
"""So many in a row must be known before the rest is believed to be: two made at the same time need not turn up in the
order of their numbers."""


class SeenIncidents:
    """What this process has seen in one repository. Safe to use from several threads.

    Args:
        client: the calls.
        steady: seconds that nobody puts back or forward.
    """

    def __init__(self, client: Client, steady: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._steady = steady
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._issues: set[int] = set()
        self._incidents: set[IncidentId] = set()

    def forget(self) -> None:
        """Read the whole list at the next look: something may have been written that did not answer."""
        with self._lock:
            self._read_at = None

    def may_be_there(self, incident: IncidentId) -> bool:
        """Whether an issue may carry the incident's marker. One read if not, up to 20 things being new.

        Raises:
            HostError: GitHub does not say.
        """
        with self._lock:
            now = self._steady()
            if self._read_at is None or now - self._read_at > _LASTS:
                self._read_at = None  # until it has been read to its end
                self._issues, self._incidents = set(), set()
                for issue in all_issues(self._client):
                    self._note(issue)
                self._read_at = now
            else:
                self._read_what_is_new()
            return incident in self._incidents

    def _read_what_is_new(self) -> None:
        """Newest first, until enough in a row are known."""
        known = 0
        fresh = []
        for issue in all_issues(self._client, page=_NEW):
            known = known + 1 if issue["number"] in self._issues else 0
            fresh.append(issue)
            if known >= _OVERLAP:
                break
        for issue in fresh:  # when all were read: after half of them the others would be taken for known
            self._note(issue)

    def _note(self, issue: Json) -> None:
        self._issues.add(issue["number"])
        mark = find_marker(issue.get("body"))
        if mark is not None:
            self._incidents.add(mark.incident)

"""Figures for Prometheus, on an address of their own that only this machine reaches.

They say when somebody reported, so they are not behind the door that a proxy opens to the world. Gauges are read
from the database when somebody asks, counters count in this process from its start. Labels hold words of small
fixed sets only: outcomes, error codes, states, kinds of host; never a code name, an id or a source.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from integration.errors import CoCError, NotReceived, StaleDelivery, TooLarge, Unauthenticated, UnknownSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from integration.ports import Clock, Notifier
    from webhook_server.store.overview import Overview

_STATES = ("waiting", "parked")
_OTHER = "other"
_NO_CODE = "none"
_ANSWERS = (
    *("received", "unreadable", "ignored", "failed"),
    *(error.code for error in (Unauthenticated, StaleDelivery, UnknownSource, TooLarge, NotReceived)),
)
_CHORE = re.compile(r"[a-z-]{1,20}\Z")


def _codes(error: type[CoCError]) -> set[str]:
    return {error.code}.union(*(_codes(one) for one in error.__subclasses__()))


CODES = frozenset(_codes(CoCError) | {"interrupted", "unexpected"})
"""Every reason that a delivery can wait for; docs/server.md explains them."""
OUTCOMES = CODES | {"received", "unreadable", "ignored", "failed", "done", "noted", "again", "own", "space"}


class Counters:
    """What this process has done since its start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._deliveries = Counter(
            "coc_deliveries",
            "Deliveries of form tools, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self._attempts = Counter(
            "coc_attempts",
            "Tries to bring a delivery onto its host, by result.",
            ["outcome"],
            registry=registry,
        )
        self._events = Counter(
            "coc_host_events",
            "Events of the hosts' webhooks, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self._notices = Counter(
            "coc_notices", "Notices to members and the operator, by result.", ["outcome"], registry=registry
        )
        # From the start at 0: Prometheus sees no rise in a figure that appears with its first event.
        for outcome in _ANSWERS:
            self._deliveries.labels(outcome)
        for outcome in ("sent", "failed"):
            self._notices.labels(outcome)

    def delivery(self, outcome: str) -> None:
        """A form tool got its answer."""
        self._deliveries.labels(_known(outcome)).inc()

    def event(self, outcome: str) -> None:
        """A host's webhook got its answer."""
        self._events.labels(_known(outcome)).inc()

    def attempt(self, outcome: str) -> str:
        """A try ended with ``done`` or a code, which is given back."""
        self._attempts.labels(_known(outcome)).inc()
        return outcome

    def notices(self, notifier: Notifier) -> Notifier:
        """The same notifier, counted."""
        return _CountedNotifier(notifier, self._notices)


def _known(outcome: str) -> str:
    return outcome if outcome in OUTCOMES else _OTHER


class _CountedNotifier:
    """Passes each notice on and counts whether it was sent."""

    def __init__(self, notifier: Notifier, count: Counter) -> None:
        self._notifier = notifier
        self._count = count

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        """Send a notice, as :class:`integration.ports.Notifier` says."""
        try:
            left = self._notifier.tell(addresses, subject=subject, text=text)
        except BaseException:
            self._count.labels("failed").inc()
            raise
        self._count.labels("sent").inc()
        if left:  # the operator is to hear of them, too
            self._count.labels("failed").inc()
        return left


class DatabaseFigures(Collector):
    """What the database says at this moment. If it is away, ``coc_database_up`` is 0 and nothing else is said of it."""

    def __init__(
        self, overview: Overview, clock: Clock, is_stuck: Callable[[], bool], spaces: Iterable[str] = ()
    ) -> None:
        """``spaces`` are the names of the ticket spaces that are configured."""
        self._spaces = frozenset(spaces)
        self._overview = overview
        self._clock = clock
        self._is_stuck = is_stuck

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        stuck = GaugeMetricFamily(
            "coc_jobs_stuck", "1 if the jobs have not got through a turn for five minutes."
        )
        stuck.add_metric([], float(self._is_stuck()))
        yield stuck
        there = GaugeMetricFamily("coc_database_up", "1 if the database can be read.")
        try:
            figures = list(self._figures())
        except Exception:  # noqa: BLE001 - whatever is raised here, its text would be written to standard error
            figures = []
        there.add_metric([], float(bool(figures)))
        yield there
        yield from figures

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read the database."""
        return []

    def _figures(self) -> Iterator[Metric]:
        now = self._clock.now()
        waiting = self._overview.waiting()
        jobs = GaugeMetricFamily(
            "coc_jobs",
            "Deliveries that are not on their host yet, by state and code.",
            labels=["state", "code"],
        )
        tally = Tally({(state, _NO_CODE): 0 for state in _STATES})
        tally.update((one.state, _known(one.reason_code) if one.reason_code else _NO_CODE) for one in waiting)
        for (state, code), count in sorted(tally.items()):
            jobs.add_metric([state, code], count)
        yield jobs
        for name, text, value in (
            ("coc_jobs_done", "Reports that are wholly on their host.", self._overview.done()),
            (
                "coc_oldest_job_age_seconds",
                "Age of the oldest delivery that is not on its host yet; 0 if there is none.",
                max(
                    (
                        max(0.0, (now - one.received_at).total_seconds())
                        for one in waiting
                        if not one.is_nightly
                    ),
                    default=0.0,
                ),
            ),
            ("coc_waiting_attempts", "Tries so far of all that waits.", sum(one.attempts for one in waiting)),
            ("coc_incidents", "Incidents that were opened.", sum(self._overview.incidents().values())),
            (
                "coc_exposures",
                "Plain comments that were found on tickets, sealed and deleted.",
                self._overview.exposures(),
            ),
            ("coc_database_bytes", "Size of the database.", self._overview.size()),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        roster = self._overview.roster()
        yield GaugeMetricFamily(
            "coc_roster_serial", "Number of the roster in use.", value=roster.serial if roster else 0
        )
        workers = self._overview.workers()
        yield GaugeMetricFamily(
            "coc_workers_alive",
            "Workers that were seen in the last two minutes.",
            value=sum(one.is_alive(now) for one in workers),
        )
        chores = GaugeMetricFamily(
            "coc_chore_age_seconds",
            "Seconds since what is due by the clock was last begun.",
            labels=["chore"],
        )
        for name, done_at in sorted(self._overview.chores().items()):
            if _CHORE.match(name):
                chores.add_metric([name], max(0.0, (now - done_at).total_seconds()))
        yield chores
        yield self._failing(now)
        yield from self._audiences(now)

    def _failing(self, now: datetime) -> Metric:
        """Of each chore and code the part that fails longest: no ticket space or webhook is named."""
        failing = GaugeMetricFamily(
            "coc_chore_failing_seconds",
            "Seconds since what is due by the clock first failed; nothing of it has succeeded since.",
            labels=["chore", "code"],
        )
        longest: dict[tuple[str, str], float] = {}
        for one in self._overview.chore_troubles():
            label, age = (one.chore, _known(one.code)), max(0.0, (now - one.since).total_seconds())
            longest[label] = max(age, longest.get(label, 0.0))
        for (chore, code), age in sorted(longest.items()):
            if _CHORE.match(chore):
                failing.add_metric([chore, code], age)
        return failing

    def _audiences(self, now: datetime) -> Iterator[Metric]:
        """Of the ticket space that is worst off: none of them is named."""
        kept = [one for name, one in self._overview.audiences().items() if name in self._spaces]
        yield GaugeMetricFamily(
            "coc_spaces_frozen",
            "Ticket spaces to which nothing is written, because somebody can read them who may not.",
            value=sum(one.is_frozen for one in kept),
        )
        admins = [one.admin.ends_at for one in kept if one.admin is not None]
        yield GaugeMetricFamily(
            "coc_spaces_without_admin_proof",
            "Ticket spaces to which nothing is written, because no proof by an admin's credential counts.",
            value=len(self._spaces) - sum(ends > now for ends in admins),
        )
        age = GaugeMetricFamily(
            "coc_proof_age_seconds", "Age of the oldest proof that only the team can read.", labels=["by"]
        )
        for by, proofs in (
            ("service", [one.proven_at for one in kept if one.proven_at is not None]),
            ("admin", [one.admin.proven_at for one in kept if one.admin is not None]),
        ):
            if proofs:
                age.add_metric([by], max(0.0, (now - min(proofs)).total_seconds()))
        yield age


@contextmanager
def published(registry: CollectorRegistry, address: tuple[str, int] | None) -> Iterator[None]:
    """Answer ``/metrics`` on this address while the block runs; on none, if there is none.

    Raises:
        OSError: the address cannot be listened on.
    """
    if address is None:
        yield
        return
    server, thread = start_http_server(address[1], address[0], registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

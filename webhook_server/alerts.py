"""What whoever runs the server must hear of forms and of the mail server: above all, that reports are refused.

All of it is kept in memory: on a full disk, and while the database is away, it must still go out. So every server tells
what it met itself. Nothing of a delivery is in it.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import (
    IntakeError,
    NotifyError,
    NotReceived,
    RootKeyRefused,
    StaleDelivery,
    TooLarge,
    Unauthenticated,
    UnreadableSubmission,
)
from integration.logs import Log
from webhook_server.intake.mapping import QUESTION_MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from integration.ports import Clock, Notifier
    from integration.roster import Roster

_log = Log("coc.jobs")

_AGAIN = timedelta(hours=1)
_STRANGERS = timedelta(days=1)
_AFTER_FAILURE = timedelta(minutes=1)

_TEXTS = {
    IntakeError.code: (
        "What the form {source!r} sent could not be stored and was refused: the report is not here. The form tool sends it\n"
        "again for some hours only. The usual reason is a full disk, a folder that the server may not write to, or a database\n"
        "that is away. On the server: coc-server status"
    ),
    Unauthenticated.code: (
        "A delivery to the form {source!r} was refused, because it does not prove that it comes from the form tool. If the\n"
        "form was sent, its report is not here: compare the secret at the form tool with the one in secret_files, while\n"
        "the tool still sends it again. It can also be a stranger who knows the form's address; then there is nothing to\n"
        "do. The log shows under event=intake what was refused and what was received. You are told once a day at most."
    ),
    TooLarge.code: (
        "A delivery to the form {source!r} was refused, because it is over 2 MB. If the form was sent, its report is not\n"
        "here: see at the form tool why it is so large (files must come as links). It can also be a stranger who knows the\n"
        "form's address. You are told once a day at most."
    ),
    NotReceived.code: (
        "A delivery to the form {source!r} had not come whole when the server hung up: it came too slowly, or more is being\n"
        "sent at once than the server has room for. If the form was sent, its report is not here, and the form tool sends\n"
        "it again. It can also be a stranger who wants to keep reports out: the log shows under event=intake how often, and\n"
        "docs/server.md what the web server in front can do. You are told once a day at most."
    ),
    StaleDelivery.code: (
        "A delivery of the form {source!r} was rightly signed and is refused, because its signed time is too far from\n"
        "this server's clock. If it is genuine, the report is not here: compare this server's clock with the right time\n"
        "soon, while the form tool still sends it again. It can also be an old delivery that somebody repeats."
    ),
    UnreadableSubmission.code: (
        "The form {source!r} sent something its reader does not understand. It is kept sealed as it came, and members\n"
        "are told. Please have the form's set-up checked."
    ),
    QUESTION_MISSING: (
        "The form {source!r} lacks a question that its section of the configuration names, under questions or type_question.\n"
        "The report is taken in all the same, but an answer to the question that was meant is not known for what it is. If it\n"
        "is the one that asks who should not see the report, only the recovery keys open it until this is mended. Compare the\n"
        "section with the names of the form's questions, correct one of them, and have the team look at what came meanwhile."
    ),
    RootKeyRefused.code: (
        "The root key file was changed while the server runs: it cannot be read, or lacks the key that is in use. The server\n"
        "goes on with the keys it has, but would not start again. Put the right root.key back before you stop the server."
    ),
    NotifyError.code: (
        "The mail server takes no notice for members, so they may not know that something waits. Please check [mail]\n"
        "in the configuration and the addresses in the roster."
    ),
}
"""What is told of each code; {source} is a name from the configuration."""

_BY_ANYBODY = {Unauthenticated.code, TooLarge.code, NotReceived.code}
"""What anybody on the internet can bring about who knows a form's address.

The first one is told at once, since a form may send one report in a year, and not every tool sends it again. So that
no stranger fills the operator's mailbox, the next mail about it comes a day later at the earliest.
"""
_SOMEBODY_MUST_HEAR = {
    IntakeError.code,
    StaleDelivery.code,
    QUESTION_MISSING,
    RootKeyRefused.code,
} | _BY_ANYBODY
"""Without an operator members on duty are told: a report may be lost or read by the wrong people, or the server not start
again, and no notice about a report can say so."""


class Alerts:
    """Takes alerts from any thread; one thread sends them."""

    def __init__(
        self, *, roster: Callable[[], Roster], clock: Clock, notifier: Notifier, operator: str | None
    ) -> None:
        self._roster = roster
        self._clock = clock
        self._notifier = notifier
        self._operator = operator
        self._lock = threading.Lock()
        self._waiting: set[tuple[str, str]] = set()
        self._held: dict[tuple[str, str], datetime] = {}

    def note(self, source: str, code: str) -> None:
        """Something is to be told about a source; empty if it is about none. For any thread; does not wait."""
        with self._lock:
            if (source, code) in self._waiting:
                return
            self._waiting.add((source, code))
        if source:
            _log.warning("source-alert", source=source, code=code)

    def send(self) -> None:
        """Send what may be sent now: for each source and code one mail in an hour, or in a day.

        What comes meanwhile is in the next.
        """
        now = self._clock.now()
        with self._lock:
            due = sorted(one for one in self._waiting if not self._is_held(one, now))
            self._waiting -= set(due)
        for source in dict.fromkeys(source for source, _ in due):
            codes = [code for of, code in due if of == source]
            sent = self._send(source, codes)
            with self._lock:
                self._held |= {
                    (source, code): now + (_pause(code) if sent else _AFTER_FAILURE) for code in codes
                }
                if not sent:
                    self._waiting |= {(source, code) for code in codes}

    def _is_held(self, one: tuple[str, str], now: datetime) -> bool:
        """Whether it is to wait. What would wait longer than its pause is from before the clock was put back."""
        return now < self._held.get(one, now) <= now + _pause(one[1])

    def _send(self, source: str, codes: Collection[str]) -> bool:
        text = "\n\n".join(_TEXTS[code].format(source=source) for code in codes if code in _TEXTS)
        try:
            addresses = self._addresses(codes)
            if addresses:
                self._notifier.tell(
                    addresses,
                    subject="coc-mirror: the server needs a look",
                    text=f"{text}\n\nSee docs/server.md.\n",
                )
        except Exception as error:  # noqa: BLE001 - its text may hold content; the notices must go out
            _log.error("alert-failed", error=type(error).__name__)
            return False
        return True

    def _addresses(self, codes: Collection[str]) -> tuple[str, ...]:
        """The operator. Without one, members on duty hear of what no notice about a report tells them."""
        if self._operator:
            return (self._operator,)
        if not _SOMEBODY_MUST_HEAR.intersection(codes):
            return ()
        return tuple(member.email for member in self._roster().members if member.on_duty)


def _pause(code: str) -> timedelta:
    return _STRANGERS if code in _BY_ANYBODY else _AGAIN

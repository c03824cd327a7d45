"""Tells what :mod:`integration.space_notices` says of ticket spaces: at once, then daily for as long as it is so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from integration.errors import CoCError
from integration.logs import Log
from integration.space_notices import SpaceNews, news_of, space_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.audience import SpaceRecord
    from integration.ports import Notifier
    from integration.roster import Roster

_log = Log("coc.audience")

_REMIND = timedelta(hours=24)
_TRY_AGAIN = timedelta(minutes=1)


class ToldBook(Protocol):
    """Where it is noted what was told (:class:`webhook_server.store.audiences.Audiences`)."""

    def all(self) -> Sequence[SpaceRecord]:
        """Every ticket space of which anything is kept."""
        ...

    def told(self, record: SpaceRecord, what: str, now: datetime) -> None:
        """Note what people were told."""
        ...


class SpaceNotices:
    """One thread takes the turns. A mail that could not be sent is sent again a minute later."""

    def __init__(
        self, book: ToldBook, roster: Callable[[], Roster], notifier: Notifier, operator: str | None
    ) -> None:
        self._book = book
        self._roster = roster
        self._notifier = notifier
        self._operator = operator
        self._not_before: dict[tuple[str, str], datetime] = {}

    def turn(self, now: datetime) -> None:
        """Send what is news, and the reminders."""
        for record in self._book.all():
            news = news_of(record, now)
            if news is None or _was_told(record, news, now) or self._waits(record, news, now):
                continue
            self._not_before[record.space, news] = now + _TRY_AGAIN
            if self._tell(record, news):
                # If that cannot be noted now, the same is not sent again in the next turn.
                self._not_before[record.space, news] = now + _REMIND
                self._book.told(record, news, now)
                del self._not_before[record.space, news]

    def _waits(self, record: SpaceRecord, news: SpaceNews, now: datetime) -> bool:
        """What would wait longer than a reminder does is from before the clock was put back."""
        return now < self._not_before.get((record.space, news), now) <= now + _REMIND

    def _tell(self, record: SpaceRecord, news: SpaceNews) -> bool:
        try:
            notice = space_notice(record, news, self._roster(), self._operator)
            self._notifier.tell(notice.addresses, subject=notice.subject, text=notice.text)
        except CoCError as error:
            _log.error("notice-failed", space=record.space, code=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - a foreign text may hold anything; other notices must go out
            _log.error("notice-failed", space=record.space, error=type(error).__name__)
            return False
        return True


def _was_told(record: SpaceRecord, news: SpaceNews, now: datetime) -> bool:
    if record.told != news or record.told_at is None:
        return False
    return abs(now - record.told_at) < _REMIND

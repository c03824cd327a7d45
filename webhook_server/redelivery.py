"""Webhook deliveries of a host that were lost while we were away: asked for again, a few times, with growing waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from integration.errors import CoCError, HostGone, HostRejected, HostUnknownOutcome
from integration.logs import Log
from webhook_server.chores import noted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.ports import HookLog
    from webhook_server.store.chores import ChoreBook
    from webhook_server.store.redeliveries import Redeliveries

_log = Log("coc.chores")

EVERY: Final = timedelta(minutes=10)
_AT_ONCE: Final = 50
"""Asked for in one go; the rest ten minutes later. GitHub wants a second between them."""


def chore_of(hook: HookLog) -> str:
    """The name under which it is noted when a webhook was last looked at."""
    return f"webhooks of {hook.name}"


def missed_webhooks(
    hooks: Sequence[HookLog], book: ChoreBook, asked: Redeliveries
) -> Callable[[datetime], None]:
    """The chore. One worker of several looks at a hook, every ten minutes; trouble with one leaves the others alone."""

    def run(now: datetime) -> None:
        for hook in hooks:
            if not book.claim(chore_of(hook), every=EVERY, now=now):
                continue
            try:
                with noted(book, "missed-webhooks", hook.name, now):
                    _look_after(hook, asked, now)
            except CoCError as error:
                _log.error("webhooks-not-listed", code=error.code)
        asked.forget(now)

    return run


def _look_after(hook: HookLog, asked: Redeliveries, now: datetime) -> None:
    count, tries = 0, asked.tries(hook.name)
    # What was not asked for yet comes first, so that what fails each time does not hold up a long list.
    for delivery in sorted(hook.failed(now), key=lambda one: tries.get(one.guid, 0)):
        if count == _AT_ONCE:
            break
        if not asked.may_ask(
            hook.name, delivery.guid, now
        ):  # noted before it is asked: at most a few times, whatever dies
            continue
        count += 1
        try:
            hook.send_again(delivery)
        except (HostGone, HostRejected, HostUnknownOutcome) as error:  # of this one only
            _log.warning("webhook-not-sent-again", code=error.code)
    if count:
        _log.info("webhooks-asked-for", count=count)

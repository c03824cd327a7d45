"""What GitHub's webhook sent us, what of it failed, and asking for it again: GitHub itself never sends twice.

Deliveries are listed and can be sent again for three days, with the same GUID.
https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from integration.errors import HostGone
from integration.github.answers import Deed, unusable
from integration.github.connection import PAGE
from integration.ports import FailedDelivery

if TYPE_CHECKING:
    from integration.github.answers import Json
    from integration.github.client import Client

KEPT: Final = timedelta(days=3)
"""How long github.com keeps deliveries."""

_MOST_PAGES: Final = 100
_GOOD = range(200, 300)
_LIST = "list the webhook's deliveries"
_NEXT = re.compile(r'<[^<>]*[?&]cursor=([^&<>"]+)[^<>]*>;\s*rel="next"')


class HookDeliveries:
    """The deliveries of one webhook: an App's own, or one of the repository.

    Args:
        client: of the repository, with the App's key or with a token that administers webhooks.
        app_id: whose webhook it is, if it is an App's.
        hook_id: otherwise its id in the repository.
    """

    def __init__(self, client: Client, *, app_id: str = "", hook_id: int = 0) -> None:
        self._client = client
        self._as_app = bool(app_id)
        self.name = f"github:app/{app_id}" if app_id else f"github:{client.where}/{hook_id}"
        self._path = "/app/hook/deliveries" if app_id else f"{client.path}/hooks/{hook_id}/deliveries"

    def failed(self, now: datetime) -> list[FailedDelivery]:
        """Events of the last three days of which no delivery was taken, oldest first. Reads only.

        All are listed, not only what GitHub filters as failures: that leaves out what got no HTTP answer, and an event
        that failed may have been sent again since. An App without a webhook has none.
        """
        taken: set[str] = set()
        newest: dict[str, FailedDelivery] = {}
        first: dict[str, tuple[datetime, int]] = {}
        try:
            for one in self._since(now - KEPT):
                guid, number = _text(one, "guid"), _number(one)
                if one.get("status_code") in _GOOD:
                    taken.add(guid)
                newest.setdefault(guid, FailedDelivery(number, guid))
                first[guid] = _time(one), number
        except HostGone:
            if self._as_app:
                return []
            raise
        failed = [guid for guid in newest if guid not in taken]
        return [newest[guid] for guid in sorted(failed, key=lambda guid: first[guid])]

    def send_again(self, delivery: FailedDelivery) -> None:
        """Ask GitHub to send it again, once. GitHub says only that it will."""
        self._client.ask_for(
            f"{self._path}/{delivery.id}/attempts", "send a webhook again", as_app=self._as_app
        )

    def _since(self, oldest: datetime) -> list[Json]:
        """Newest first. Only the cursor is taken from GitHub's Link header: its addresses are not followed."""
        found: list[Json] = []
        parameters: dict[str, str | int] = {"per_page": PAGE}
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            page, link = self._client.get_page(self._path, _LIST, parameters, as_app=self._as_app)
            recent = [one for one in page if _time(one) >= oldest]
            found += recent
            more = _NEXT.search(link)
            if more is None or len(recent) < len(page) or not page:
                return found
            cursor = unquote(more[1])
            if cursor in seen:
                raise unusable(Deed(_LIST, self._client.where))
            seen.add(cursor)
            parameters = {"per_page": PAGE, "cursor": cursor}
        return found


def _text(one: Json, name: str) -> str:
    found = one.get(name)
    if not isinstance(found, str) or not found:
        raise unusable(Deed(_LIST, "the webhook"))
    return found


def _number(one: Json) -> int:
    found = one.get("id")
    if not isinstance(found, int):
        raise unusable(Deed(_LIST, "the webhook"))
    return found


def _time(one: Json) -> datetime:
    try:
        found = datetime.fromisoformat(_text(one, "delivered_at"))
    except ValueError:
        raise unusable(Deed(_LIST, "the webhook")) from None
    if found.tzinfo is None:
        raise unusable(Deed(_LIST, "the webhook"))
    return found

"""The GitHub stand-in's memory of webhook deliveries: listed page by page with a cursor, and sent again on request.

GitHub keeps them for three days and never sends one again by itself.
https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/apps/webhooks
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import request

from sandbox.github_calls import Reply
from sandbox.github_json import stamp
from sandbox.github_refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sandbox.github_json import Json
    from sandbox.wire import Hook

_KEPT = timedelta(days=3)
_MOST_A_PAGE = 100


@dataclass
class Sent:
    """One delivery of one event to one hook. ``code`` is None until it was answered, 0 if nobody answered."""

    id: int
    guid: str
    at: datetime
    redelivery: bool
    event: str
    payload: Json
    headers: dict[str, str]
    installation_id: int | None
    began: float = field(default_factory=time.monotonic)
    code: int | None = None
    duration: float = 0.0

    def answered(self, code: int) -> None:
        """What the receiver said."""
        self.duration = round(time.monotonic() - self.began, 2)
        self.code = code

    def shown(self) -> Json:
        """As GitHub lists it."""
        code = self.code or 0
        try:
            status = HTTPStatus(code).phrase if code else "failed to connect to host"
        except ValueError:
            status = "Invalid HTTP Response"
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": stamp(self.at),
            "redelivery": self.redelivery,
            "duration": self.duration,
            "status": status,
            "status_code": code,
            "event": self.event,
            "action": self.payload.get("action"),
            "installation_id": self.installation_id,
            "repository_id": self.payload["repository"]["id"],
            "throttled_at": None,
        }


class Deliveries:
    """Every delivery to every hook of the stand-in."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ids = count(7_000_001)
        self._sent: dict[int, tuple[Hook, list[Sent]]] = {}
        self._lock = threading.Lock()

    def send(
        self, hook: Hook, event: str, payload: Json, headers: dict[str, str], installation_id: int | None
    ) -> None:
        """Send an event for the first time."""
        self._send(hook, str(uuid.uuid4()), event, payload, headers, installation_id, redelivery=False)

    def _send(
        self,
        hook: Hook,
        guid: str,
        event: str,
        payload: Json,
        headers: dict[str, str],
        installation_id: int | None,
        *,
        redelivery: bool,
    ) -> None:
        one = Sent(next(self._ids), guid, self._now(), redelivery, event, payload, headers, installation_id)
        with self._lock:
            self._sent.setdefault(id(hook), (hook, []))[1].append(one)
        hook.send(payload, {**headers, "X-GitHub-Event": event, "X-GitHub-Delivery": guid}, one.answered)

    def listed(self, hook: Hook | None, root: str) -> Reply:
        """The newest first: those that were answered, or to which nobody answered, in the last three days."""
        if hook is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        size = min(max(request.args.get("per_page", 30, int), 1), _MOST_A_PAGE)
        cursor, status = request.args.get("cursor", ""), request.args.get("status")
        below = int(cursor.removeprefix("v1_")) if cursor.removeprefix("v1_").isdigit() else None
        if cursor and below is None:
            raise Refused(422, "Invalid cursor", kind="UNPROCESSABLE")
        found = [
            one
            for one in self._of(hook)
            if (below is None or one.id <= below) and _counts(one.code or 0, status)
        ]
        page, rest = found[:size], found[size:]
        headers = {}
        if rest:
            query = urlencode({**request.args.to_dict(), "cursor": f"v1_{rest[0].id}"})
            headers["Link"] = f'<{root}{request.path}?{query}>; rel="next"'
        return Reply([one.shown() for one in page], 200, headers)

    def last_response(self, hook: Hook) -> Json:
        """What was answered to the newest delivery, as a webhook shows it."""
        newest = next(iter(self._of(hook)), None)
        if newest is None:
            return {"code": None, "status": "unused", "message": None}
        shown = newest.shown()
        status = "active" if newest.code in range(200, 300) else "misconfigured"
        return {"code": newest.code, "status": status, "message": shown["status"]}

    def again(self, hook: Hook | None, delivery_id: int) -> Reply:
        """Send one again: the same event under the same GUID, a delivery of its own."""
        found = next((one for one in self._of(hook) if one.id == delivery_id), None) if hook else None
        if hook is None or found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        self._send(
            hook, found.guid, found.event, found.payload, found.headers, found.installation_id, redelivery=True
        )  # fmt: skip
        return Reply({}, 202)

    def _of(self, hook: Hook) -> Iterator[Sent]:
        with self._lock:
            sent = list(self._sent.get(id(hook), (hook, []))[1])
        oldest = self._now() - _KEPT
        return (one for one in reversed(sent) if one.code is not None and one.at >= oldest)


def _counts(code: int, status: str | None) -> bool:
    """GitHub's filter; what got no HTTP answer is neither."""
    wanted = {"success": range(200, 400), "failure": range(400, 600)}
    return status not in wanted or code in wanted[status]

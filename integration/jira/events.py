"""What Jira's webhook says was touched: a hint, proven by its signature, of which nothing but ids is read.

Cloud signs what an admin's webhook with a secret sends. The shapes differ by version: where the issue is lacking, as in
Data Center's comment events, its id is taken from the comment's own address.
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from integration.errors import UnreadableSubmission
from integration.host_events import HostEvent, Touched
from integration.jira.text import is_id
from integration.webhook_signature import must_be_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from integration.jira.fields import Json

_DELIVERY = re.compile(r"[A-Za-z0-9_.:-]{8,128}\Z")
_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_IN_ADDRESS = re.compile(r"/issue/([1-9][0-9]{0,18})/comment/")
_MOVED = frozenset({"project", "Key"})
"""Names in a change log when an issue goes to another project."""


class JiraEvents:
    """The :class:`integration.host_events.HostEvents` for one Jira project.

    Args:
        project: the project's key.
        secrets: the webhook's secret; while it is changed, the old and the new one.
        own_account: gives the service's own account id, empty while it is not known. It is asked for each event and
            must not ask Jira.
    """

    def __init__(self, project: str, secrets: Sequence[str], *, own_account: Callable[[], str]) -> None:
        self._project = project
        self._secrets = tuple(secrets)
        self._own_account = own_account

    def read(self, headers: Mapping[str, str], raw: bytes) -> HostEvent | None:
        """What a delivery says; None for a kind that is of no use, or for another project."""
        given = {name.casefold(): value for name, value in headers.items()}
        must_be_signed(given.get("x-hub-signature", ""), raw, self._secrets)
        payload = _object(raw)
        kind = str(payload.get("webhookEvent", "")).removeprefix("jira:")
        delivery = given.get("x-atlassian-webhook-identifier", "")
        if not _DELIVERY.match(delivery):  # Data Center documents none; the body holds the time of the event
            delivery = hashlib.sha256(raw).hexdigest()
        if kind in {"comment_created", "comment_updated", "comment_deleted"}:
            return self._comment(kind, payload, delivery)
        if kind in {"issue_created", "issue_updated", "issue_deleted"}:
            return self._issue(payload, delivery)
        if kind.startswith("project_") and _part(payload, "project").get("key") in {None, self._project}:
            return self._event(delivery, Touched.SPACE, None, _account(payload.get("user")))
        return None

    def _issue(self, payload: Json, delivery: str) -> HostEvent | None:
        issue = _part(payload, "issue")
        fields = _part(issue, "fields")
        if self._is_elsewhere(fields) and not _is_moved(payload):
            return None
        parent = _part(fields, "parent").get("id")
        touched, ticket = (Touched.STEPS, parent) if parent is not None else (Touched.TICKET, issue.get("id"))
        return self._event(delivery, touched, _issue_id(ticket), _account(payload.get("user")))

    def _comment(self, kind: str, payload: Json, delivery: str) -> HostEvent | None:
        """Jira does not say who deleted a comment, so that nobody's deletion counts as our own."""
        comment, issue = _part(payload, "comment"), _part(payload, "issue")
        if self._is_elsewhere(_part(issue, "fields")):
            return None
        by = {"comment_created": "author", "comment_updated": "updateAuthor"}.get(kind)
        account = _account(comment.get(by)) if by is not None else ""
        address = comment.get("self")
        found = _IN_ADDRESS.search(address) if isinstance(address, str) else None
        return self._event(
            delivery, Touched.COMMENTS, _issue_id(found[1] if found else issue.get("id")), account
        )

    def _event(self, delivery: str, touched: Touched, ticket: str | None, account: str) -> HostEvent:
        return HostEvent(
            delivery, touched, ticket, account, own=account != "" and account == self._own_account()
        )

    def _is_elsewhere(self, fields: Json) -> bool:
        key = _part(fields, "project").get("key")
        return key is not None and key != self._project


def _is_moved(payload: Json) -> bool:
    items = _part(payload, "changelog").get("items")
    return isinstance(items, list) and any(
        isinstance(one, dict) and one.get("field") in _MOVED for one in items
    )


def _object(raw: bytes) -> Json:
    value = None
    with suppress(ValueError, RecursionError):
        value = json.loads(raw)
    if not isinstance(
        value, dict
    ):  # raised here, where no foreign exception with the text in it is under way
        raise UnreadableSubmission("Jira's webhook sent something that is no JSON object.")
    return value


def _part(value: Json, key: str) -> Json:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _issue_id(found: object) -> str | None:
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    return text if _ID.match(text) else None


def _account(user: object) -> str:
    found = user.get("accountId", user.get("name")) if isinstance(user, dict) else None
    return found if isinstance(found, str) and is_id(found) else ""

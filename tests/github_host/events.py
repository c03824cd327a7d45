"""Events as GitHub's webhook sends them, signed, and what our reader says of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from integration.github.events import GitHubEvents

if TYPE_CHECKING:
    from integration.host_events import HostEvent

SECRET = secrets.token_hex(20)
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
API = "https://api.github.com/repos"
OURS: dict[str, Any] = {
    "id": 4711,
    "full_name": "acme/conduct",
    "name": "conduct",
    "owner": {"login": "acme"},
}
OTHER: dict[str, Any] = {"id": 99, "full_name": "acme/website", "name": "website", "owner": {"login": "acme"}}
WREN = {"login": "wren", "id": 7}
CANARY = "canary" + secrets.token_hex(24)


def reader(**changes: Any) -> GitHubEvents:  # noqa: ANN401 - any argument
    arguments: dict[str, Any] = {"own": lambda: {"coc-mirror[bot]"}, "repository_id": lambda: "4711"}
    return GitHubEvents("acme", "conduct", [SECRET], **{**arguments, **changes})


def signed(event: str, raw: bytes, *, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": event, "X-GitHub-Delivery": GUID}


def told(event: str, payload: object, **changes: Any) -> HostEvent | None:  # noqa: ANN401 - any argument
    raw = json.dumps(payload).encode()
    return reader(**changes).read(signed(event, raw), raw)


def of_issue(action: str = "edited", *, repository: Any = OURS, sender: Any = WREN, **issue: Any) -> Any:  # noqa: ANN401 - JSON
    shown = {"number": 17, "title": CANARY, "body": CANARY, "repository_url": f"{API}/acme/conduct", **issue}
    return {"action": action, "issue": shown, "repository": repository, "sender": sender}

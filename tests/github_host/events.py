"""Events as GitHub's webhook sends them, signed, and what our reader says of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from integration.github.events import GitHubEvents

if TYPE_CHECKING:
    from pathlib import Path

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


def documented(reference: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    """A payload with all properties that one schema of GitHub's description lists."""
    document = json.loads((reference / "contracts" / "github-rest.openapi.json").read_bytes())
    schemas = document["components"]["schemas"]
    return example(schemas[name], schemas, whole=True, depth=0)


def example(schema: Any, schemas: Any, *, whole: bool, depth: int) -> Any:  # noqa: ANN401, PLR0911 - JSON
    """A value that fits a schema, near enough."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for some in ("oneOf", "anyOf"):
        if some in schema:
            return example(schema[some][0], schemas, whole=whole, depth=depth)
    if "allOf" in schema:
        found: dict[str, Any] = {}
        for one in schema["allOf"]:
            made = example(one, schemas, whole=whole, depth=depth)
            found.update(made if isinstance(made, dict) else {})
        return found
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("nullable") and depth > 3:
        return None
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        required = schema.get("required", ())
        return {
            name: example(one, schemas, whole=whole and depth < 3, depth=depth + 1)
            for name, one in schema.get("properties", {}).items()
            if whole or name in required
        }
    if kind == "array":
        return [example(schema.get("items", {}), schemas, whole=False, depth=depth + 1)] if depth < 5 else []
    return {"integer": 17, "number": 1.5, "boolean": True, "string": "octocat"}.get(kind)

"""What our webhook must be like, read from GitHub: there, active, signed, with the events that we use.

GitHub never shows a secret again; that one is set shows as ``********``.
https://docs.github.com/en/rest/repos/webhooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration.github.answers import Json
    from integration.github.client import Client

EVENTS = ("issues", "issue_comment", "sub_issues", "repository", "public", "member", "team_add", "meta")
"""What a repository's webhook sends us: changes of tickets, and changes of who can read them."""

APP_EVENTS = (*EVENTS[:-1], "membership", "organization", "team")
"""The same for an App, which also hears of the organisation. It cannot ask for ``meta``; what it needs to know of its own
installation comes unasked."""


def find_hook(client: Client, url: str) -> Json | None:
    """The repository's webhook that calls this address."""
    for one in client.get_list(f"{client.path}/hooks", "list the repository's webhooks"):
        if _config(one).get("url") == url:
            return one
    return None


def wrong_with(hook: Json, events: Iterable[str] = EVENTS) -> list[str]:
    """What is not as it must be; empty if all is right."""
    config, given = _config(hook), hook.get("events")
    has = {str(event) for event in given} if isinstance(given, list) else set()
    lacking = [event for event in events if event not in has and "*" not in has]
    wrong = []
    if hook.get("active") is not True:
        wrong.append("it is switched off")
    if not config.get("secret"):
        wrong.append("it has no secret, so that anybody could send in its name")
    if config.get("content_type") != "json":
        wrong.append("it does not send application/json")
    if str(config.get("insecure_ssl", "0")) != "0":
        wrong.append("it does not check the certificate of our address")
    if lacking:
        wrong.append(f"it lacks the events {', '.join(lacking)}")
    return wrong


def settings(url: str, secret: str) -> Json:
    """What to send so that the webhook is right. The configuration is replaced as a whole, secret included."""
    config = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret}
    return {"config": config, "events": list(EVENTS), "active": True}


def _config(hook: Json) -> Json:
    found = hook.get("config")
    return found if isinstance(found, dict) else {}

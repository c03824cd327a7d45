"""Whether our webhook is there, active and signed, and whether what it sent last was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.errors import HostGone
from integration.github.hook_settings import APP_EVENTS, find_hook, wrong_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.github.answers import Json
    from integration.github.client import Client

_LAST = 20
_TAKEN = range(200, 300)
_SET_UP = "Run coc-server setup github."


def hook_checks(bot: Client, admin: Client | None, hook_id: int | None, hook_url: str) -> Iterator[Check]:
    """The checks of our webhook: an App's own, or one of the repository, which only an admin sees."""
    if bot.is_app:
        config = bot.get_as_app("/app/hook/config", "look at the App's webhook")
        events = bot.get_as_app("/app", "look at the App").get("events")
        hook: Json = {"config": config, "events": events, "active": bool(config.get("url"))}
        yield _judged(hook, APP_EVENTS, hook_url)
        if config.get("url"):
            yield _deliveries(bot, "/app/hook/deliveries", as_app=True)
        return
    if admin is None:
        yield Check(
            "webhook", Outcome.UNKNOWN, "only an admin sees webhooks", "Run this with an owner's token."
        )
        return
    if hook_id is not None:
        found = _numbered(admin, hook_id)
    elif hook_url:
        found = find_hook(admin, hook_url)
    else:
        yield Check(
            "webhook", Outcome.UNKNOWN, "the address of our webhook is not known", "Give its address."
        )
        return
    if found is None:
        yield Check("webhook", Outcome.FAIL, "no webhook of the repository leads to us", _SET_UP)
        return
    yield _judged(found, None, hook_url)
    yield _deliveries(admin, f"{admin.path}/hooks/{found.get('id')}/deliveries", as_app=False)


def _numbered(admin: Client, hook_id: int) -> Json | None:
    try:
        return admin.get_object(f"{admin.path}/hooks/{hook_id}", "look at the webhook")
    except HostGone:
        return None


def _judged(hook: Json, events: tuple[str, ...] | None, hook_url: str) -> Check:
    wrong = wrong_with(hook) if events is None else wrong_with(hook, events)
    config = hook.get("config")
    if hook_url and isinstance(config, dict) and config.get("url") != hook_url:
        wrong.append("it leads to another address than ours")
    if wrong:
        return Check("webhook", Outcome.FAIL, f"our webhook: {'; '.join(wrong)}", _SET_UP)
    return Check("webhook", Outcome.PASS, "our webhook is there, active, signed, and has the events we use")


def _deliveries(client: Client, path: str, *, as_app: bool) -> Check:
    """Of the newest events, whether all were taken, if not at first then when sent again. None at all is no proof.

    GitHub's own ``ping`` comes when the webhook is made, mostly before there is a server.
    """
    page, _ = client.get_page(path, "list the webhook's deliveries", {"per_page": _LAST}, as_app=as_app)
    page = [one for one in page if one.get("event") != "ping"]
    taken = {one.get("guid") for one in page if one.get("status_code") in _TAKEN}
    lost = {one.get("guid") for one in page} - taken
    if not page:
        next_step = "Change a label on a ticket, wait a minute and run this again."
        return Check("deliveries", Outcome.UNKNOWN, "nothing was sent in the last three days", next_step)
    if lost:
        return Check(
            "deliveries",
            Outcome.FAIL,
            f"{len(lost)} of the last {len(page)} deliveries were not taken",
            "Look whether GitHub reaches the server's address and whether both have the same secret.",
        )
    return Check("deliveries", Outcome.PASS, f"the last {len(page)} deliveries were taken")

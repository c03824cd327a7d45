"""A GitHub App of the team's own, made from a manifest: what it asks for, and its key in exchange for a code.

A person confirms it in the browser; GitHub sends them back with a code that is good for one hour and once.
https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.errors import HostError, HostRejected
from integration.github.hook_settings import APP_EVENTS
from integration.github.setup import web_address

if TYPE_CHECKING:
    from integration.github.answers import Json
    from integration.github.client import Client

PERMISSIONS = {"issues": "write", "metadata": "read", "members": "read"}
"""The least rights that work. *Members* is for hearing of teams and members; no token of ours asks for it."""


@dataclass(frozen=True, slots=True)
class NewApp:
    """What GitHub gives once and never again: the key and the webhook's secret."""

    id: str
    slug: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


def manifest(*, name: str, about: str, redirect_url: str, hook_url: str) -> str:
    """The manifest as JSON.

    Args:
        name: the App's name; it must be free in all of GitHub, and its page lets a person change it.
        about: an address that says what the App is; GitHub wants one.
        redirect_url: where GitHub sends the browser afterwards.
        hook_url: where it sends events; empty for nowhere.
    """
    asked: Json = {
        "name": name,
        "url": about,
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": PERMISSIONS,
    }
    if hook_url:
        asked |= {"hook_attributes": {"url": hook_url, "active": True}, "default_events": list(APP_EVENTS)}
    else:
        asked["hook_attributes"] = {"url": about, "active": False}
    return json.dumps(asked)


def form_address(base_url: str, organisation: str | None, state: str) -> str:
    """Where the browser posts the manifest: at the organisation, or at the account of whoever is signed in."""
    place = f"/organizations/{organisation}" if organisation else ""
    return f"{web_address(base_url)}{place}/settings/apps/new?state={state}"


def convert(client: Client, code: str) -> NewApp:
    """The App with its key, for the code. One request; the code is used up by it.

    Raises:
        HostError: GitHub gave no key. The App may exist then, and is of no use.
    """
    what = "exchange the code for the App's key"
    try:
        found = client.write("POST", f"/app-manifests/{code}/conversions", None, what)
    except HostError as error:
        raise _no_key(error.what) from None
    key, secret = found.get("pem"), found.get("webhook_secret")
    if not isinstance(found.get("id"), int) or not isinstance(key, str) or not key:
        raise _no_key("GitHub's answer holds no key.")
    return NewApp(
        str(found["id"]), str(found.get("slug", "")), key, secret if isinstance(secret, str) else ""
    )


def _no_key(why: str) -> HostRejected:
    return HostRejected(
        f"The App's key was not received. {why}",
        fields=(),
        meaning="The App may have been made, but nobody has its key: GitHub gives it once. Nothing was stored.",
        next_step="Delete the App in the settings under Developer settings, GitHub Apps, and begin again.",
    )

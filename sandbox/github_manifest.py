"""How a GitHub App is made from a manifest: GitHub's page in the browser, and the code that is turned into its keys.

The page asks whoever is signed in; the stand-in asks nobody and takes the organization's word for it.
https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask, Response, redirect, request
from markupsafe import Markup

from sandbox.github_access import client_id
from sandbox.github_calls import Reply, respond
from sandbox.github_refusal import Refused
from sandbox.github_rest_hooks import HEADER
from sandbox.github_state import Account, App, Organization
from sandbox.wire import Hook

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Response as Redirect

    from sandbox.github_json import Json, Show
    from sandbox.github_state import State

_GOOD_FOR = timedelta(hours=1)
_NEEDS = {
    "issues": "issues",
    "issue_comment": "issues",
    "sub_issues": "issues",
    "member": "members",
    "membership": "members",
    "organization": "members",
    "team": "members",
    "team_add": "members",
    "public": "metadata",
    "repository": "metadata",
}
"""Which permission an event needs; an App may not ask for another event here."""

_PAGE = Markup("""<!doctype html><title>Register new GitHub App</title>
<h1>Create GitHub App for {org}</h1>
<form method="post"><input type="hidden" name="manifest" value="{manifest}">
<label>GitHub App name <input name="name" value="{name}"></label>
<button name="confirmed" value="yes">Create GitHub App for {org}</button></form>""")


@dataclass(frozen=True)
class _Registered:
    """An App that was confirmed in the browser and waits for its code to be used."""

    org: Organization
    name: str
    manifest: Json
    until: datetime


class ManifestPages:
    """The page, and the conversion."""

    def __init__(self, state: State, *, show: Show, now: Callable[[], datetime]) -> None:
        self._state = state
        self._show = show
        self._now = now
        self._codes: dict[str, _Registered] = {}

    def register(self, app: Flask) -> None:
        """Add the routes."""
        app.add_url_rule(
            "/organizations/<login>/settings/apps/new", "manifest page", self._page, methods=["POST"]
        )
        app.add_url_rule(
            "/app-manifests/<code>/conversions", "manifest conversion", self._convert, methods=["POST"]
        )

    def _page(self, login: str) -> Response | Redirect:
        """First the form that asks for the name; when it is sent, back to whoever sent the manifest, with a code."""
        org = self._state.account(login)
        try:
            manifest = json.loads(request.form.get("manifest", ""))
        except ValueError:
            manifest = None
        if not isinstance(org, Organization) or not isinstance(manifest, dict):
            return Response("Invalid GitHub App configuration", 422)
        problem = _problem(manifest)
        if problem:
            return Response(f"Invalid GitHub App configuration: {problem}", 422)
        name = request.form.get("name", str(manifest.get("name", "")))
        if "confirmed" not in request.form:
            return Response(_PAGE.format(org=org.login, manifest=json.dumps(manifest), name=name))
        code = secrets.token_hex(20)
        self._codes[code] = _Registered(org, name, manifest, self._now() + _GOOD_FOR)
        query = urlencode({"code": code, "state": request.args.get("state", "")})
        return redirect(f"{manifest['redirect_url']}?{query}")

    def _convert(self, code: str) -> Response:
        """Once, and within the hour: the App with its private key and secrets. Nobody has to be signed in for it."""
        found = self._codes.pop(code, None)
        if found is None or found.until <= self._now():
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        app, secret = self._made(found, key.public_key()), secrets.token_hex(20)
        if found.manifest.get("hook_attributes", {}).get("active", True):
            app.hook = Hook(found.manifest["hook_attributes"]["url"], secret, HEADER)
        shown = self._show.app(app)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        secret_parts = {"client_secret": secrets.token_hex(20), "webhook_secret": secret, "pem": pem}
        return respond(Reply({**shown, "client_id": client_id(app), **secret_parts}, 201))

    def _made(self, found: _Registered, key: rsa.RSAPublicKey) -> App:
        state = self._state
        slug = re.sub(r"[^a-z0-9]+", "-", found.name.lower()).strip("-")
        bot = state.keep(Account(state.new_id(), f"{slug}[bot]", kind="Bot"))
        permissions = {"metadata": "read", **found.manifest.get("default_permissions", {})}
        app = App(
            state.new_id(),
            slug,
            key,
            found.org,
            bot,
            state.new_id(),
            frozenset(),
            permissions,
            self._now(),
            events=tuple(found.manifest.get("default_events", ())),
        )
        state.apps[app.id] = state.keep(app)
        return app


def _problem(manifest: Json) -> str:
    if not urlsplit(str(manifest.get("url", ""))).hostname:
        return "url must be an address"
    if not urlsplit(str(manifest.get("redirect_url", ""))).hostname:
        return "redirect_url must be an address"
    hook = manifest.get("hook_attributes", {"active": False})
    if hook.get("active", True) and not urlsplit(str(hook.get("url", ""))).hostname:
        return "hook_attributes.url must be an address"
    granted = {"metadata", *manifest.get("default_permissions", {})}
    bad = [event for event in manifest.get("default_events", ()) if _NEEDS.get(event) not in granted]
    return f"Default events unsupported: {', '.join(bad)}" if bad else ""

"""A page on this machine that sends the browser to GitHub with an App's manifest, and takes the code that comes back.

It listens on 127.0.0.1 only, for one visit, and answers nothing that does not carry the random state.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Markup("""<!doctype html><html lang="en"><meta charset="utf-8"><title>A GitHub App for the team</title>
<h1>A GitHub App for the team</h1>
<p>GitHub shows next what the App may do, lets you change its name, and makes it when you confirm.</p>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<button>Go to GitHub</button></form></html>""")
_DONE = Markup("""<!doctype html><html lang="en"><meta charset="utf-8"><title>Done</title>
<h1>Done</h1><p>Close this page and go back to the terminal.</p></html>""")
_PATIENCE = 3600.0
"""Seconds for which GitHub's code is good; so long we wait for it."""


def code_from_browser(
    manifest: Callable[[str], str],
    form_address: Callable[[str], str],
    tell: Callable[[str], None],
    *,
    patience: float = _PATIENCE,
) -> str | None:
    """The code with which GitHub sent the browser back; None if nobody came in time.

    Args:
        manifest: the manifest, given the address to come back to.
        form_address: where the browser posts it, given the state.
        tell: says to the person which page to open.
        patience: seconds to wait.
    """
    state = secrets.token_urlsafe(32)
    got = threading.Event()
    codes: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if self.headers.get("Host") != f"127.0.0.1:{server.server_port}":
                self.send_error(404)  # a name that somebody let point here
            elif asked.path == "/":
                form = _PAGE.format(action=form_address(state), manifest=manifest(f"{home}/made"))
                self._show(form)
            elif asked.path == "/made" and (code := _code(asked.query, state)):
                self._show(_DONE)
                codes.append(code)
                got.set()
            else:
                self.send_error(404)

        def _show(self, page: str) -> None:
            raw = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: the address holds the code."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)  # a browser may hold a second connection open
    home = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        tell(home)
        got.wait(patience)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return codes[0] if codes else None


def _code(query: str, state: str) -> str:
    """The code, if it came with our state: somebody else's code would give us somebody else's App."""
    given = parse_qs(query)
    came_with = given.get("state", [""])[0]
    code = given.get("code", [""])[0]
    right = hmac.compare_digest(came_with.encode(), state.encode())
    return code if right and code.isalnum() else ""

"""The server's door in front of chosen insides, for benchmarks only.

    python -m benchmarks.door quiet CONFIG    as `coc-server serve`, but no job is started
    python -m benchmarks.door one-commit CONFIG    the same, and each delivery is committed alone
    python -m benchmarks.door bare CONFIG     the same WSGI server, and an application that does nothing
    python -m benchmarks.door mirror CONFIG    as `coc-server serve` with its jobs, but without budgets of writes

``quiet`` measures the acknowledgement alone; with the real command the jobs work at the same time on the same core.
``one-commit`` leaves group commit out: each request's thread writes its own transaction, as a plain application does.
``bare`` is the limit: no intake behind this server can be faster.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from webhook_server.cli import _working
from webhook_server.config import load_config
from webhook_server.door import let_threads_finish, make_door
from webhook_server.store.alone import alone_on
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


class Bare(Flask):
    """Answers 200 and nothing else; a Flask only by name, because the door asks for one."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer without looking at the request."""
        del environ
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]


def main(kind: str, config_path: Path) -> None:
    """Serve until killed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = load_config(config_path)
    let_threads_finish()
    if kind == "bare":
        make_door(Bare("bare"), config.listen_host, config.listen_port).run()
        return
    with alone_on(config.database_url):
        parts = join(config, budgeted=kind != "mirror")
        door = make_door(parts.app, config.listen_host, config.listen_port)
        if kind == "mirror":
            with _working(parts):
                door.run()
            return
        if kind == "one-commit":
            database = parts.database
            database._arrivals = lambda arrival: database._keep([arrival])[0]  # type: ignore[assignment]
        door.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

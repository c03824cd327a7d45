"""What listens: waitress, which takes in a whole body before anybody has seen who sends it, and so with bounds.

A path takes no longer body than its routes could use, and all bodies that are under way together take no more memory
than :class:`Bodies` has; whoever comes then is asked to come back, as form tools and desks do. Files, the only large thing, have a
share of their own: who fills that keeps no report out.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.utilities import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from waitress.adjustments import Adjustments
    from waitress.server import MultiSocketServer

_THREADS = 64
"""So many deliveries can share one wait for the disk; more bring nothing (benchmarks/README.md)."""
LARGEST_FILE = 32 * 1024 * 1024
"""What the door reads at all: a diary's attachment. The routes refuse more than they take, with the right answer."""
LARGEST_OTHER = 4 * 1024 * 1024
"""Of everything else: as much as a desk may write at once. The routes for reports take less."""
_OF_A_FILE = re.compile(r"/api/v1/incidents/[^/]+/files/[^/]+")


_SWITCH_SECONDS = 0.02


def let_threads_finish() -> None:
    """For the whole process: a thread that computes goes on for up to 20 ms before another may interrupt it, not 5.

    To answer a delivery takes about 1 ms, much of it in calls that let other threads go on anyway. With so many threads on
    one interpreter, interrupting it halfway costs more than it brings: this took 13 % less CPU for each.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)


class Bodies:
    """How many bytes of bodies are held, of files and of all else."""

    def __init__(self, *, files: int = 2 * LARGEST_FILE, others: int = 8 * LARGEST_OTHER) -> None:
        self._free = {True: files, False: others}
        self._lock = threading.Lock()

    def take(self, size: int, *, of_file: bool) -> bool:
        """Whether there is room for so many bytes more, which are then taken."""
        with self._lock:
            if size > self._free[of_file]:
                return False
            self._free[of_file] -= size
            return True

    def give_back(self, size: int, *, of_file: bool) -> None:
        """So many bytes are held no more."""
        with self._lock:
            self._free[of_file] += size


def make_door(
    app: Callable[..., Any], host: str, port: int, bodies: Bodies | None = None
) -> BaseWSGIServer | MultiSocketServer:
    """What listens. A body stays in memory: by itself waitress writes one over 512 kB into a file, in clear.

    Nor does it write a warning for each request that waits for a thread: that would make a busy door slower still.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(
        app,
        host=host,
        port=port,
        threads=_THREADS,
        max_request_body_size=LARGEST_FILE,
        inbuf_overflow=2 * LARGEST_FILE,
        ident=None,
    )
    shared = bodies or Bodies()

    def channel(*made_of: Any, **how: Any) -> _Channel:  # noqa: ANN401 - waitress's own
        return _Channel(shared, *made_of, **how)

    # A host name may stand for several addresses, each with a server of its own.
    for one in (server,) if isinstance(server, BaseWSGIServer) else (server.map or {}).values():
        if isinstance(one, BaseWSGIServer):
            one.channel_class = cast("type[HTTPChannel]", channel)
    return server


class _Channel(HTTPChannel):
    """A connection, whose requests share the room for bodies with those of all others."""

    def __init__(self, bodies: Bodies, *made_of: Any, **how: Any) -> None:  # noqa: ANN401 - waitress's own
        self.parser_class = cast("type[HTTPRequestParser]", lambda adj: _Request(adj, bodies))
        super().__init__(*made_of, **how)

    def handle_close(self) -> None:
        """The other side is gone: what came of a request that is not whole is let go."""
        if self.request is not None:
            self.request.close()
        super().handle_close()


class _Request(HTTPRequestParser):
    """A request that is being received."""

    def __init__(self, adj: Adjustments, bodies: Bodies) -> None:
        super().__init__(adj)
        self._bodies = bodies
        self._held = 0

    def received(self, data: bytes) -> int:
        """Take in what came; how much of it belongs to this request."""
        before = self.body_bytes_received
        consumed = super().received(data)
        if self.error is not None or not self.headers_finished or self.empty:
            return consumed
        if max(self.content_length, self.body_bytes_received) > self._largest:
            self._cut()
            return len(data)
        grown = self.body_bytes_received - before
        if not self._bodies.take(grown, of_file=self._is_file):
            self._refuse()
            return len(data)
        self._held += grown
        return consumed

    @property
    def _is_file(self) -> bool:
        path: str = self.path  # type: ignore[attr-defined] # the stubs lack it
        return str(self.command) == "POST" and _OF_A_FILE.fullmatch(path) is not None

    @property
    def _largest(self) -> int:
        return LARGEST_FILE if self._is_file else LARGEST_OTHER

    def _cut(self) -> None:
        """Longer than any route takes: it gets the length that was announced or has come, and answers that; then we hang up."""
        if self.body_rcv is not None and self.chunked:
            self._headers["CONTENT_LENGTH"] = str(self.body_bytes_received)
        self._let_go()
        self.body_rcv = None
        self._is_over()

    def _refuse(self) -> None:
        self.error = _NoRoom("Too much is being sent at once. Nothing was stored; send it again later.")
        self._let_go()
        self._is_over()

    def _is_over(self) -> None:
        self._headers["CONNECTION"] = "close"
        self.connection_close = True
        self.expect_continue = False
        self.completed = True

    @property
    def _headers(self) -> dict[str, str]:
        return cast("dict[str, str]", self.headers)

    def _let_go(self) -> None:
        super().close()
        held, self._held = self._held, 0
        if held:
            self._bodies.give_back(held, of_file=self._is_file)

    def close(self) -> None:
        """It was answered, or its sender is gone."""
        self._let_go()


class _NoRoom(Error):
    code = 503
    reason = "Service Unavailable"

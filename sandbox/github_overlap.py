"""Notices requests to the GitHub stand-in that overlap, as GitHub's own database does.

GitHub refuses a sub-issue when another one was added to the same parent while the request was under way
("Priority has already been taken"). The wire serves one request at a time, so that has to be kept track of.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask, request

from sandbox.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from sandbox.github_state import Issue

_MEANWHILE = "sandbox.meanwhile"


class UnderWay:
    """The requests being served or waiting, each with the parents that got a sub-issue since it came."""

    def __init__(self) -> None:
        self._requests: list[set[int]] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[set[int]]:
        """One request, from its arrival to its answer."""
        added: set[int] = set()
        with self._lock:
            self._requests.append(added)
        try:
            yield added
        finally:
            with self._lock:
                self._requests = [other for other in self._requests if other is not added]

    def added_meanwhile(self, parent: Issue) -> bool:
        """Whether the parent got a sub-issue while this request was waiting; if not, it gets one now."""
        mine = request.environ.get(_MEANWHILE)
        if mine is not None and parent.id in mine:
            return True
        with self._lock:
            for other in self._requests:
                if other is not mine:
                    other.add(parent.id)
        return False


class OverlapWire(Wire):
    """The wire, which besides notes what overlaps: GitHub refuses parallel additions below one parent.

    https://github.com/github/github-mcp-server/issues/1842
    """

    def __init__(self, app: Flask, under_way: UnderWay) -> None:
        super().__init__(app)
        self._under_way = under_way

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; its environ learns of the parents that others add to in the meantime."""
        with self._under_way.one() as added:
            environ[_MEANWHILE] = added
            return super().__call__(environ, start_response)

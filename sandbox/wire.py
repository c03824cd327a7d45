"""What both stand-ins share: serving on loopback, a journal of every exchange, faults, signed webhooks.

A stand-in is a Flask application with state in memory. Each request passes through :class:`Wire`, which
writes it into the journal, lets an observer check it (the tests check every exchange against the
vendors' API descriptions) and injects the fault that a test asked for at that call.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import requests
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

API_PREFIXES = (
    "/rest/",
    "/api/",
    "/repos",
    "/orgs",
    "/user",
    "/app",
    "/graphql",
    "/search",
    "/installation",
    "/rate_limit",
)
"""Only these paths count as calls; the pages for people do not."""

FaultKind = Literal["drop-before", "drop-after", "status", "status-after", "truncate", "delay"]

_WEBHOOK_TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at one call.

    ``drop-before`` closes the connection before the host acts, ``drop-after`` when it has acted;
    ``status`` answers so instead of acting, ``status-after`` acts first; ``truncate`` acts and sends
    half of the answer; ``delay`` waits ``seconds`` and then acts.
    """

    kind: FaultKind
    status: int = 500
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they went over the wire. ``committed`` is false if a fault came first."""

    number: int
    method: str
    path: str
    query: str
    request_headers: Mapping[str, str]
    request_body: bytes
    status: int
    response_headers: Mapping[str, str]
    response_body: bytes
    committed: bool

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change. Reads sent as POST (GraphQL queries, bulk reads) say so by path or body."""
        if self.method in {"GET", "HEAD"}:
            return False
        if self.path.endswith("/graphql"):
            return b"mutation" in self.request_body
        return not self.path.endswith(("/bulkfetch", "/search/jql", "/permissions/check", "/access_tokens"))


@dataclass
class Wire:
    """Middleware around a stand-in: journal, observer, faults. One lock makes the stand-in serial."""

    app: WSGIApplication
    journal: list[Exchange] = field(default_factory=list)
    observer: Callable[[Exchange], None] | None = None
    faults: dict[int, Fault] = field(default_factory=dict)
    every: Fault | None = None
    latency: float = 0.0
    """Seconds after a call has come in that its answer goes out, its own work included. It acts at once, as a host far away does."""
    _count: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def calls(self) -> int:
        """How many API calls have come in so far; the next one has this number."""
        return self._count

    def fail_at(self, number: int, fault: Fault) -> None:
        """Let the call of this number (counted from 0 over the wire's life) go wrong."""
        self.faults[number] = fault

    def fail_next(self, fault: Fault, *, skip: int = 0) -> None:
        """Let the next call (or the one after ``skip`` more) go wrong."""
        self.faults[self._count + skip] = fault

    def heal(self) -> None:
        """No faults any more."""
        self.faults.clear()
        self.every = None

    def writes(self) -> list[Exchange]:
        """The exchanges that asked for a change."""
        return [exchange for exchange in self.journal if exchange.is_write]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request. Its body is read first: a caller that stops halfway holds up nobody, and nothing is done for it."""
        path = environ.get("PATH_INFO", "")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:
            return _drop(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        if not path.startswith(API_PREFIXES):
            with self._lock:
                return Response.from_app(self.app, environ, buffered=True)(environ, start_response)
        came = time.monotonic()
        with self._lock:
            answer = self._call(environ, start_response, path, body)
        if (remaining := came + self.latency - time.monotonic()) > 0:
            time.sleep(remaining)
        return answer

    def _call(
        self, environ: WSGIEnvironment, start_response: StartResponse, path: str, body: bytes
    ) -> Iterable[bytes]:
        number, self._count = self._count, self._count + 1
        fault = self.faults.get(number, self.every)
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.seconds)
        acts = fault is None or fault.kind not in {"drop-before", "status"}
        if acts:
            answer = Response.from_app(self.app, environ, buffered=True)
        else:
            answer = Response(fault.body if fault else b"", status=fault.status if fault else 500)
        if fault is not None and fault.kind in {"status", "status-after"}:
            answer = Response(fault.body, status=fault.status, headers=list(fault.headers))
            answer.headers.setdefault("Content-Type", "application/json")
        exchange = Exchange(
            number=number,
            method=environ["REQUEST_METHOD"],
            path=path,
            query=environ.get("QUERY_STRING", ""),
            request_headers=_headers(environ),
            request_body=body,
            status=answer.status_code,
            response_headers=dict(answer.headers.items()),
            response_body=answer.get_data(),
            committed=acts,
        )
        self.journal.append(exchange)
        if self.observer is not None and (fault is None or fault.kind in {"delay", "drop-after"}):
            self.observer(exchange)
        if fault is not None and fault.kind in {"drop-before", "drop-after"}:
            return _drop(environ, start_response)
        if fault is not None and fault.kind == "truncate":
            answer.set_data(answer.get_data()[: len(answer.get_data()) // 2])
        return answer(environ, start_response)


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    named = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        named["content-type"] = environ["CONTENT_TYPE"]
    return named


def _drop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Close the connection without a word, as a crashed proxy would."""
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    start_response("500 dropped", [])
    return []


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's signature
        pass

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        pass


@contextmanager
def serving(app: WSGIApplication, *, port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 in a thread; yields the base address and stops at the end."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Hook:
    """A registered webhook. Deliveries go out one after another in a thread; ``drain`` waits for them."""

    url: str
    secret: str
    header: str
    deliveries: list[tuple[dict[str, str], bytes, int]] = field(default_factory=list)
    _pending: list[threading.Thread] = field(default_factory=list)

    def send(
        self,
        payload: Mapping[str, object],
        headers: Mapping[str, str],
        answered: Callable[[int], None] = lambda _code: None,
    ) -> None:
        """Deliver a signed payload in the background; the result code ends up in :attr:`deliveries`.

        ``answered`` hears it too, 0 if nobody answers.
        """
        sent, body = self.signed(payload, headers)
        before = self._pending[-1] if self._pending else None
        thread = threading.Thread(target=self._post, args=(sent, body, before, answered), daemon=True)
        self._pending.append(thread)
        thread.start()

    def signed(
        self, payload: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery."""
        body = json.dumps(payload).encode()
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {**headers, "Content-Type": "application/json", self.header: f"sha256={digest}"}, body

    def _post(
        self,
        headers: dict[str, str],
        body: bytes,
        before: threading.Thread | None,
        answered: Callable[[int], None],
    ) -> None:
        if before is not None:
            before.join()
        try:
            code = requests.post(self.url, data=body, headers=headers, timeout=_WEBHOOK_TIMEOUT).status_code
        except requests.RequestException:
            code = 0
        self.deliveries.append((headers, body, code))
        answered(code)

    def drain(self) -> None:
        """Wait until everything is delivered."""
        for thread in list(self._pending):
            thread.join()
        self._pending.clear()


def utc_now() -> datetime:
    """The time of a stand-in that was not given a clock of its own."""
    return datetime.now(UTC)

"""What a peer that proved nothing can make the server hold, with real sockets."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests
from flask import Flask, request

from webhook_server.door import make_door
from webhook_server.receiving import LARGEST_OTHER, Bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "/api/v1/incidents/BLUE-JAY-27/files/f1.1"
HALF = 300_000
LARGE = 15_000_000


class Running:
    """A door in front of an application that says how long the body was, and a room for two halves of each kind.

    ``now`` is the door's time, which stands still. On ``/busy/…`` the application works until ``go_on`` is set.
    """

    def __init__(self, connections: int | None = 100) -> None:
        self.bodies = Bodies(files=2 * HALF, others=2 * HALF)
        self.now = 0.0
        self.turned_away: list[tuple[str, int]] = []
        self.announced: list[int] = []
        self.busy = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.turns = threading.Semaphore(0)
        app = Flask("behind the door")

        @app.post("/<path:_path>")
        def answer(_path: str) -> str:
            self.announced.append(request.content_length or 0)
            return str(len(request.get_data())) if (request.content_length or 0) <= LARGEST_OTHER else "long"

        @app.post("/busy/<path:_path>")
        def answer_late(_path: str) -> str:
            self.busy.release()
            assert self.go_on.wait(60)
            return "worked"

        @app.get("/health/live")
        def live() -> str:
            return "ok"

        @app.get("/large")
        def large() -> bytes:
            return b"x" * LARGE

        door = make_door(
            app, "127.0.0.1", 0,
            bodies=self.bodies, turned_away=lambda *what: self.turned_away.append(what), steady=lambda: self.now,
            **({} if connections is None else {"connections": connections}),
        )  # fmt: skip
        self.server = cast("Any", door)
        self.port = int(self.server.effective_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            self.server.asyncore.loop(timeout=0.01, map=self.server._map, count=1, use_poll=True)
            self.turns.release()

    def let_pass(self, seconds: float) -> None:
        """So much later, and the door has looked after its connections since."""
        self.now += seconds
        self.server.next_channel_cleanup = 0
        for _ in range(4):
            while self.turns.acquire(blocking=False):
                pass
            assert self.turns.acquire(timeout=60)

    def close(self) -> None:
        self.go_on.set()
        self._over.set()
        self._thread.join()
        self.server.task_dispatcher.shutdown()
        self.server.asyncore.close_all(self.server._map)

    @contextmanager
    def sending(self, path: str, body: bytes, announced: int) -> Iterator[socket.socket]:
        """A request of which only so much comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as peer:
            peer.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n".encode())
            peer.sendall(body)
            yield peer


@pytest.fixture
def door() -> Iterator[Running]:
    with closing(Running()) as running:
        yield running


def free(door: Running, *, of_file: bool) -> int:
    return door.bodies._free[of_file]


def wait_until_free(door: Running, size: int, *, of_file: bool = False) -> None:
    for _ in range(6000):
        if free(door, of_file=of_file) == size:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{free(door, of_file=of_file)} bytes are free")


def test_unfinished_bodies_together_hold_no_more_than_there_is_room_for(door: Running) -> None:
    with door.sending("/in/form", b"x" * HALF, 10**6), door.sending("/in/form", b"x" * HALF, 10**6):
        wait_until_free(door, 0)

        with door.sending("/in/form", b"x", 10**6) as third:  # none of them has been sending for longer
            assert third.recv(100).startswith(b"HTTP/1.1 503 ")
        assert 0 == free(door, of_file=False)
        assert [("/in/form", 10**6)] == door.turned_away

    wait_until_free(door, 2 * HALF)  # who hangs up holds nothing
    assert requests.post(f"{door.url}/in/form", data=b"x" * HALF, timeout=30).text == str(HALF)


def test_who_fills_the_room_of_files_keeps_no_report_out(door: Running) -> None:
    with door.sending(FILE, b"x" * 2 * HALF, 10**7):
        wait_until_free(door, 0, of_file=True)

        assert requests.post(f"{door.url}/in/form", data=b"report", timeout=30).text == "6"
        assert requests.post(f"{door.url}{FILE}", data=b"file", timeout=30).status_code == 503


@pytest.mark.usefixtures("door")
def test_a_request_that_waits_for_a_thread_writes_no_line() -> None:
    assert not logging.getLogger("waitress.queue").isEnabledFor(logging.WARNING)


def test_what_was_answered_holds_nothing(door: Running) -> None:
    with requests.Session() as session:
        for _ in range(5):
            answer = session.post(f"{door.url}/in/form", data=b"x" * HALF, timeout=30)
            assert answer.text == str(HALF)
    wait_until_free(door, 2 * HALF)


def test_a_body_longer_than_its_path_takes_is_not_received_and_its_route_answers(door: Running) -> None:
    with door.sending("/in/form", b"", LARGEST_OTHER + 1) as peer:
        answer = b""
        while not answer.endswith(b"long") and (more := peer.recv(1000)):
            answer += more

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"long")
    assert [LARGEST_OTHER + 1] == door.announced
    assert 2 * HALF == free(door, of_file=False)


def test_a_sender_that_waits_for_our_word_is_not_asked_for_a_body_that_is_too_long(door: Running) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as peer:
        head = f"POST /in/form HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {LARGEST_OTHER + 1}\r\n\r\n"
        peer.sendall(head.encode())

        assert peer.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_what_follows_a_body_that_was_cut_is_not_taken_for_a_request(door: Running) -> None:
    hidden = b"POST /in/hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nhidden!"
    with door.sending("/in/form", hidden, LARGEST_OTHER + 1) as peer:
        said = b""
        while more := peer.recv(1000):
            said += more

    assert 1 == said.count(b"HTTP/1.1")
    assert [LARGEST_OTHER + 1] == door.announced


@pytest.mark.parametrize(
    ("path", "size"), [("/in/form", LARGEST_OTHER + 1), ("/in/form", 10**9), (FILE, 10**9)]
)
def test_who_goes_on_sending_a_body_that_was_cut_is_answered_by_its_route_and_not_reset(
    door: Running, path: str, size: int
) -> None:
    with door.sending(path, b"x" * LARGEST_OTHER, size) as peer:
        peer.settimeout(30)
        said = b""
        while more := peer.recv(1000):
            said += more
        peer.sendall(b"x" * LARGEST_OTHER)

    assert said.startswith(b"HTTP/1.1 200 ")
    assert [size] == door.announced
    wait_until_free(door, 2 * HALF)


def test_what_goes_on_after_the_answer_is_let_run_out_for_half_a_minute(door: Running) -> None:
    with door.sending("/in/form", b"", LARGEST_OTHER + 1) as peer:
        while peer.recv(1000):
            pass
        there = len(door.server._map)
        door.let_pass(29)
        peer.sendall(b"x")
        assert there == len(door.server._map)
        door.let_pass(31)

        assert there - 1 == len(door.server._map)
    assert [] == door.turned_away


def test_a_body_of_unknown_length_has_the_same_bounds() -> None:
    with closing(Running()) as door:
        door.bodies._free[False] = 2 * LARGEST_OTHER
        pieces = (b"x" * 2**20 for _ in range(LARGEST_OTHER // 2**20 + 1))

        assert "long" == requests.post(f"{door.url}/in/form", data=pieces, timeout=30).text
        wait_until_free(door, 2 * LARGEST_OTHER)
        assert all(LARGEST_OTHER < one < LARGEST_OTHER + 2**20 for one in door.announced)
        assert 1 == len(door.announced)

"""Who sends slowly, or nothing, over however many connections, keeps no report out. Real sockets; the door's time stands still."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest
import requests

from tests.server.test_door import FILE, HALF, LARGE, Running, door, free, wait_until_free
from webhook_server import door as module

__all__ = ["door"]

NOTHING = b""
HALF_A_HEAD = b"POST /in/x HTTP/1.1\r\nHost: "
HALF_A_BODY = b"POST /in/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
ANSWERED = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def opened(stack: ExitStack, door: Running, sent: bytes = NOTHING) -> socket.socket:
    peer = stack.enter_context(socket.create_connection(("127.0.0.1", door.port), timeout=60))
    peer.sendall(sent)
    return peer


def is_hung_up_on(peer: socket.socket) -> bool:
    """Waits until the door ends the connection, or answers."""
    with suppress(ConnectionResetError):
        return peer.recv(1000) == b""
    return True


def answer(peer: socket.socket) -> str:
    """The body of an answer that ends with one of the words that the application says."""
    said = b""
    while more := peer.recv(1000):
        said += more
        if said.endswith((b"ok", b"worked", b"\r\n\r\n1000", b"\r\n\r\n300001")):
            break
    return said.partition(b"\r\n\r\n")[2].decode()


def report(door: Running, text: bytes = b"report") -> str:
    return requests.post(f"{door.url}/in/form", data=text, timeout=60).text


def ask_for_health(door: Running) -> None:
    assert requests.get(f"{door.url}/health/live", timeout=60).text == "ok"


@pytest.mark.parametrize("sent", [NOTHING, HALF_A_HEAD, HALF_A_BODY, ANSWERED])
def test_more_strangers_than_there_are_rooms_keep_neither_a_report_nor_a_look_at_health_out(
    door: Running, sent: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(150):
            opened(stack, door, sent)

        assert report(door) == "6"
        ask_for_health(door)
        assert len(door.server.active_channels) <= 100


def test_a_few_hundred_connections_are_kept_as_the_door_is_by_itself() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(closing(Running(connections=None)))
        peers = [opened(stack, door, HALF_A_BODY) for _ in range(250)]

        assert report(door) == "6"
        for peer in peers:
            peer.sendall(b"x" * 999)
        assert all(answer(peer) == "1000" for peer in peers)


def test_who_has_been_waited_for_the_longest_is_hung_up_on_first() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(closing(Running(connections=4)))
        served = opened(stack, door, ANSWERED)
        assert answer(served) == "ok"
        door.let_pass(1)
        first, second = opened(stack, door, HALF_A_BODY), opened(stack, door, HALF_A_BODY)
        ask_for_health(door)  # both are accepted
        door.let_pass(1)
        served.sendall(ANSWERED)  # from now on it is waited for anew
        assert answer(served) == "ok"

        third, fourth = opened(stack, door, HALF_A_BODY), opened(stack, door, HALF_A_BODY)
        assert is_hung_up_on(first)
        for peer in (second, third, fourth):
            peer.sendall(b"x" * 999)
            assert answer(peer) == "1000"
        served.sendall(ANSWERED)
        assert answer(served) == "ok"
        assert [("/in/x", 1000)] == door.turned_away


def test_a_report_that_is_worked_on_is_never_hung_up_on_however_many_come() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(closing(Running(connections=3)))
        working = opened(stack, door, b"POST /busy/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        assert door.busy.acquire(timeout=60)
        door.let_pass(10_000)
        for _ in range(20):
            opened(stack, door, HALF_A_BODY)
        assert report(door) == "6"

        door.go_on.set()
        assert answer(working) == "worked"


def test_when_every_room_is_worked_in_who_comes_waits_and_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ALL_BUSY", 4)  # waitress counts its two own sockets too
    with ExitStack() as stack:
        door = stack.enter_context(closing(Running(connections=2)))
        request = b"POST /busy/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        peers = []
        for _ in range(4):
            peers.append(opened(stack, door, request))
            assert door.busy.acquire(timeout=60)
        peers += [opened(stack, door, request) for _ in range(2)]
        door.let_pass(1)
        assert 4 == len(door.server.active_channels)

        door.go_on.set()
        assert all(answer(peer) == "worked" for peer in peers)


def test_a_request_has_half_a_minute_and_then_must_come_at_a_least_pace(door: Running) -> None:
    with ExitStack() as stack:
        slow = [opened(stack, door, sent) for sent in (HALF_A_HEAD, HALF_A_BODY)]
        with door.sending("/in/form", b"x" * HALF, HALF + 1) as fast:  # 300 kB are worth 36 seconds more
            wait_until_free(door, HALF - 1)
            for _ in range(6):
                for peer in slow:
                    peer.sendall(b"x")
                door.let_pass(5)
            assert not door.turned_away
            door.let_pass(1)
            assert all(is_hung_up_on(peer) for peer in slow)
            assert [("/in/x", 1000)] == door.turned_away

            door.let_pass(35)
            fast.sendall(b"x")
            assert answer(fast) == str(HALF + 1)


def test_who_sends_fast_and_then_nothing_is_not_waited_for_without_end(door: Running) -> None:
    with door.sending("/in/form", b"x" * HALF, 10**6) as peer:
        wait_until_free(door, HALF)
        door.let_pass(70)

        assert is_hung_up_on(peer)
        assert 2 * HALF == free(door, of_file=False)
        assert [("/in/form", 10**6)] == door.turned_away


@pytest.mark.parametrize("sent", [NOTHING, ANSWERED])
def test_a_request_must_begin_within_two_minutes_and_a_half_and_an_empty_line_is_none(
    door: Running, sent: bytes
) -> None:
    with ExitStack() as stack:
        peer = opened(stack, door, sent)
        ask_for_health(door)
        if sent:
            assert answer(peer) == "ok"
        for _ in range(15):
            peer.sendall(b"\r\n\r\n")
            door.let_pass(10)
        door.let_pass(1)

        assert is_hung_up_on(peer)
        assert not door.turned_away


def test_who_begins_late_has_as_long_for_the_request_as_anybody(door: Running) -> None:
    with ExitStack() as stack:
        peer = opened(stack, door)
        ask_for_health(door)
        door.let_pass(119)
        peer.sendall(HALF_A_BODY)
        ask_for_health(door)
        door.let_pass(29)

        peer.sendall(b"x" * 999)
        assert answer(peer) == "1000"


def test_who_takes_an_answer_in_slowly_gets_all_of_it(door: Running) -> None:
    with ExitStack() as stack:
        peer = opened(stack, door, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = peer.recv(1000)
        while any(one.requests for one in door.server.active_channels.values()):
            door.let_pass(0)
        door.let_pass(10_000)

        while more := peer.recv(1_000_000):
            said += more
        assert LARGE == len(said.partition(b"\r\n\r\n")[2])


def being_taken_in(stack: ExitStack, door: Running) -> tuple[socket.socket, Any]:
    """A connection whose answer was begun to be taken in, and what the door keeps of it."""
    peer = opened(stack, door, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    peer.recv(1000)
    while any(one.requests for one in door.server.active_channels.values()):
        door.let_pass(0)
    (channel,) = [one for one in door.server.active_channels.values() if one.total_outbufs_len]
    return peer, channel


def test_who_takes_an_answer_in_is_not_hung_up_on_however_many_come() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(closing(Running(connections=3)))
        _, channel = being_taken_in(stack, door)
        for _ in range(20):
            opened(stack, door, HALF_A_BODY)
        assert report(door) == "6"

        assert not channel.will_close


def test_who_takes_nothing_of_an_answer_is_not_kept_for_ever(door: Running) -> None:
    with ExitStack() as stack:
        _, channel = being_taken_in(stack, door)
        channel.last_activity = 0  # long ago

        door.let_pass(200)  # it is late
        while channel in door.server.active_channels.values():
            door.let_pass(1)

        assert not channel.connected


def test_a_report_takes_the_room_of_the_body_that_has_been_coming_for_longer(door: Running) -> None:
    with door.sending("/in/x", b"x" * HALF, 10**6) as first:
        wait_until_free(door, HALF)
        door.now += 1
        with door.sending("/in/y", b"x" * HALF, HALF + 1) as second:
            wait_until_free(door, 0)
            door.now += 1

            assert report(door) == "6"
            assert is_hung_up_on(first)
            assert [("/in/x", 10**6)] == door.turned_away
            second.sendall(b"x")
            assert answer(second) == str(HALF + 1)


def test_a_body_that_is_worked_on_makes_no_room_for_another(door: Running) -> None:
    head = f"POST /busy/x HTTP/1.1\r\nHost: x\r\nContent-Length: {2 * HALF}\r\n\r\n".encode()
    with ExitStack() as stack:
        working = opened(stack, door, head + b"x" * 2 * HALF)
        assert door.busy.acquire(timeout=60)
        door.now += 1
        refused = requests.post(f"{door.url}/in/form", data=b"report", timeout=60)

        assert 503 == refused.status_code
        assert [("/in/form", 6)] == door.turned_away
        door.go_on.set()
        assert answer(working) == "worked"


def test_what_follows_a_report_that_is_worked_on_does_not_end_its_connection(door: Running) -> None:
    both = b"POST /busy/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" + HALF_A_BODY
    with ExitStack() as stack:
        working = opened(stack, door, both)
        assert door.busy.acquire(timeout=60)
        door.now += 1
        refused = requests.post(f"{door.url}/in/form", data=b"x" * 2 * HALF, timeout=60)

        assert 503 == refused.status_code
        door.go_on.set()
        assert answer(working) == "worked"


def test_a_file_takes_no_room_of_another_file_nor_of_a_report(door: Running) -> None:
    """A desk's upload may take minutes; another that begins must not end it."""
    with (
        door.sending(FILE, b"x" * 2 * HALF, 2 * HALF + 1),
        door.sending("/in/form", b"x" * HALF, HALF + 1) as slow,
    ):
        wait_until_free(door, 0, of_file=True)
        wait_until_free(door, HALF)
        door.now += 1

        assert requests.post(f"{door.url}{FILE}", data=b"file", timeout=60).status_code == 503
        assert [(FILE, 4)] == door.turned_away
        slow.sendall(b"x")
        assert answer(slow) == str(HALF + 1)


def test_a_report_takes_no_room_of_a_file_that_would_not_help_it(door: Running) -> None:
    with (
        door.sending(FILE, b"x" * HALF, HALF + 1) as file,
        door.sending("/in/x", b"x" * 2 * HALF, 10**6) as slow,
    ):
        wait_until_free(door, HALF, of_file=True)
        wait_until_free(door, 0)
        door.now += 1

        assert report(door) == "6"
        assert is_hung_up_on(slow)
        file.sendall(b"x")
        assert answer(file) == str(HALF + 1)


def test_a_head_that_is_too_long_is_not_kept(door: Running) -> None:
    with ExitStack() as stack:
        peer = opened(stack, door, b"POST /in/x HTTP/1.1\r\nX: " + b"x" * 33_000)

        assert peer.recv(1000).startswith(b"HTTP/1.0 431 ")


def test_who_sends_urgent_data_is_hung_up_on(door: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Waitress would write a warning about it at each turn."""
    with ExitStack() as stack:
        peer = opened(stack, door)
        peer.send(b"!", socket.MSG_OOB)

        assert is_hung_up_on(peer)
        door.let_pass(1)
        assert [] == caplog.records

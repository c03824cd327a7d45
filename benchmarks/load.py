"""The load: keeps a number of connections busy for some seconds, and prints what was acknowledged, as JSON.

    python -m benchmarks.load PORT PATH CONNECTIONS SECONDS RUN    (the secret comes from the environment)

A process of its own, so that it can be kept on another core than the server. Not wrk: that drops what is under
way when the time is over, so that what a server stored could not be compared with what it acknowledged. This
client sends nothing after the time is over, but waits for each answer. Its own cost is 20 to 30 microseconds a
request; benchmarks/README.md says how it compares with wrk.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks.deliveries import requests

_PATIENCE = 30.0
"""Seconds without any answer after which the server is given up."""


@dataclass(frozen=True)
class Load:
    """What came of one run."""

    acknowledged: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client_busy: float
    """The part of the time in which this process had the CPU: near 1, the figure says more of it than of the server."""

    @property
    def rate(self) -> float:
        """Acknowledged deliveries a second."""
        return self.acknowledged / self.seconds


def run(
    port: int, path: str, *, connections: int, seconds: float, secret: str, name: str, most: int | None = None
) -> Load:
    """Send one delivery after another on each connection, until the time is over or ``most`` were sent.

    Raises:
        TimeoutError: the server does not answer any more.
    """
    made = requests(path, secret, name)
    poll = select.epoll()
    open_ones: dict[int, tuple[socket.socket, float]] = {}
    sockets = [_connect(port) for _ in range(connections)]
    times: list[float] = []
    refused = 0
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    over = began + seconds
    for one in sockets:
        poll.register(one, select.EPOLLIN)
        open_ones[one.fileno()] = (one, time.perf_counter())
        one.sendall(next(made))
    under_way = sent_ones = connections
    while under_way:
        ready = poll.poll(_PATIENCE)
        if not ready:
            raise TimeoutError(f"no answer for {_PATIENCE:.0f} seconds")
        for number, _event in ready:
            one, sent = open_ones[number]
            answer = _answer(one)
            now = time.perf_counter()
            if answer.startswith(b"HTTP/1.1 200 "):
                times.append(now - sent)
            else:
                refused += 1
            if now < over and (most is None or sent_ones < most):
                sent_ones += 1
                open_ones[number] = (one, now)
                one.sendall(next(made))
            else:
                under_way -= 1
    took, busy = time.perf_counter() - began, time.process_time() - cpu
    for one in sockets:
        one.close()
    times.sort()
    return Load(
        acknowledged=len(times), refused=refused, seconds=took,
        p50_ms=_part(times, 0.50), p99_ms=_part(times, 0.99), client_busy=busy / took,
    )  # fmt: skip


def _connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _answer(one: socket.socket) -> bytes:
    """One whole answer; those of all servers here are short."""
    answer = one.recv(65536)
    while not _is_whole(answer):
        more = one.recv(65536)
        if not more:
            return b""
        answer += more
    return answer


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return not answer  # a closed connection has no answer, and it is not waited for
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        return body.endswith(b"0\r\n\r\n")
    _, named, rest = lower.partition(b"content-length:")
    return len(body) >= int(rest.split(b"\r\n", 1)[0]) if named else True


def _part(times: list[float], part: float) -> float:
    return 1000 * times[min(len(times) - 1, int(part * len(times)))] if times else float("nan")


if __name__ == "__main__":
    _, port, path, connections, seconds, name = sys.argv
    found = run(
        int(port), path, connections=int(connections), seconds=float(seconds),
        secret=os.environ["WEBHOOK_SECRET"], name=name,
    )  # fmt: skip
    print(json.dumps(asdict(found)))

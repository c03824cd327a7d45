"""What listens: waitress, which waits for a whole request before anybody has seen who sends it, and so with bounds.

A stranger needs no more than an address to send slowly, or nothing, over many connections. None of them keeps a report
out: who has been waited for the longest makes room for who comes, and nobody is waited for without end. What may be
held of their requests meanwhile says :mod:`webhook_server.receiving`.
"""

from __future__ import annotations

import logging
import math
import resource
import socket
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from webhook_server.receiving import LARGEST_FILE, Bodies, House, Receiving

if TYPE_CHECKING:
    from collections.abc import Callable

    from waitress.parser import HTTPRequestParser
    from waitress.server import MultiSocketServer

_THREADS = 64
"""So many deliveries can share one wait for the disk; more bring nothing (benchmarks/README.md)."""
_CONNECTIONS = 300
"""At once. Each takes a file descriptor, and a process has 1,024 as a rule, also for databases, hosts and files. And Debian's
nginx can pass on 380: so it is we who choose whom to hang up on, before it runs out of connections and turns away anybody."""
_ALL_BUSY = 64
"""So many more, if every single one of those is being answered; who comes then waits in the kernel's queue."""
_LONGEST_HEAD = 32 * 1024
"""As the usual web servers in front; without a bound of ours waitress holds 256 kB for each connection."""
_IDLE_SECONDS = 150
"""For a request to begin: longer than Caddy (two minutes) and other web servers in front keep a connection that they mean to use
again. A report that they send on one which ends at that moment would be answered with 502."""
_TAKES_SECONDS = 30
"""Since the last piece of an answer was taken, for who still takes one in; and for the end of a connection that was hung up on,
or whose request was answered before all of it had come."""
_SWITCH_SECONDS = 0.02


def let_threads_finish() -> None:
    """For the whole process: a thread that computes goes on for up to 20 ms before another may interrupt it, not 5.

    To answer a delivery takes about 1 ms, much of it in calls that let other threads go on anyway. With so many threads on
    one interpreter, interrupting it halfway costs more than it brings: this took 13 % less CPU for each.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)


def make_door(
    app: Callable[..., Any],
    host: str,
    port: int,
    *,
    turned_away: Callable[[str, int], None] = lambda _path, _size: None,
    bodies: Bodies | None = None,
    steady: Callable[[], float] = time.monotonic,
    connections: int = _CONNECTIONS,
) -> BaseWSGIServer | MultiSocketServer:
    """What listens. A body stays in memory: by itself waitress writes one over 512 kB into a file, in clear.

    Nor does it write a warning for each request that waits for a thread: that would make a busy door slower still.
    Its ``select()`` takes no descriptor over 1,023, and would end the server with the first one; ``poll()`` takes any.
    ``turned_away`` is told of requests that are not waited for any longer, as :class:`House` says; it must not raise.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    rooms = min(connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    callers = _Callers(rooms)
    server = create_server(
        app,
        map=callers.sockets,
        host=host,
        port=port,
        threads=_THREADS,
        connection_limit=rooms + _ALL_BUSY,
        asyncore_use_poll=True,
        max_request_header_size=_LONGEST_HEAD,
        max_request_body_size=sys.maxsize,  # waitress would refuse a larger one by itself, and tell nobody
        inbuf_overflow=2 * LARGEST_FILE,
        channel_timeout=_IDLE_SECONDS,
        cleanup_interval=1,
        ident=None,
    )
    house = House(bodies or Bodies(), steady, turned_away)

    def channel(*made_of: Any, **how: Any) -> _Channel:  # noqa: ANN401 - waitress's own
        callers.make_room(for_more=1)
        return _Channel(house, callers, *made_of, **how)

    # A host name may stand for several addresses, each with a server of its own.
    for one in callers.sockets.values():
        if isinstance(one, BaseWSGIServer):
            one.channel_class = cast("type[HTTPChannel]", channel)
            one.maintenance = partial(_each_second, one, callers)  # type: ignore[method-assign] # as the class before
    return server


class _Callers:
    """All connections together. Only the thread that waits for them all uses this."""

    def __init__(self, rooms: int) -> None:
        self.sockets: dict[int, Any] = {}
        """Of waitress, by descriptor: connections, and what it listens on."""
        self._rooms = rooms

    def _open(self) -> list[_Channel]:
        return [
            one for one in list(self.sockets.values()) if isinstance(one, _Channel) and not one.will_close
        ]

    def make_room(self, for_more: int = 0) -> None:
        """Hang up on those that have been waited for the longest, if there are too many connections.

        One whose request is being answered is never among them; nor, as a rule, one that comes as fast as a report does:
        before its turn some hundred others must have come.
        """
        if len(self.sockets) + for_more <= self._rooms:
            return
        there = self._open()
        waiting = sorted((one for one in there if one.is_waited_for and not one.takes_an_answer), key=_since)
        for one in waiting[: max(0, len(there) + for_more - self._rooms)]:
            one.hang_up()

    def hang_up_on_a_slower(self, than: _Channel) -> bool:
        """Make room for a body: hang up on who has been sending one for the longest time, and longer; whether there was one."""
        slower = [
            one for one in self._open() if one.holds_room and one.waited_for_since < than.waited_for_since
        ]
        if slower:
            min(slower, key=_since).hang_up()
        return bool(slower)

    def hang_up_on_the_late(self) -> None:
        """Once a second: waitress itself asks only whether anything came, and a byte now and then was enough.

        And it ends a connection when that takes in something more: one that takes nothing would stay for ever.
        """
        for one in list(self.sockets.values()):
            if isinstance(one, _Channel) and one.will_close and one.takes_nothing:
                one.handle_close()
        for one in self._open():
            if one.is_late:
                one.hang_up()
        self.make_room()


class _Channel(HTTPChannel):
    """A connection, whose requests share the room for bodies with those of all others."""

    def __init__(self, house: House, callers: _Callers, *made_of: Any, **how: Any) -> None:  # noqa: ANN401 - waitress's own
        self._steady = house.steady
        self._free_since = house.steady()  # infinite while its request is being answered
        self._is_cut = False
        self._runs_out = False
        self.parser_class = cast(
            "type[HTTPRequestParser]",
            lambda adj: Receiving(adj, house, lambda: callers.hang_up_on_a_slower(self)),
        )
        super().__init__(*made_of, **how)

    @property
    def _unfinished(self) -> Receiving | None:
        return cast("Receiving | None", self.request)

    @property
    def is_waited_for(self) -> bool:
        """Whether nothing of it is being answered."""
        return not self.requests and self._free_since < math.inf

    @property
    def waited_for_since(self) -> float:
        """Since when its next request is waited for, or the rest of it."""
        return self._free_since if self._unfinished is None else self._unfinished.begun

    @property
    def holds_room(self) -> bool:
        """Whether there would be room for other bodies without it."""
        return self.is_waited_for and self._unfinished is not None and self._unfinished.holds_room

    @property
    def takes_an_answer(self) -> bool:
        """Whether the last answer is still being taken in."""
        return self.total_outbufs_len > 0 and not self._took_nothing_lately

    @property
    def takes_nothing(self) -> bool:
        """Whether what is left of the last answer is not being taken in, and nothing else is done for it."""
        return self.is_waited_for and self._took_nothing_lately

    @property
    def _took_nothing_lately(self) -> bool:
        return time.time() - self.last_activity > _TAKES_SECONDS

    @property
    def is_late(self) -> bool:
        """Whether it was waited for long enough. Who still takes in an answer has time, anew with each piece."""
        if not self.is_waited_for or self.takes_an_answer:
            return False
        if self._unfinished is None:
            return self._steady() - self._free_since > (_TAKES_SECONDS if self._runs_out else _IDLE_SECONDS)
        return self._unfinished.is_too_slow

    def service(self) -> None:
        """Answer a whole request, in a thread of its own."""
        self._free_since = math.inf
        self._is_cut = cast("Receiving", self.requests[0]).is_cut
        try:
            super().service()
        finally:
            self._free_since = self._steady()

    def handle_write(self) -> None:
        """Send what there is of an answer, and close the connection if it was the last one.

        Not yet if more of its request is on its way: the kernel would say so to who sends it, and web servers in front then
        throw the answer away and make one of their own, 502. So the rest is let run out.
        """
        is_last = self._is_cut and self.close_when_flushed
        if is_last:
            self.close_when_flushed = False
        super().handle_write()
        if is_last and self.socket is not None:
            if self.total_outbufs_len:
                self.close_when_flushed = True
            else:
                self._runs_out = True
                self.socket.shutdown(socket.SHUT_WR)

    def received(self, data: bytes) -> bool:
        """Take in what came, if it is not the rest of a request that was answered."""
        return not self._runs_out and bool(super().received(data))

    def hang_up(self) -> None:
        """Wait no longer. The connection is closed when the sockets are looked at the next time."""
        if self._unfinished is not None:
            self._unfinished.turn_away()
        self.will_close = True

    def handle_close(self) -> None:
        """It ends. What came of a request that is not whole is let go."""
        if self._unfinished is not None:
            if self.will_close:  # waitress's own idea, because nothing came
                self._unfinished.turn_away()
            self._unfinished.close()
        super().handle_close()

    def handle_expt(self) -> None:
        """Urgent data, which HTTP does not know: waitress would write a warning about it again and again, without end."""
        self.handle_close()


def _since(one: _Channel) -> float:
    return one.waited_for_since


def _each_second(server: BaseWSGIServer, callers: _Callers, now: int) -> None:
    BaseWSGIServer.maintenance(server, now)
    callers.hang_up_on_the_late()

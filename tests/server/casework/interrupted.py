"""Casework that is interrupted: a call fails once, or the process dies at any call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.casework import Casework
    from tests.server.memory_host import MemoryHost


class Once:
    """Raises an error at the first call of one name; before it or after its effect."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self.error, self.done = name, error, False

    def __call__(self, call: str) -> None:
        if call == self.name and not self.done:
            self.done = True
            raise self.error


class Crash(BaseException):
    """The process died."""


class Dying:
    """Passes calls on to a part, and dies at one of them: before it has an effect, or after."""

    def __init__(self, part: object, count: Callable[[], bool], *, after: bool) -> None:
        self._part, self._count, self._after = part, count, after

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a port
        value = getattr(self._part, name)
        if not callable(value):
            return value

        def called(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - any method of a port
            dies = self._count()
            if dies and not self._after:
                raise Crash
            result = value(*args, **named)
            if dies:
                raise Crash
            return result

        return called


def dying(work: Casework, host: MemoryHost, at: int, *, after: bool) -> tuple[Casework, list[int]]:
    calls = [0]

    def count() -> bool:
        calls[0] += 1
        return calls[0] == at

    return replace(
        work,
        store=Dying(work.store, count, after=after),
        hosts={host.space: Dying(host, count, after=after)},
    ), calls

"""Where a canary may have got to: what hosts are sent, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.wire import Exchange
    from tests.leaks.conftest import Canary


class SearchedJournal(list["Exchange"]):
    """A stand-in's journal that searches each request and forgets it: a long run would fill the memory."""

    def __init__(self, host: str, canary: Canary) -> None:
        super().__init__()
        self._host = host
        self._canary = canary
        self.found: list[str] = []
        self.requests = 0

    def append(self, exchange: Exchange) -> None:
        """Search what was sent."""
        self.requests += 1
        sent = [exchange.path, exchange.query, *exchange.request_headers.values()]
        where = f"{exchange.method} {exchange.path} to {self._host}"
        self.found += self._canary.found_in(where, "\n".join(sent).encode() + b"\n" + exchange.request_body)


def found_in_files(folder: Path, canary: Canary) -> list[str]:
    """In which files below a folder a canary lies in clear."""
    return [
        one
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
        for one in canary.found_in(path.name, path.read_bytes())
    ]

"""Values of the configuration file, one by one. A mistake is noted and reading goes on, so that all are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from integration.errors import ConfigError
from integration.signed_request import origin_of
from webhook_server.secret_files import read_form_secret, read_secret, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")
OTHERS = 0o007
OTHERS_AND_GROUP = 0o077
TOO_OPEN = "the file is open to other accounts of this machine; give it to the server's alone (chmod 600)"


class Values:
    """Reads values and collects ``mistakes``. ``where`` is how a mistake names the table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mistakes: list[str] = []
        self.named: list[Path] = []
        """Every file that the configuration names."""

    def part(self, load: Callable[[], _T], entry: str) -> _T | None:
        """What ``load`` gives. Its mistakes are said of the entry: its value may be a secret that was pasted there."""
        try:
            return load()
        except ConfigError as error:
            self.mistakes.extend(f"{entry}: {mistake}" for mistake in error.mistakes)
            return None

    def loaded(self, path: Path | None, load: Callable[[Path], _T], entry: str) -> _T | None:
        """What ``load`` makes of a file. If this account may not read it, it is said whose it is and whose it must be."""
        if path is None:
            return None
        try:
            path.open("rb").close()
        except PermissionError as error:
            self.mistakes.append(f"{entry}: {unreadable(path, error)}")
            return None
        except (OSError, ValueError):  # said by whoever loads it
            pass
        return self.part(lambda: load(path), entry)

    def table(self, raw: dict[str, Any], key: str, where: str = "the file") -> dict[str, Any]:
        """A table; empty if it is not there."""
        value = raw.get(key, {})
        if isinstance(value, dict):
            return value
        self.mistakes.append(f"{where}: {key} must be a table")
        return {}

    def text(self, raw: dict[str, Any], key: str, where: str) -> str:
        """A text that must be there and not be blank."""
        value = raw.get(key)
        if isinstance(value, str) and value.strip() and "\0" not in value:  # no path and no name has that one
            return value.strip()
        self.mistakes.append(f"{where}.{key} must be a text")
        return ""

    def texts(self, raw: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        """A list of texts; empty if it is not there."""
        value = raw.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        self.mistakes.append(f"{where}.{key} must be a list of texts")
        return ()

    def address(self, raw: dict[str, Any], key: str, where: str) -> str:
        """An address without a path, as desks and hosts are reached by."""
        value = self.text(raw, key, where)
        return (
            (self.part(lambda: origin_of(value, where=f"{where}.{key}"), f"{where}.{key}") or "")
            if value
            else ""
        )

    def path(self, raw: dict[str, Any], key: str, where: str) -> Path | None:
        """A file, relative to the configuration's own folder."""
        name = self.text(raw, key, where)
        if not name:
            return None
        self.named.append(self._folder / name)
        return self._folder / name

    def secret(
        self, raw: dict[str, Any], key: str, where: str, *, in_header: bool = False, many_lines: bool = False
    ) -> str:
        """The content of a file with a secret, as :func:`read_secret` takes it; empty if there is none."""
        path = self.path(raw, key, where)
        if path is None:
            return ""
        self.only_ours(path, f"{where}.{key}", OTHERS)
        return (
            self.part(lambda: read_secret(path, in_header=in_header, many_lines=many_lines), f"{where}.{key}")
            or ""
        )

    def form_secret(self, name: str) -> str | bytes:
        """The content of one of a form's secret files."""
        path = self._folder / name
        self.named.append(path)
        secret = read_form_secret(path)
        if _mode(path) & OTHERS:
            raise ConfigError("A secret file", [TOO_OPEN])
        return secret

    def only_ours(self, path: Path, entry: str, forbidden: int) -> None:
        """Note a mistake if accounts that ``forbidden`` stands for may open the file."""
        if _mode(path) & forbidden:
            self.mistakes.append(f"{entry}: {TOO_OPEN}")

    def refuse_unknown(self, table: dict[str, Any], known: set[str], where: str) -> None:
        """Note a mistake for each entry that nobody reads."""
        self.mistakes.extend(f"{where} has the unknown entry {key!r}" for key in table if key not in known)


def _mode(path: Path) -> int:
    """A file's permissions; none if it is not there, which is said by whoever reads it."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0

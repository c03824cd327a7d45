"""The configuration's file as TOML. What is wrong with its encoding or syntax is said with what to do."""

from __future__ import annotations

import codecs
import tomllib
from typing import TYPE_CHECKING, Any

from integration.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HINTS = {
    "Cannot overwrite a value": "this entry stands there twice; keep one of the two",
    "Cannot declare": "this table stands there twice; put its entries under one [heading]",
    "Invalid value": "a text needs quotation marks around it, and true, false and dates none",
    "Illegal character": "a text lacks its closing quotation mark, or holds a tab or another character that cannot be seen",
    "Unterminated string": "a text lacks its closing quotation mark",
    "Unescaped '\\'": "write \\\\ for a backslash, or put the text between single quotation marks",
}
_ANY_LINE = "a line is a [table], an entry = value, or a comment that begins with #"


class NotTOML(ConfigError):
    """The file's syntax is wrong, so that nothing of it can be read for sure."""


def parse_config(path: Path) -> dict[str, Any]:
    """The tables of the file. A byte order mark, which some editors put before UTF-8, is no mistake.

    Raises:
        NotTOML: its encoding or its syntax is wrong.
        ConfigError: it cannot be read.
    """
    where = f"The configuration {path}"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        why = "it is not there; name it with --config FILE, or make a first one with coc-server init FOLDER"
        raise ConfigError(where, [why]) from None
    except PermissionError:
        why = "this account may not read it; say the command as the server's account, as docs/deploy.md does"
        raise ConfigError(where, [why]) from None
    except OSError as error:
        why = f"it cannot be read ({type(error).__name__}); see that --config names a file"
        raise ConfigError(where, [why]) from None
    try:
        return tomllib.loads(_text(raw))
    except ValueError as error:
        hint = next((then for what, then in _HINTS.items() if str(error).startswith(what)), _ANY_LINE)
        why = f"{error}: {hint}" if isinstance(error, tomllib.TOMLDecodeError) else str(error)
        raise NotTOML(where, [f"it is not valid TOML: {why}"]) from None


def _text(raw: bytes) -> str:
    if raw.startswith(_UTF_16) or b"\0" in raw:
        raise ValueError("it is text in UTF-16; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} holds a character that is not UTF-8, perhaps an accented letter in Latin-1; save the file as UTF-8"
        ) from None

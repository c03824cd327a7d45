"""Code names: the only title a host ever sees for an incident.

Two words and two digits, such as ``BLUE-JAY-27``: easy to say on a bad line, without any meaning.
The words are ours (``data/code_names.toml``), chosen so that no pair can read as a remark about a
person: no words for people, skin, bodies, character, danger or crime.
"""

from __future__ import annotations

import secrets
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Callable

CodeName = NewType("CodeName", str)
"""For example ``AMBER-HERON-42``."""

_ATTEMPTS = 1000
_FIRST_NUMBER, _NUMBERS = 10, 90


@cache
def words() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First words and second words, upper case."""
    text = resources.files("integration.data").joinpath("code_names.toml").read_text(encoding="utf-8")
    lists = tomllib.loads(text)
    return tuple(word.upper() for word in lists["first"]), tuple(word.upper() for word in lists["second"])


def new_code_name(taken: Callable[[CodeName], bool], drawn: bytes | None = None) -> CodeName:
    """A random code name for which ``taken`` says no.

    The first that is tried is that of ``drawn``, if given: random bytes, such as a keyed digest.

    Raises:
        RuntimeError: a thousand random names in a row were taken; the word list is used up.
    """
    first, second = words()
    count = len(first) * len(second) * _NUMBERS
    one = secrets.randbelow(count) if drawn is None else int.from_bytes(drawn) % count
    for _ in range(_ATTEMPTS):
        rest, number = divmod(one, _NUMBERS)
        name = CodeName(f"{first[rest // len(second)]}-{second[rest % len(second)]}-{_FIRST_NUMBER + number}")
        if not taken(name):
            return name
        one = secrets.randbelow(count)
    raise RuntimeError("No free code name was found in 1000 attempts; the word list is used up.")

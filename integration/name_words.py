"""Words as :mod:`integration.first_readers` compares them, and our lists of words in data/name_words.toml.

A *line* is a text's words in order, in small letters without accents, with a blank before and after each.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from html import unescape
from importlib import resources

_LETTERS = {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "\u0131": "i", "_": " "}
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "Å": "Aa"}
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LETTERS_APART = re.compile(r"(?<= )\w(?: \w)+(?= )")
_TO_AND_IN = "[\u05d5\u05d1\u05dc\u05de\u05d4\u05e9\u05db\u0648\u0641\u0628\u0644\u0643]"  # Hebrew, Arabic
_PREFIXED = re.compile(rf"(?<= ){_TO_AND_IN}({_TO_AND_IN}?)(\w{{2,}})(?= )")
_PERCENT_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)


def lines(text: str) -> list[str]:
    """The lines of a text as written, with escapes undone, and with umlauts spelt out; no two texts alike."""
    readings = [text, decoded(text)]
    readings += [_respelt(unicodedata.normalize("NFC", one), _UMLAUTS) for one in readings]
    return [line(one) for one in dict.fromkeys(readings)]


def line(text: str) -> str:
    """The words of a text, folded, split at anything that is no letter or digit."""
    folded = _plain(_respelt(_plain(text).casefold(), _LETTERS))
    words = " ".join(re.findall(r"\w+", folded))
    return f" {words} "


def written_as_names(text: str) -> set[str]:
    """The words that have a capital or no small letters to have; all, if the text uses no capitals."""
    words = set(re.findall(r"\w+", _plain(text).replace("_", " ")))
    if any(char.isupper() for char in set(text)):
        words = {word for word in words if not word[0].islower()}
    return {part for one in lines(" ".join(words)) for part in one.split()}


def apart(words: str) -> set[str]:
    """What else stands in a line: a word written with its letters apart, or as one with "to" or "and"."""
    spread = {found[0].replace(" ", "") for found in _LETTERS_APART.finditer(words)}
    return spread.union(*({found[1] + found[2], found[2]} for found in _PREFIXED.finditer(words)))


def letters_together(words: str) -> str:
    """The line with words whose letters are apart written together."""
    return _LETTERS_APART.sub(lambda found: found[0].replace(" ", ""), words)


def unspaced(text: str) -> bool:
    """Whether a text of two letters or more is in a script that is written without blanks."""
    return len(text) > 1 and _UNSPACED.search(text) is not None


def decoded(text: str) -> str:
    """The text with the escapes of web pages and addresses undone: J&ouml;rg, J%C3%B6rg."""
    return unescape(
        _PERCENT_ESCAPES.sub(
            lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), text
        )
    )


def without_json(raw: str) -> str:
    """The text with the escapes of JSON undone, as far as words go."""
    text = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", raw)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _respelt(text: str, spellings: dict[str, str]) -> str:
    """The text with these letters written otherwise: of a long one in a fraction of the time that ``str.translate`` takes."""
    for letter, spelling in spellings.items():
        text = text.replace(letter, spelling)
    return text


def _plain(text: str) -> str:
    """The text in compatible letters, without accents and without characters that do not show."""
    if text.isascii():
        return text
    spread = unicodedata.normalize("NFKD", text)
    unseen = {char for char in set(spread) if unicodedata.category(char) in {"Mn", "Cf"}}
    return re.sub(f"[{re.escape(''.join(sorted(unseen)))}]", "", spread) if unseen else spread


@cache
def listed(*names: str) -> frozenset[str]:
    """The words of some of our lists, folded."""
    return frozenset(word for name in names for word in line(_lists()[name]).split())


@cache
def phrases(*names: str) -> frozenset[str]:
    """The phrases of some of our lists, each a line."""
    return frozenset(line(one) for name in names for one in _lists()[name].split("|"))


@cache
def _lists() -> dict[str, str]:
    text = resources.files("integration.data").joinpath("name_words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

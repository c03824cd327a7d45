"""Who reads a new report first: members on duty whom nothing in the report could mean.

Unsure means fewer: adding a reader later is possible, taking back what was read is not. A whole name, handle
or account counts anywhere; something close to a name counts where the report names people. The rules in
plain words, for teams: docs/first-readers.md. The lists of words: data/name_words.toml.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from integration.report import ReportField

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integration.report import Report
    from integration.roster import Member, Roster

_NAMING = (
    ReportField.SUBJECT,
    ReportField.REPORTER,
    ReportField.WITNESSES,
    ReportField.DO_NOT_SHOW,
    ReportField.CONTACT,
)
"""Where a report names people, so that a misspelt name or a nickname counts too."""

_SHORT_ANSWER = 6  # words; an unmapped answer up to this long is more often a name than a story
_MOST_WORDS = 3000  # different words to compare closely; no honest naming answer has as many
_CLOSE = 0.8  # difflib ratio from which two words count as the same name misspelt
_SHORTEST_FUZZY = 4
_SHORTEST_NICKNAME = 3
_SHORTEST_JOINED = 5

_AND = re.compile(r"[,;&+\n\r]|\b(?:and|or|und|oder|et|ou|y|og|och|en|e|i|и)\b", re.IGNORECASE)
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "\u0131": "i", "_": " "}
)
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "Å": "Aa"}
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FirstReaders:
    """Who gets the first keyring of a new incident.

    ``unclear_wish`` is set when the report asks that somebody should not see it and a part of the wish
    fits nobody in the roster: then nobody on duty reads, only the recovery keys do.
    """

    members: tuple[Member, ...]
    unclear_wish: bool


def first_readers(report: Report, roster: Roster) -> FirstReaders:
    """The members on duty whom nothing in the report could mean."""
    return FirstReaders(
        tuple(one for one in not_meant(report, roster) if one.on_duty),
        unclear_wish=_unclear_wish(report.said(ReportField.DO_NOT_SHOW), roster.members),
    )


def not_meant(report: Report, roster: Roster) -> tuple[Member, ...]:
    """All members, on duty or not, whom nothing in the report could mean."""
    told = _told(report)
    if len(told.near) > _MOST_WORDS or _unclear_wish(report.said(ReportField.DO_NOT_SHOW), roster.members):
        return ()
    return tuple(member for member in roster.members if not _could_mean(member, told))


# A wish --------------------------------------------------------------------------------------------


def _unclear_wish(wish: str, members: Sequence[Member]) -> bool:
    """Whether the report asks to keep it from somebody of whom we do not know who it is."""
    lines = [line for line in wish.splitlines() if not _means_nobody(line)]
    parts = {part for line in lines for part in _AND.split(line) if not _means_nobody(part)}
    told = [_Told.of([part], naming=True) for part in parts]
    return not all(any(_could_mean(member, one) for member in members) for one in told)


def _means_nobody(text: str) -> bool:
    words = [word.text for word in _words(text) if word.text not in _listed("polite")]
    if words:
        return " ".join(words) in _nobody()
    # Blanks and punctuation say nothing; a picture might.
    return all(unicodedata.category(char)[0] in "PZCLN" for char in text)


# What is told --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Word:
    """A folded word. ``as_name`` says that it is written as a name would be."""

    text: str
    as_name: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """A report's words. ``near`` are the different words where people are named; ``line`` is all, joined by blanks."""

    plain: frozenset[str]
    as_names: frozenset[str]
    near: frozenset[str]
    line: str
    near_line: str

    @classmethod
    def of(cls, texts: Iterable[str], *, naming: bool = False) -> _Told:
        """The words of texts that name people, or of free text."""
        words = [word for text in texts for word in (*_words(text), *_spelt_out(text))]
        line = f" {' '.join(word.text for word in words)} "
        return cls(
            plain=frozenset(word.text for word in words),
            as_names=frozenset(word.text for word in words if naming or word.as_name),
            near=frozenset(word.text for word in words if naming),
            line=line,
            near_line=line if naming else " ",
        )

    def __or__(self, other: _Told) -> _Told:
        return _Told(
            self.plain | other.plain,
            self.as_names | other.as_names,
            self.near | other.near,
            self.line + other.line,
            self.near_line + other.near_line,
        )


def _told(report: Report) -> _Told:
    naming = [report.said(name) for name in _NAMING]
    free = [report.said(name) for name in ReportField if name not in _NAMING]
    for answer in report.other:
        words = answer.answer.reveal()
        (naming if len(words.split()) <= _SHORT_ANSWER else free).append(words)
    if report.verbatim is not None:  # its questions are not known, so every word may be an answer to "who?"
        naming += [report.verbatim.reveal(), _decoded(report.verbatim.reveal())]
    return _Told.of(naming, naming=True) | _Told.of(free)


def _decoded(raw: str) -> str:
    """The text with the escapes of JSON and of forms undone, as far as words go."""
    text = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", raw)
    return unquote_plus(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _words(text: str) -> list[_Word]:
    """Words for comparison: compatibility forms folded, accents and case dropped, split at anything else."""
    spread = "".join(
        char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) not in {"Mn", "Cf"}
    )
    has_capitals = any(char.isupper() for char in spread)
    found = re.findall(r"\w+", spread.replace("_", " "))
    return [
        _Word(part, not has_capitals or word[0].isupper()) for word in found for part in _fold(word).split()
    ]


def _spelt_out(text: str) -> list[_Word]:
    """The words again with umlauts as people spell them out, if there are any: Jörg, Joerg."""
    composed = unicodedata.normalize("NFC", text)
    spelt = composed.translate(_UMLAUTS)
    return _words(spelt) if spelt != composed else []


def _fold(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
    return "".join(char for char in folded if unicodedata.category(char) not in {"Mn", "Cf"})


# A member ------------------------------------------------------------------------------------------


def _could_mean(member: Member, told: _Told) -> bool:
    wholes = [member.alias, *member.names, *member.handles, member.email, *member.accounts.values()]
    if any(_stands_whole(whole, told) for whole in wholes):
        return True
    names = {
        word.text for text in (member.alias, *member.names) for word in (*_words(text), *_spelt_out(text))
    }
    names = {name for name in names if len(name) > 1 and name not in _listed("common")}
    if any(_stands(name, told) for name in names):
        return True
    nicknames = (
        {_joined(text) for text in (*member.handles, member.email.partition("@")[0])}
        - _listed("common")
        - {""}
    )
    return any(
        _close(word, name)
        for name in names | nicknames
        for word in told.near
        if word not in _listed("no_nickname")
    )


def _stands_whole(whole: str, told: _Told) -> bool:
    """Whether a full name, handle, address or account stands in the text, word for word or joined."""
    for words in ([word.text for word in spelling] for spelling in (_words(whole), _spelt_out(whole))):
        if not words:
            continue
        phrase, joined = f" {' '.join(words)} ", "".join(words)
        if phrase in told.near_line:
            return True
        if len(words) > 1:
            if phrase in told.line or (len(joined) >= _SHORTEST_JOINED and joined in told.plain):
                return True
        elif joined not in _listed("common") and _stands(joined, told):
            return True
        if _unspaced(joined) and joined in told.line.replace(" ", ""):
            return True
    return False


def _stands(name: str, told: _Told) -> bool:
    """Whether one word of a name stands anywhere in the text."""
    if len(name) == 1:
        return False
    if _unspaced(name) and name in told.line:
        return True
    if name in _listed("ordinary"):
        return name in told.as_names
    return name in told.plain or (len(name) >= _SHORTEST_NICKNAME and f"{name}s" in told.plain)


def _close(word: str, name: str) -> bool:
    """Whether a word may be a nickname or a misspelling of the name."""
    shorter, longer = sorted((len(word), len(name)))
    if shorter < _SHORTEST_NICKNAME:
        return False
    if name.startswith(word):
        return True
    if word.startswith(name):  # Ann, Annie; but a name of three letters begins many words
        return shorter > _SHORTEST_NICKNAME or longer - shorter <= 2  # noqa: PLR2004 - two letters
    if shorter < _SHORTEST_FUZZY or longer > 2 * shorter:
        return False
    likeness = SequenceMatcher(None, word, name)
    return likeness.quick_ratio() >= _CLOSE and likeness.ratio() >= _CLOSE


def _joined(text: str) -> str:
    return "".join(word.text for word in _words(text))


def _unspaced(text: str) -> bool:
    """Whether a text of two letters or more is in a script that is written without blanks."""
    return len(text) > 1 and _UNSPACED.search(text) is not None


@cache
def _listed(name: str) -> frozenset[str]:
    """One of the lists of words of ours, folded."""
    return frozenset(word.text for word in _words(_lists()[name]))


@cache
def _nobody() -> frozenset[str]:
    return frozenset(" ".join(word.text for word in _words(one)) for one in _lists()["nobody"].split("|"))


@cache
def _lists() -> dict[str, str]:
    text = resources.files("integration.data").joinpath("name_words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

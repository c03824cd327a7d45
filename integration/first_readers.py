"""Who reads a new report first: members on duty whom nothing in the report could mean.

Unsure means fewer: adding a reader later is possible, taking back what was read is not. A name, handle or
account counts anywhere; something close to a name counts where the report names people. The rules in plain
words, for teams: docs/first-readers.md. The lists of words: data/name_words.toml.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

from integration.name_words import (
    apart,
    decoded,
    letters_together,
    line,
    lines,
    listed,
    phrases,
    unspaced,
    without_json,
    written_as_names,
)
from integration.report import ReportField

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integration.report import Answer, Report
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
_LONGEST_WISH = 2000  # characters
_MOST_PARTS = 50
_LONGEST_NO = 200  # characters
_CLOSE = 0.75  # difflib ratio from which two words count as the same name misspelt
_SHORTEST_FUZZY = 4
_SHORTEST_NICKNAME = 3
_SHORTEST_WITH_ENDING = 4
_SHORTEST_JOINED = 5

_PARTS = re.compile(
    r"[,;&+|•/()\n\r–—]|\s-\s|(?<=\w\w\w)[.:!?]+(?:\s|$)|\b(?:and|or|und|oder|et|ou|y|og|och|en|e|i|и)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"https?://(?:\S+/)?|\((?:he|she|they)/(?:him|her|them|they)\)", re.IGNORECASE)
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)  # noqa: RUF001 - the typographer's apostrophe


def not_meant(report: Report, roster: Roster) -> tuple[Member, ...]:
    """All members, on duty or not, whom nothing in the report could mean.

    A member without ``names`` is never among them: a report could mean them and we would not notice.
    """
    people = [_person(member) for member in roster.members]
    kept_from = _kept_from(report, people)
    told = _told(report)
    if kept_from is None or told is None:
        return ()
    return tuple(
        member
        for member, person in zip(roster.members, people, strict=True)
        if _has_names(member) and person not in kept_from and not _could_mean(person, told)
    )


def _has_names(member: Member) -> bool:
    return bool("".join(map(line, member.names)).strip())


def nobody_reads_first(roster: Roster) -> tuple[str, str] | None:
    """What in the roster keeps members who are on duty from ever being first readers, and what to do; ``None`` if nothing does."""
    on_duty = [member for member in roster.members if member.on_duty]
    if not on_duty:
        return "No member is on duty.", "Have the team put one on duty in the roster."
    nameless = [member for member in on_duty if not _has_names(member)]
    if not nameless:
        return None
    what = (
        f"On duty, but without names in the roster: {', '.join(member.alias for member in nameless)}. "
        "A report could mean them and nobody would notice, "
    )
    what += (
        "so only the recovery keys open what comes in." if nameless == on_duty else "so they read none first."
    )
    return what, "Put what people call them into names (docs/first-readers.md), and have the team sign it."


# A wish --------------------------------------------------------------------------------------------


def _kept_from(report: Report, people: Sequence[_Person]) -> set[_Person] | None:
    """The members who shall not see the report; None if that is not clear."""
    if report.wish_unclear:
        return None
    wishes = [one.answer.reveal() for one in report.fields.get(ReportField.DO_NOT_SHOW, ())]
    if sum(map(len, wishes)) > _LONGEST_WISH:
        return None
    kept_from = set()
    for wish in map(decoded, wishes):
        parts = [part for part in _PARTS.split(_ASIDE.sub(" ", wish)) if _said(part).strip()]
        if all(map(_means_nobody, wish.splitlines())) or (parts and all(map(_means_nobody, parts))):
            continue
        # A picture beside a name may say anything.
        if not 0 < len(parts) <= _MOST_PARTS or any(unicodedata.category(char) == "So" for char in wish):
            return None
        for n, part in enumerate(parts):
            named = _named(part, people)
            if not named and (n == 0 or _said(part) not in phrases("nobody_else")):
                return None
            kept_from |= named
    return kept_from


def _named(part: str, people: Sequence[_Person]) -> set[_Person]:
    """The members whom a part of a wish names; nobody if it says more, for that may turn it round."""
    words = letters_together(line(_CONTRACTED.sub("nt", part)))
    weak = listed("fillers", "negations", "showing", "titles", "honorifics")
    negated = any(negation in words for negation in phrases("negations"))
    harmless = weak if negated else weak - listed("showing")
    named: set[_Person] = set()
    for person in people:
        for whole in person.wholes():
            if whole in words:
                words = words.replace(whole, " ")
                named.add(person)
    sure, beside = bool(named), set()
    for word in set(words.split()) - listed("turning"):
        told = _Told.of(naming=[word])
        if fitting := {one for one in people if _could_mean(one, told)}:
            named |= fitting
            sure = sure or word not in weak
        else:
            beside.add(word)
            if word not in harmless and len(word) > 1:
                break
    beside |= listed("turning").intersection(words.split())
    initials = {name[0] for person in named for name in person.names}
    return named if beside <= harmless | initials and (sure or not beside) else set()


def _means_nobody(text: str) -> bool:
    if len(text) > _LONGEST_NO:
        return False
    if (said := _said(text)).strip():
        return said in phrases("nobody", "nobody_else")
    # Blanks and punctuation say nothing; a picture might.
    return all(unicodedata.category(char)[0] in "PZCLN" for char in text)


def _said(text: str) -> str:
    return line(" ".join(word for word in line(text).split() if word not in listed("polite")))


# What is told --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """A report's words: all, those written as names would be, and those ``near`` where people are named."""

    words: frozenset[str]
    line: str
    unspaced: str
    as_names: str
    near: frozenset[str]
    near_line: str

    @classmethod
    def of(
        cls, *, naming: Iterable[str] = (), free: Iterable[str] = (), questions: Iterable[str] = ()
    ) -> _Told:
        """The words of texts that name people, of free text, and of a form's questions.

        Questions are the same in every report, so their capitals ("May we call you?") say nothing.
        """
        free = [*free]
        near_line = "".join(one for text in naming for one in lines(text))
        whole = near_line + "".join(one for text in (*free, *questions) for one in lines(text))
        near = apart(near_line).union(near_line.split())
        as_names = near.union(apart(whole), *map(written_as_names, free))
        return cls(
            words=frozenset(as_names.union(whole.split())),
            line=whole,
            unspaced=whole.replace(" ", "") if unspaced(whole) else "",
            as_names=f" {' '.join(as_names)} ",
            near=frozenset(near - listed("no_nickname", "turning", "common", "particles", "titles")),
            near_line=near_line,
        )


def _told(report: Report) -> _Told | None:
    """What a report says; None if it names more people than can be compared."""
    naming = [report.said(name) for name in _NAMING]
    free = [report.said(name) for name in ReportField if name not in _NAMING]
    for answer in report.other:
        words = answer.answer.reveal()
        (naming if len(words.split()) <= _SHORT_ANSWER else free).append(words)
    if report.verbatim is not None:  # its questions are not known, so every word may be an answer to "who?"
        naming += [report.verbatim.reveal(), without_json(report.verbatim.reveal())]
    if len(set(re.findall(r"\w+", " ".join(naming).casefold()))) > _MOST_WORDS:
        return None
    return _Told.of(naming=naming, free=free, questions=map(_asked, _answers(report)))


def _answers(report: Report) -> list[Answer]:
    """All answers but the wish: the question of that one may list whom one can choose."""
    fields = (report.fields.get(name, ()) for name in ReportField if name != ReportField.DO_NOT_SHOW)
    return [*(answer for answers in fields for answer in answers), *report.other]


def _asked(answer: Answer) -> str:
    """What was asked, unless the answer is no: "Was it Robert?" - "Yes"."""
    return "" if _means_nobody(answer.answer.reveal()) else f"{answer.key} {answer.question.reveal()}"


# A member ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Person:
    """How a member may be called. A phrase is a line of words.

    One of ``names`` is enough anywhere; ``called`` and ``initials`` count where people are named.
    """

    phrases: frozenset[str]
    names: frozenset[str]
    called: frozenset[str]
    initials: frozenset[str]

    def wholes(self) -> list[str]:
        """What names the member and is not one word between blanks, the longest first."""
        more_words = [phrase for phrase in self.phrases if " " in phrase.strip()]
        return sorted([*more_words, *filter(unspaced, self.names)], key=len, reverse=True)


def _person(member: Member) -> _Person:
    return _called(member.alias, member.names, member.email, (*member.handles, *member.accounts.values()))


@lru_cache(maxsize=256)  # of a roster's entries, never of a report's words
def _called(alias: str, members_names: tuple[str, ...], email: str, accounts: tuple[str, ...]) -> _Person:
    names = (_split(alias) | _joined(alias, *accounts)) - listed("common")
    initials: set[str] = set()
    for name in members_names:
        names |= _joined(name)
        pieces = name.split()
        for n, piece in enumerate(pieces):
            inside = 0 < n < len(pieces) - 1 or len(line(piece).split()) > 1
            words = _split(piece) | _joined(piece) - listed("titles")
            names |= words - listed("particles") if inside else words
        letters = "".join(word[0] for word in line(name).split() if word not in listed("titles"))
        initials |= {letters, letters[:1] + letters[-1:], letters[-1:] + letters[:1]}
    surnames = {name[:n] for name in _joined(*members_names) if unspaced(name) for n in (1, 2)}
    names |= {surname + title for surname in surnames for title in listed("honorifics")}
    names = {name for name in names if len(name) > 1}
    written = (alias, *members_names, email, *accounts)
    return _Person(
        phrases=frozenset(one for text in written for one in lines(text) if one.strip()),
        names=frozenset(names),
        called=frozenset(names | _joined(email.partition("@")[0]) - listed("common")),
        initials=frozenset(one for one in initials if len(one) > 1),
    )


def _split(text: str) -> set[str]:
    return {word for one in lines(text) for word in one.split()} - listed("titles")


def _joined(*texts: str) -> set[str]:
    """Each text as one word, unless it is several and so short that it may mean anything."""
    written = [one.strip() for text in texts for one in lines(text)]
    joined = [(one.replace(" ", ""), " " in one) for one in written]
    return {one for one, several in joined if not several or len(one) >= _SHORTEST_JOINED or unspaced(one)}


def _could_mean(person: _Person, told: _Told) -> bool:
    return (
        any(one in told.near_line or (" " in one.strip() and one in told.line) for one in person.phrases)
        or any(_stands(name, told) for name in person.names)
        or any(one in told.near or f" {' '.join(one)} " in told.near_line for one in person.initials)
        or any(_is_near(name, told.near) for name in person.called)
    )


def _stands(name: str, told: _Told) -> bool:
    """Whether one word of a name stands anywhere: as it is, with an ending (Robertem), or in two (Mac Donald)."""
    if unspaced(name) and name in told.unspaced:
        return True
    if len(name) >= _SHORTEST_WITH_ENDING:
        stem = name[:-1] if len(name) > _SHORTEST_WITH_ENDING and name[-1] in "a\u0430\u044f" else name
        if f" {stem}" in told.as_names:
            return True
    if name in listed("ordinary", "particles", "common"):
        return f" {name} " in told.as_names
    if name in told.words or (len(name) >= _SHORTEST_NICKNAME and f"{name}s" in told.words):
        return True
    halves = ((name[:n], name[n:]) for n in range(2, len(name) - 1) if len(name) >= _SHORTEST_JOINED)
    return any(one in told.words and f" {one} {two} " in told.line for one, two in halves)


def _is_near(name: str, words: Iterable[str]) -> bool:
    """Whether one of the words may be a nickname or a misspelling of the name."""
    likeness = SequenceMatcher(b=name, autojunk=False)
    for word in words:
        shorter, longer = sorted((len(word), len(name)))
        if shorter < _SHORTEST_NICKNAME:
            continue
        # Ann, Annie; but a name of three letters begins many words.
        if word.startswith(name) and (shorter > _SHORTEST_NICKNAME or longer - shorter <= 2):  # noqa: PLR2004 - letters
            return True
        if name.startswith(word):
            return True
        if shorter >= _SHORTEST_FUZZY and 2 * shorter >= _CLOSE * (shorter + longer):
            likeness.set_seq1(word)
            if likeness.quick_ratio() >= _CLOSE and likeness.ratio() >= _CLOSE:
                return True
    return False

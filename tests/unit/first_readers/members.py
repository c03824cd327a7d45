"""Two members, reports of every kind, and who reads them first."""

from __future__ import annotations

from dataclasses import dataclass

from integration.first_readers import _kept_from, _person, not_meant
from integration.incident import Alias
from integration.report import Answer, Report, ReportField
from integration.roster import Member, RecoveryKey, Roster
from integration.text import Untrusted


@dataclass(frozen=True, slots=True)
class FirstReaders:
    """Who of those on duty reads a report first, and whether it asks unclearly that somebody should not."""

    members: tuple[Member, ...]
    unclear_wish: bool


def first_readers(told: Report, team: Roster) -> FirstReaders:
    people = [_person(one) for one in team.members]
    on_duty = tuple(one for one in not_meant(told, team) if one.on_duty)
    return FirstReaders(on_duty, unclear_wish=_kept_from(told, people) is None)


def member(alias: str, *names: str, on_duty: bool = True, handles: tuple[str, ...] = ()) -> Member:
    return Member(Alias(alias), "", "", f"{alias}@team.example.org", on_duty, names, handles, {})


ROBERT = Member(
    alias=Alias("robert"),
    recipient="",
    signing_key="",
    email="r.kraus@team.example.org",
    on_duty=True,
    names=("Robert Kraus", "Bob"),
    handles=("bobby-k",),
    accounts={"github": "bobcodes", "jira": "5b10a2844c20165700ede21g"},
)
MIRIAM = member("miriam", "Miriam Óskarsdóttir")


def roster(*members: Member) -> Roster:
    return Roster(1, "", "0" * 64, members, (RecoveryKey("paper", "", "paper@example.org"),), ())


def answers(*texts: str) -> tuple[Answer, ...]:
    return tuple(Answer(f"q{n}", Untrusted("a question"), Untrusted(text)) for n, text in enumerate(texts))


def report(*other: str, verbatim: str | None = None, **fields: str) -> Report:
    return Report(
        submitted_at=None,
        fields={ReportField(name): answers(text) for name, text in fields.items()},
        other=answers(*other),
        verbatim=Untrusted(verbatim) if verbatim is not None else None,
    )


def asked(question: str, answer: str, *, key: str = "q1", field: ReportField | None = None) -> Report:
    one = Answer(key, Untrusted(question), Untrusted(answer))
    return Report(submitted_at=None, fields={field: (one,)} if field else {}, other=() if field else (one,))


def readers(told: Report, *members: Member) -> set[str]:
    return {str(one.alias) for one in first_readers(told, roster(*members)).members}

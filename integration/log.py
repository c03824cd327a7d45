"""The Master Incident Log: one row for each incident, of the columns the team's process names.

Pure: a row is made of an incident's public fields and, where the member is cleared and the diary opened, of
its card. How rows are fetched and shown is the desk's affair (:mod:`desk.log_cli`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from integration import risk
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration.code_name import CodeName
    from integration.diary.findings import Finding
    from integration.diary.frame import Card
    from integration.incident import Alias, IncidentType
    from integration.risk import Level

COLUMNS: Final = (
    "Issue Reporter",
    "Issue About",
    "Conduct Enforcement or Conflict Resolution",
    "Summary",
    "Impact * Likelihood of Recurrence = risk",
    "Team Lead",
    "Diary Link",
)
"""The columns of the log, in order, letter by letter."""

NOT_CLEARED: Final = "(not cleared)"
NOT_READ: Final = "(not read)"
NO_CARD: Final = "(no card)"


class PublicFields(Protocol):
    """What everybody on the team may see of an incident."""

    @property
    def code_name(self) -> CodeName:
        """Such as ``BLUE-JAY-27``."""
        ...

    @property
    def type(self) -> IncidentType:
        """Which of the two routes."""
        ...

    @property
    def impact(self) -> Level | None:
        """None while not yet assessed."""
        ...

    @property
    def likelihood(self) -> Level | None:
        """None while not yet assessed."""
        ...

    @property
    def lead(self) -> Alias | None:
        """None while nobody leads it."""
        ...

    @property
    def ticket_url(self) -> str | None:
        """Where the ticket is; None until it is open."""
        ...


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row. The first, second and fourth column are words from a report; the others nobody wrote freely.

    ``remark`` is ours and says what the team should look at; it stands in the last column, where no
    report's words ever do, so that no report can imitate it or talk it away. Empty if all is well.
    """

    public: PublicFields
    reporter: Untrusted
    about: Untrusted
    summary: Untrusted
    remark: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of :data:`COLUMNS`; not neutralised for any output."""
        public = self.public
        link = f"{public.code_name} {public.ticket_url or '(no ticket yet)'}"
        return (
            self.reporter.reveal(),
            self.about.reveal(),
            public.type.value,
            self.summary.reveal(),
            risk.in_words(public.impact, public.likelihood),
            public.lead or "",
            f"{link} – {self.remark}" if self.remark else link,
        )


def opened(public: PublicFields, card: Card | None, findings: Iterable[Finding]) -> LogRow:
    """The row of an incident whose diary was opened.

    What the card says was signed by its author and is shown even if something else in the diary is wrong.
    """
    codes = [one.code for one in findings if one.serious or one.code == "not-cleared"]
    found = ", ".join(dict.fromkeys(codes))
    remark = f"found: {found}; say: coc diary read {public.code_name}" if found else ""
    if card is None:
        return _without_card(public, NOT_READ if found else NO_CARD, remark)
    return LogRow(public, card.reporter, card.subject, card.summary, remark)


def not_cleared(public: PublicFields) -> LogRow:
    """The row of an incident that the member is not cleared for: public fields only."""
    return _without_card(public, NOT_CLEARED)


def not_read(public: PublicFields, why: str) -> LogRow:
    """The row of an incident whose diary could not be fetched or opened. ``why`` is our words."""
    return _without_card(public, NOT_READ, why)


def _without_card(public: PublicFields, instead: str, remark: str = "") -> LogRow:
    words = Untrusted(instead)
    return LogRow(public, words, words, words, remark)

r"""How a desk shows things: everything neutralised on its way out, nothing changed in the data.

Words in a diary come from anybody. On the way to the terminal, control and bidirectional characters and
terminal escapes become visible (``\x1b``), markup stays text, and each line of a body stands behind a
bar, so that no body can pose as a heading or as the verdict of the check.
"""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from desk.card_changes import card_changes, file_of
from desk.home import PublicKeys, fingerprint
from integration import risk
from integration.diary.contents import cards

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desk.card_changes import Change
    from desk.served import ServedIncident
    from integration.diary.findings import Finding
    from integration.diary.frame import Card
    from integration.diary.open import Diary, Entry
    from integration.roster import Roster

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width, but Persian words and many emoji need them; they cannot move any other text. Emoji also need U+FE0F,
the one variation selector that is not in :data:`_UNSEEN`."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE0F), *range(0xE0100, 0xE01F0)))
)
"""Characters of other categories that nobody sees: Unicode's default ignorable ones, and the empty Braille cell.
https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point"""

_ESCAPED = "reverse dim"
_NO_TERMINAL = 160
"""Characters in a row of a table where nothing says how wide a line may be."""

_HOSTS = {"jira": "Jira", "github": "GitHub"}


def console(*, plain: bool = False, stderr: bool = False) -> Console:
    """Where the desk writes. Nothing in a text is ever taken for markup, an emoji name or a link."""
    file = sys.stderr if stderr else sys.stdout
    return Console(
        file=file,
        width=None if file.isatty() else _NO_TERMINAL,
        markup=False,
        emoji=False,
        highlight=False,
        color_system=None if plain else "auto",
        soft_wrap=False,
    )


def visible(words: str, *, lines: bool = False) -> Text:
    """A text that only shows itself: what a terminal or a bidirectional layout would obey is escaped.

    Args:
        words: from anywhere.
        lines: whether line breaks stay; otherwise they are escaped too.
    """
    shown = Text()
    if lines:
        words = words.replace("\r\n", "\n")
    for char in words:
        if char == "\n" and lines:
            shown.append("\n")
        elif char == "\t":
            shown.append("    ")
        elif char in _UNSEEN or (unicodedata.category(char) in _HIDDEN and char not in _JOINERS):
            shown.append(_escape(char), style=_ESCAPED)
        else:
            shown.append(char)
    return shown


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004 - what \x can name
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what \u can name


def incidents(out: Console, served: Sequence[ServedIncident]) -> None:
    """The list of incidents a member is cleared for."""
    if not served:
        out.print("You are not cleared for any incident.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        "Code name", "Type", "Stage", "Impact * Likelihood", "Lead", "Secondary", "Opened (UTC)", "Host", "Ticket",
    ):  # fmt: skip
        table.add_column(title, no_wrap=title == "Code name", overflow="fold")
    for one in served:
        table.add_row(
            visible(one.code_name),
            one.type.value,
            one.stage.value,
            risk.in_words(one.impact, one.likelihood),
            visible(one.lead or "–"),
            visible(one.secondary or "–"),
            _time(one.opened_at),
            _HOSTS.get((one.ticket or "").partition(":")[0], "–"),
            visible(one.ticket_url or "not open yet"),
        )
    out.print(table)


def key(out: Console, public: PublicKeys) -> None:
    """The lines for the roster, and what to compare in person."""
    out.print("Your lines for the team's roster.toml:\n")
    out.print(public.roster_lines(), soft_wrap=True)
    out.print("Compare this fingerprint with your team in person or on a call, not by mail or chat:\n")
    out.print(Text(public.fingerprint, style="bold"), soft_wrap=True)


def roster(out: Console, pinned: Roster) -> None:
    """What was pinned: hash, serial, and everybody's fingerprint."""
    out.print(f"Roster {pinned.serial}, SHA-256 {pinned.hash}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for member in pinned.members:
        keys = PublicKeys(member.alias, member.recipient, member.signing_key)
        table.add_row("member", visible(member.alias), Text(keys.fingerprint, style="bold"))
    for recovery in pinned.recovery:
        table.add_row("recovery key", visible(recovery.name), Text(fingerprint(recovery.recipient)))
    for service in pinned.service_keys:
        table.add_row("service key", visible(service.id), Text(fingerprint(service.public)))
    out.print(table)
    out.print("Compare the fingerprints with your team in person or on a call, not by mail or chat.")


def diary(
    out: Console,
    incident: ServedIncident,
    opened: Diary,
    findings: Sequence[Finding],
    *,
    first_reading: bool,
    last: int | None = None,
) -> None:
    """A whole diary, or its ``last`` entries: public fields, the card, entries, and what the check found.

    On a first reading the desk has nothing to compare the end of the diary with, and says so.
    """
    _public_fields(out, incident)
    entries(out, opened, code_name=incident.code_name, last=last)
    out.print()
    verdict(out, len(opened.entries), findings, first_reading=first_reading)


def entries(out: Console, opened: Diary, *, code_name: str, last: int | None = None) -> None:
    """The card, and the entries or the ``last`` of them."""
    for entry, card in list(cards(opened.entries))[-1:]:
        others = "" if card == entry.card else " and the reports before it"
        by = visible(_author(entry.author))
        out.print()
        out.print(Text.assemble(("Card", "bold cyan"), f"  of entry {entry.seq}{others}, by ", by))
        _card(out, card)
    changes = card_changes(opened.entries)
    shown = opened.entries if last is None else opened.entries[-last:]
    if len(shown) < len(opened.entries):
        out.print(f"\n{len(opened.entries) - len(shown)} older entries were checked and are not shown.")
    for entry in shown:
        out.print()
        out.print(_heading(entry), soft_wrap=True)
        _changes(out, changes.get(entry.seq, ()))
        described = file_of(entry)
        if described is not None:
            _behind_bar(out, visible(described.name.reveal()))
            how = f"coc diary fetch {code_name} {entry.seq} --output FILE"
            out.print(f"  {described.type}, {described.size:,} bytes. Fetch it with: {how}", soft_wrap=True)
        elif entry.body.reveal().strip() or entry.seq not in changes:
            _behind_bar(out, visible(entry.body.reveal(), lines=True))


def _public_fields(out: Console, incident: ServedIncident) -> None:
    out.print(Text(incident.code_name, style="bold"))
    pairs = [
        ("Type", Text(incident.type.value)),
        ("Stage", Text(incident.stage.value)),
        ("Impact * Likelihood", Text(risk.in_words(incident.impact, incident.likelihood))),
        ("Lead", visible(incident.lead or "–")),
        ("Secondary", visible(incident.secondary or "–")),
        ("Ticket", visible(incident.ticket_url or "not open yet")),
        ("Opened", Text(f"{_time(incident.opened_at)} UTC")),
    ]
    _pairs(out, pairs)
    out.print(
        Text("These fields are told by the service. All below was opened and checked here.", style="dim")
    )


def _card(out: Console, card: Card) -> None:
    _pairs(
        out,
        [
            ("Reporter", visible(card.reporter.reveal() or "–")),
            ("Subject", visible(card.subject.reveal() or "–")),
            ("Type", visible(card.type)),
        ],
    )
    out.print("  Summary")
    _behind_bar(out, visible(card.summary.reveal(), lines=True))


def _changes(out: Console, changed: Sequence[Change]) -> None:
    """What an entry changes of the card: both are words of somebody else, so both stand behind the bar."""
    for one in changed:
        out.print(f"  {one.name} is now")
        _behind_bar(out, visible(one.after or "–"))
        out.print("  and was")
        _behind_bar(out, visible(one.before or "–"))


def _heading(entry: Entry) -> Text:
    heading = Text.assemble(
        (f"Entry {entry.seq}", "bold cyan"),
        f"  {entry.content.value} by ",
        visible(_author(entry.author)),
        f", {_time(entry.event_at)} UTC",
    )
    if entry.entry_at != entry.event_at:
        heading.append(f" (written {_time(entry.entry_at)} UTC)", style="dim")
    if not entry.complete:
        heading.append(" – a part of it is missing, see below", style="red")
    return heading


def _author(author: str) -> str:
    kind, _, name = author.partition(":")
    return name if kind == "member" else f"the service ({name})"


def verdict(out: Console, number: int, findings: Sequence[Finding], *, first_reading: bool) -> None:
    """What the check of a diary found, in one sentence and a list."""
    serious = [finding for finding in findings if finding.serious]
    count = "1 entry" if number == 1 else f"{number} entries"
    if serious:
        text = f"{count}, and something about this diary is not as it should be:"
        out.print(Text(text, style="bold red"), soft_wrap=True)
    else:
        text = f"Checked, {count}: authors, order and seals are right"
        if not first_reading:
            text += ", and nothing that this desk saw before is missing"
        out.print(Text(f"{text}.", style="green"), soft_wrap=True)
    if first_reading:
        out.print(
            "This desk read it for the first time: whether newer entries were deleted shows from now on."
        )
    findings_of(out, findings)


def findings_of(out: Console, findings: Sequence[Finding]) -> None:
    """Each finding with what it means."""
    for finding in findings:
        style = "red" if finding.serious else "yellow"
        out.print(Text.assemble((f"  {finding.code}: ", style), visible(finding.says)), soft_wrap=True)
        out.print(Text.assemble("    ", visible(finding.means)), soft_wrap=True)


def _pairs(out: Console, pairs: Iterable[tuple[str, Text]]) -> None:
    for name, value in pairs:
        out.print(Text.assemble(f"  {name:<20}", value), soft_wrap=True)


def _behind_bar(out: Console, words: Text) -> None:
    """Each line behind a bar. On a terminal we break the lines ourselves, so that what is broken is barred too."""
    bar = ("  │ ", "dim")
    lines = (
        words.wrap(out, max(20, out.width - 6)) if out.is_terminal else words.split("\n", allow_blank=True)
    )
    for line in lines:
        out.print(Text.assemble(bar, line), soft_wrap=True)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")

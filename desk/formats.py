r"""A diary as Markdown or JSON, for a member who has a use for it beside the terminal.

What anybody said stands in Markdown only as code, where no renderer makes a link, an image, a mention or HTML of
it; what a terminal or the reading direction would obey is shown as ``\x1b``. JSON keeps the words exactly, in ASCII.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any

from desk.card_changes import card_changes, file_of
from desk.show import visible
from integration import risk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from desk.served import ServedIncident
    from integration.diary.contents import Diary, Entry
    from integration.diary.findings import Finding
    from integration.diary.frame import Card


def markdown(
    incident: ServedIncident, diary: Diary, entries: Sequence[Entry], findings: Sequence[Finding]
) -> str:
    """The diary as a Markdown page. All of it was checked; ``findings`` stand at the end."""
    lines = [
        f"# {incident.code_name}",
        "",
        f"- Type: {incident.type.value}",
        f"- Stage: {incident.stage.value}",
        f"- Impact \\* Likelihood: {_plain(risk.in_words(incident.impact, incident.likelihood))}",
        f"- Lead: {code(incident.lead or '–')}",
        f"- Secondary: {code(incident.secondary or '–')}",
        f"- Ticket: {code(incident.ticket_url or 'not open yet')}",
        f"- Opened: {_time(incident.opened_at)}",
    ]
    if (card := diary.card) is not None:
        lines += [
            "",
            "## Card",
            "",
            f"- Reporter: {code(card.reporter.reveal())}",
            f"- Subject: {code(card.subject.reveal())}",
            f"- Type: {code(card.type)}",
            f"- Summary: {code(card.summary.reveal())}",
        ]
    changes = card_changes(diary.entries)
    for entry in entries:
        lines += [
            "",
            f"## Entry {entry.seq}: {entry.content.value}",
            "",
            f"- By: {code(entry.author)}",
            f"- Happened: {_time(entry.event_at)}",
            f"- Written: {_time(entry.entry_at)}",
            *([] if entry.complete else ["- **A part of it is missing.**"]),
            *(
                f"- {one.name} is now {code(one.after)} and was {code(one.before)}"
                for one in changes.get(entry.seq, ())
            ),
            *_words(entry, incident.code_name),
        ]
    lines += ["", "## Check", ""]
    lines += [
        f"- {'**' if one.serious else ''}{one.code}{'**' if one.serious else ''}: {code(f'{one.says} {one.means}')}"
        for one in findings
    ] or ["Authors, order and seals are right."]
    return "\n".join(lines) + "\n"


def _words(entry: Entry, code_name: str) -> list[str]:
    described = file_of(entry)
    if described is not None:
        how = f"coc diary fetch {code_name} {entry.seq} --output FILE"
        return [f"- File: {code(described.name.reveal())}, {described.size:,} bytes; fetch it with `{how}`"]
    return ["", *_fenced(entry.body.reveal())] if entry.body.reveal().strip() else []


def as_json(
    incident: ServedIncident, diary: Diary, entries: Sequence[Entry], findings: Sequence[Finding]
) -> str:
    """The diary as one JSON object in ASCII, with the words exactly as they were written."""
    card = diary.card
    content: dict[str, Any] = {
        "version": 1,
        "incident": {
            "id": incident.id,
            "code_name": incident.code_name,
            "type": incident.type.value,
            "stage": incident.stage.value,
            "impact": incident.impact,
            "likelihood": incident.likelihood,
            "lead": incident.lead,
            "secondary": incident.secondary,
            "ticket": incident.ticket,
            "ticket_url": incident.ticket_url,
            "opened_at": _time(incident.opened_at),
        },
        "head": {"seq": diary.head.seq, "part": diary.head.part, "link": diary.head.link},
        "card": _card(card),
        "entries": [
            {
                "seq": entry.seq,
                "content": entry.content.value,
                "author": entry.author,
                "event_at": _time(entry.event_at),
                "entry_at": _time(entry.entry_at),
                "epoch": entry.epoch,
                "complete": entry.complete,
                "card": _card(entry.card),
                "body": entry.body.reveal(),
            }
            for entry in entries
        ],
        "findings": [
            {
                "code": one.code,
                "comment": None if one.comment is None else str(one.comment),
                "says": one.says,
                "means": one.means,
                "serious": one.serious,
            }
            for one in findings
        ],
    }
    # DEL is ASCII, so json leaves it as it is; it can only stand inside a string.
    return json.dumps(content, indent=1, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n"


def _card(card: Card | None) -> dict[str, str] | None:
    if card is None:
        return None
    return {
        "reporter": card.reporter.reveal(),
        "subject": card.subject.reveal(),
        "summary": card.summary.reveal(),
        "type": card.type,
    }


def code(words: str) -> str:
    """A code span of one line. https://spec.commonmark.org/0.31.2/#code-spans."""
    shown = visible(words).plain
    if not shown.strip():
        return "–"
    ticks = "`" * (_longest_run(shown) + 1)
    return f"{ticks} {shown} {ticks}"


def _fenced(words: str) -> list[str]:
    """A code block that ends only where we end it. https://spec.commonmark.org/0.31.2/#fenced-code-blocks."""
    shown = visible(words, lines=True).plain
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{fence}text", *shown.split("\n"), fence]


def _longest_run(words: str) -> int:
    return max((len(run) for run in re.findall("`+", words)), default=0)


def _plain(words: str) -> str:
    return words.replace("*", "\\*")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The words that stand on GitHub: bodies of ticket and sub-issues, comments, and our markers in them.

A marker is an HTML comment on a line of its own, by which we find again what we wrote:
``<!-- coc:v1 inc_… -->`` on a ticket, ``<!-- coc:v1 inc_… step=alert -->`` on a sub-issue. Text of the
team's process file is shown as it is written: it can neither mention, link nor imitate a marker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.incident import IncidentId
from integration.process import StepKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, StepView

MAX_COMMENT = 65_536
"""Characters in a body or a comment, as GitHub's own error text says."""

_MARKER = re.compile(
    r"^<!-- coc:v1 (?P<incident>inc_[a-z2-7]{26})(?: step=(?P<step>[a-z][a-z0-9-]{0,38}))? -->[ \t]*\r?$",
    re.MULTILINE,
)
_JOINER = "\N{WORD JOINER}"  # invisible, and GitHub sees no mention, link or reference across it
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()|~$])")
_LINE_START = re.compile(r"^([ \t]*\d*)([#+=.-])", re.MULTILINE)
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto)(?=:)|\bwww(?=\.)|\bgh(?=-\d)")


@dataclass(frozen=True, slots=True)
class Marker:
    """What a body says it belongs to. ``step`` is ``None`` on the ticket itself."""

    incident: IncidentId
    step: StepKey | None


def marker(incident: IncidentId, step: StepKey | None = None) -> str:
    """The line by which a ticket or a sub-issue is found again."""
    return f"<!-- coc:v1 {incident}{f' step={step}' if step is not None else ''} -->"


def find_marker(body: object) -> Marker | None:
    """The marker of a body: the last line that is one, since ours stands at the end."""
    if not isinstance(body, str):
        return None
    found = list(_MARKER.finditer(body))
    if not found:
        return None
    step = found[-1]["step"]
    return Marker(IncidentId(found[-1]["incident"]), StepKey(step) if step is not None else None)


def plain(text: str) -> str:
    """Text that GitHub shows as it is: no Markdown, HTML, mention, reference or link comes of it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKDOWN.sub(r"\\\1", text)
    text = _LINE_START.sub(r"\1\\\2", text)
    return _apart(text)


def plain_title(text: str) -> str:
    """A title on one line. GitHub shows titles without Markdown, but references in them would link."""
    return _apart(" ".join(text.split()))


def _apart(text: str) -> str:
    text = text.replace("@", "@" + _JOINER).replace("#", "#" + _JOINER)
    return _LINK.sub(lambda found: found[0] + _JOINER, text)


def ticket_body(view: MirrorView) -> str:
    """The ticket's own text: what it is, where things stand, and our marker."""
    return (
        f"The Code of Conduct team works on **{plain(view.code_name)}** here.\n\n"
        "The labels or fields show where it stands, the sub-issues what is done and what is next. The comments are the "
        "diary: it is encrypted, and members who are cleared for it read and write it at their desk.\n\n"
        "Please write nothing about people into this ticket: everybody who can open it could read it, and GitHub "
        "keeps it and mails it.\n\n"
        f"{marker(view.incident)}\n"
    )


def step_body(view: MirrorView, step: StepView) -> str:
    """A sub-issue's text: guidance, when it should be done, and our marker."""
    return (
        f"{plain(step.guidance)}\n\n"
        f"Due {step.due_at:%Y-%m-%d %H:%M} UTC\n\n"
        f"{marker(view.incident, step.key)}\n"
    )


def says(found: object, wanted: str) -> bool:
    """Whether a body is what we wrote, however GitHub's page ends its lines."""
    return isinstance(found, str) and found.split() == wanted.split()


def reopened_word(view: MirrorView, unfinished: Sequence[StepView]) -> str:
    """What is said on a ticket that was closed too early: which steps are still open, and nothing else."""
    numbers = {step.key: number for number, step in enumerate(view.steps, 1)}
    listed = "".join(f"- {numbers[step.key]}: {plain(' '.join(step.title.split()))}\n" for step in unfinished)
    return (
        f"This ticket was opened again, because these steps are neither done nor skipped:\n\n{listed}\n"
        "Close each of them, as not planned if it is not needed; then close the ticket.\n"
    )


def comment_body(comment: SealedComment) -> str:
    """A diary comment: one sentence for people, and the sealed text in a fence."""
    part = f", part {comment.id.part} of {comment.parts}" if comment.parts > 1 else ""
    longest = max((len(run) for run in re.findall("`+", comment.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return (
        f"**Diary, entry {comment.id.seq}{part}: encrypted. Members who are cleared read it at their desk.**\n\n"
        f"{fence}text\n{comment.text.rstrip()}\n{fence}\n"
    )

"""Text in Jira Cloud's own format (ADF), both ways.

Everything goes in as plain text nodes without marks, so that wiki markup, an ADF look-alike or an
``@mention`` in a text stays the characters it is. Ciphertext stands in a code block, the one node whose
text Jira neither renders nor rewrites; :func:`code_texts` gets it out again.
https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integration.mirror import StepView
    from integration.text import PublicText, SealedText

Node = dict[str, Any]

DIARY_LINE = "A part of the encrypted diary; cleared members read it with the coc command."
_CLOSED_TOO_EARLY = "This ticket was closed while steps of the process are open, so it was opened again. Do these steps, or skip them:"
_SHOWN = ("text", "title", "url", "alt", "timestamp", "id")
"""Attributes by which nodes without text show something; the first of them counts."""
_ACCOUNT = re.compile(r"[A-Za-z0-9:_-]{1,128}\Z")
_WORKPLACE = (
    "The team works on this ticket by its fields and sub-tasks. "
    "What was reported is not written here: it is in the encrypted diary, in the comments below."
)


def ticket_description() -> Node:
    """What the parent ticket says of itself: the same sentences on every ticket."""
    return _document(*_paragraphs(_WORKPLACE))


def step_description(step: StepView) -> Node:
    """A sub-task's guidance and the time it is due, in UTC."""
    due = step.due_at.astimezone(UTC)
    return _document(*_paragraphs(step.guidance), *_paragraphs(f"Due: {due:%Y-%m-%d %H:%M} UTC"))


def says(document: object, wanted: Node) -> bool:
    """Whether a document says the same words as another; Jira may shape it its own way."""
    return all_text(document).split() == all_text(wanted).split()


def diary_comment(sealed: SealedText) -> Node:
    """One sealed part of a diary: a sentence for people, then the ciphertext in a code block."""
    return _document(
        *_paragraphs(DIARY_LINE), {"type": "codeBlock", "content": [{"type": "text", "text": sealed}]}
    )


def closed_too_early(unfinished: Sequence[StepView], numbers: Sequence[int]) -> Node:
    """The word on a ticket that was closed while steps are unfinished: their numbers and titles, and nothing else."""
    steps = (f"{number}. {step.title}" for number, step in zip(numbers, unfinished, strict=True))
    return _document(*_paragraphs(_CLOSED_TOO_EARLY), *(node for line in steps for node in _paragraphs(line)))


def is_id(account: str) -> bool:
    """Whether this can be an account's id, and may stand in a sentence of ours."""
    return _ACCOUNT.match(account) is not None


def code_texts(document: object) -> str:
    """The text of all code blocks of an ADF document, a blank line between them; empty if there are none.

    The document comes from the host and may be anything: what is not as the format says is passed over.
    """
    return "\n\n".join(
        "".join(
            "\n" if part.get("type") == "hardBreak" else text
            for part in children(node)
            if isinstance(text := part.get("text", ""), str)
        )
        for node in walk(document)
        if node.get("type") == "codeBlock"
    )


def all_text(document: object) -> str:
    """All that an ADF document says, each block on lines of its own, also where somebody made paragraphs of the code.

    A mention, status, card or picture says something too, and holds no text; of a link its address is said. This is for
    recognising what is ours; what is to be kept of a comment that is deleted, :mod:`integration.jira.said` gives.
    """
    pieces: list[str] = []
    for node in walk(document):
        said = node.get("text")
        pieces.append(said if isinstance(said, str) else "" if node.get("type") == "text" else "\n")
        pieces += [word for word in in_attributes(node) if word != said]
    return "".join(pieces)


def in_attributes(node: Node) -> Iterator[str]:
    """What a node shows that stands in its attributes, and the addresses of its links."""
    marks = node.get("marks")
    links = [mark for mark in marks if isinstance(mark, dict)] if isinstance(marks, list) else []
    for one, names in ((node, _SHOWN), *((link, ("href",)) for link in links)):
        attrs = one.get("attrs")
        values = [attrs.get(name) for name in names] if isinstance(attrs, dict) else []
        said = next((value for value in values if isinstance(value, str) and value), None)
        if said is not None:
            yield said if one is node else f" {said}"


def _paragraphs(text: PublicText | str) -> Iterator[Node]:
    """A paragraph per line: a line break inside a text node would not be shown. An empty node is not allowed."""
    for line in text.splitlines():
        if line.strip():
            yield {"type": "paragraph", "content": [{"type": "text", "text": line.strip()}]}


def _document(*nodes: Node) -> Node:
    return {"type": "doc", "version": 1, "content": list(nodes)}


def walk(document: object) -> Iterator[Node]:
    """Every node in reading order, without recursion: a host's answer decides the depth."""
    waiting: list[object] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(children(node)))


def children(node: Node) -> list[Node]:
    """The nodes in a node; what else stands there is passed over."""
    content = node.get("content")
    return [child for child in content if isinstance(child, dict)] if isinstance(content, list) else []

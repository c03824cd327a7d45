"""What a plain comment says, so that it may be deleted: words that a member can read, and beneath them what they do not carry.

Struck-out words, a task that is done, a card, a picture's file: an ADF document says more than its text. Unless it is
paragraphs of text and nothing else, the document itself stands beneath the words, whatever nodes and marks Jira may think
of. https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from integration.diary.comment import lines_of
from integration.jira.text import children, in_attributes, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.jira.text import Node

BENEATH: Final = "Not all of this is plain text. As Jira kept it:"
"""The line between the words and the document."""

_PLAIN = frozenset({"doc", "paragraph", "text", "hardBreak"})
_OF_A_BLOCK = frozenset({"codeBlock"})
"""The words that were added to a diary comment may stand in its own code block."""
_SHAPES = (
    _PLAIN
    | _OF_A_BLOCK
    | {"blockquote", "panel", "heading", "bulletList", "orderedList", "listItem"}
    | {"table", "tableRow", "tableCell", "tableHeader", "expand", "nestedExpand"}
)
"""Nodes that say nothing by themselves, but for what :func:`integration.jira.text.all_text` gives."""
_ADDED_BY_JIRA = frozenset({"localId"})
_SHAPING = (
    _ADDED_BY_JIRA
    | {"language", "level", "order", "panelType", "colspan", "rowspan", "colwidth", "background"}
    | {"layout", "width", "isNumberColumnEnabled", "text", "title"}
)
"""Their attributes that say nothing, or stand in that text."""
_INLINE = frozenset({"text", "mention", "emoji", "date", "status", "inlineCard", "mediaInline"})
_AROUND = {"strike": "~~", "code": "`"}
_RAISED = {"sub": "~", "sup": "^"}
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What neither a line nor UTF-8 can hold."""


class _Piece(str):
    """A piece of JSON that is written already."""

    __slots__ = ()


def whole(document: object) -> str:
    """All that a comment without a diary block says."""
    return _with_document(words(document), document, _PLAIN)


def whole_beside(document: object, lines: list[str], is_ours: Callable[[str], bool]) -> str:
    """All that somebody added to a diary comment; empty if nothing.

    Args:
        document: the comment.
        lines: its lines that are not the diary's.
        is_ours: whether a line is the diary's.
    """
    if not lines and all(_is_shape(node) for node in walk(document)):
        return ""
    return _with_document("\n".join(lines), _without(document, is_ours), _PLAIN | _OF_A_BLOCK)


def _with_document(said: str, document: object, plain: frozenset[str]) -> str:
    said = said.strip()
    if document is None or _is_plain(document, plain):
        return said
    return f"{said}\n\n{BENEATH}\n{_compact(document)}".lstrip()


def words(document: object) -> str:
    """The text of a document as a member can read it: lists with their marks, and text with those that change its meaning."""
    pieces: list[str] = []
    waiting: list[tuple[object, str]] = [(document, "")]
    while waiting:
        node, opening = waiting.pop()
        if isinstance(node, dict):
            said = node.get("text") if isinstance(node.get("text"), str) else None
            pieces += [opening, "" if said is None else _marked(node, said)]
            pieces += [word for word in in_attributes(node) if word != said]
            waiting += reversed(list(_openings(node)))
    return "".join(pieces)


def _openings(parent: Node) -> Iterator[tuple[Node, str]]:
    """The nodes in one, each with what is written before it."""
    kind = _kind(parent)
    for number, child in enumerate(children(parent)):
        attrs = child.get("attrs")
        if _kind(child) in {"taskItem", "blockTaskItem"}:
            done = isinstance(attrs, dict) and attrs.get("state") == "DONE"
            yield child, "\n[x] " if done else "\n[ ] "
        elif _kind(child) == "listItem":
            yield child, f"\n{_first_number(parent) + number}. " if kind == "orderedList" else "\n- "
        elif _kind(child) in _INLINE or (kind in {"listItem", "blockTaskItem"} and not number):
            yield child, ""
        else:
            yield child, "\n"


def _first_number(ordered: Node) -> int:
    attrs = ordered.get("attrs")
    order = attrs.get("order") if isinstance(attrs, dict) else None
    return order if isinstance(order, int) else 1


def _marked(node: Node, said: str) -> str:
    for mark in _marks(node):
        kind, attrs = _kind(mark), mark.get("attrs")
        sign = _AROUND.get(kind, "")
        if kind == "subsup":
            sign = _RAISED.get(str(attrs.get("type")) if isinstance(attrs, dict) else "", "")
        said = f"{sign}{said}{sign}"
    return said


def _kind(node: Node) -> str:
    return str(node.get("type"))


def _marks(node: Node) -> list[Node]:
    marks = node.get("marks")
    return [one for one in marks if isinstance(one, dict)] if isinstance(marks, list) else []


def _is_shape(node: Node) -> bool:
    attrs = node.get("attrs", {})
    return (
        _kind(node) in _SHAPES
        and isinstance(node.get("content", []), list)
        and isinstance(attrs, dict)
        and attrs.keys() <= _SHAPING
    )


def _is_plain(document: object, kinds: frozenset[str]) -> bool:
    """Whether there is nothing in a document but text without marks, in nodes of these kinds."""
    return isinstance(document, dict) and all(_is_plain_node(node, kinds) for node in walk(document))


def _is_plain_node(node: Node, kinds: frozenset[str]) -> bool:
    content, attrs = node.get("content", []), node.get("attrs", {})
    added = _ADDED_BY_JIRA | ({"language"} if _kind(node) in _OF_A_BLOCK else set())
    return (
        _kind(node) in kinds
        and node.keys() <= {"type", "version", "content", "text", "attrs", "marks"}
        and isinstance(content, list)
        and all(isinstance(one, dict) for one in content)
        and isinstance(node.get("text", ""), str)
        and ("text" in node) == (_kind(node) == "text")
        and not node.get("marks")
        and isinstance(attrs, dict)
        and (attrs.keys() <= added or (_kind(node) == "hardBreak" and attrs == {"text": "\n"}))
    )


def _without(document: object, is_ours: Callable[[str], bool]) -> object:
    """A copy of a document without the lines that are the diary's."""
    if not isinstance(document, dict):
        return document
    copies: list[Node] = []
    waiting: list[tuple[Node, list[Node]]] = [(document, copies)]
    while waiting:
        node, among = waiting.pop()
        copy = dict(node)
        if isinstance(said := node.get("text"), str):
            kept = [line for line in lines_of(said) if not is_ours(line)]
            if not kept and said:
                continue
            copy["text"] = "\n".join(kept)
        among.append(copy)
        if inner := children(node):
            inside: list[Node] = []
            copy["content"] = inside
            waiting += [(child, inside) for child in reversed(inner)]
    return copies[0] if copies else None


def _compact(value: object) -> str:
    """JSON on one line, always the same for the same document; without recursion, since a host's answer decides the depth."""
    pieces: list[str] = []
    waiting: list[object] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Piece):
            pieces.append(one)
        elif isinstance(one, dict):
            inner = [
                piece
                for key in sorted(one.keys() - _ADDED_BY_JIRA)  # which may be another at each reading
                for piece in (_Piece(","), _Piece(_quoted(key) + ":"), one[key])
            ]
            waiting += reversed([_Piece("{"), *inner[1:], _Piece("}")])
        elif isinstance(one, list):
            inner = [piece for item in one for piece in (_Piece(","), item)]
            waiting += reversed([_Piece("["), *inner[1:], _Piece("]")])
        else:
            pieces.append(_quoted(one))
    return "".join(pieces)


def _quoted(value: object) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(value, ensure_ascii=False))

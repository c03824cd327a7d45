"""Atlassian Document Format: what Jira Cloud's API version 3 takes and gives for every long text.

The vendor's API description leaves documents untyped, so the stand-in and the contract checker both look
here. https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST = 60

_INLINE = frozenset(
    [
        "text",
        "hardBreak",
        "mention",
        "emoji",
        "date",
        "status",
        "inlineCard",
        "mediaInline",
    ]  # what stands in a line
)
_LIST = frozenset({"listItem"})
_BLOCK = frozenset(
    [
        "paragraph",
        "heading",
        "bulletList",
        "orderedList",
        "codeBlock",
        "blockquote",
        "panel",
        "rule",
        "table",
        "expand",
        "mediaSingle",
        "mediaGroup",
        "blockCard",
        "taskList",
        "decisionList",
    ]
)
_CHILDREN: dict[str, frozenset[str]] = {
    "doc": _BLOCK,
    "paragraph": _INLINE,
    "heading": _INLINE,
    "bulletList": _LIST,
    "orderedList": _LIST,
    "listItem": frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"}),
    "codeBlock": frozenset({"text"}),
    "blockquote": frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"}),
    "panel": frozenset({"paragraph", "heading", "bulletList", "orderedList", "codeBlock"}),
    "expand": _BLOCK,
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableCell", "tableHeader"}),
    "tableCell": _BLOCK,
    "tableHeader": _BLOCK,
    "mediaSingle": frozenset({"media"}),
    "mediaGroup": frozenset({"media"}),
    "taskList": frozenset({"taskItem", "taskList"}),
    "taskItem": _INLINE,
    "decisionList": frozenset({"decisionItem"}),
    "decisionItem": _INLINE,
}
_LEAVES = _INLINE | {"rule", "media", "blockCard"}
_MARKS = frozenset(
    ["strong", "em", "underline", "strike", "code", "link", "subsup", "textColor", "backgroundColor"]
)
_NEEDED: Mapping[str, Mapping[str, type]] = {
    "heading": {"level": int},
    "panel": {"panelType": str},
    "mention": {"id": str},
    "emoji": {"shortName": str},
    "date": {"timestamp": str},
}
"""Attributes without which Jira refuses the node."""


def adf_problems(document: object) -> list[str]:
    """What is wrong with a document, one sentence each; nothing if Jira would take it.

    The sentences name nodes and places, never the text in them.
    """
    if not isinstance(document, dict) or document.get("type") != "doc":
        return ["an Atlassian document is an object of type doc"]
    if document.get("version") != 1 or isinstance(document.get("version"), bool):
        return ["a document has version 1"]
    problems = list(_unknown(document, {"type", "version", "content"}, "doc"))
    if not isinstance(document.get("content"), list):
        return [*problems, "a document has a list named content"]
    return [*problems, *_children(document, "doc", 0)]


def plain_length(node: object) -> int:
    """How many characters of text a document holds, one for each line between blocks.

    How Jira itself counts against its limit is not documented; this is its lower bound.
    """
    return len(plain_text(node))


def plain_text(node: object) -> str:
    """The text of a document as a person sees it, block by block."""
    if not isinstance(node, dict):
        return ""
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    parts = [plain_text(child) for child in node.get("content", [])]
    inline = kind in {"paragraph", "heading", "codeBlock", "taskItem", "decisionItem"}
    return ("" if inline else "\n").join(parts)


def _children(node: Mapping[str, Any], kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"nodes are nested more than {_DEEPEST} deep"
        return
    for child in node["content"]:
        if not isinstance(child, dict) or not isinstance(child.get("type"), str):
            yield f"in {kind} stands something that is not a node"
            continue
        name = child["type"]
        if name not in _CHILDREN and name not in _LEAVES:
            yield f"{name[:40]!r} is not a node Jira knows"
        elif name not in _CHILDREN[kind]:
            yield f"{name} cannot stand in {kind}"
        else:
            yield from _node(child, name, depth + 1)


def _node(node: Mapping[str, Any], name: str, depth: int) -> Iterator[str]:
    if name == "text":
        yield from _text(node)
        return
    yield from _unknown(node, {"type", "attrs", "content", "marks"}, name)
    attrs = node.get("attrs", {})
    if not isinstance(attrs, dict):
        yield f"the attrs of {name} must be an object"
        return
    for key, kind in _NEEDED.get(name, {}).items():
        if not isinstance(attrs.get(key), kind):
            yield f"{name} needs the attribute {key}"
    if name in _LEAVES:
        if "content" in node:
            yield f"{name} has no content"
    elif "content" in node:
        if isinstance(node["content"], list):
            yield from _children(node, name, depth)
        else:
            yield f"the content of {name} must be a list"
    elif name not in {"paragraph", "heading", "codeBlock", "taskItem", "decisionItem"}:
        yield f"{name} needs content"


def _text(node: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(node, {"type", "text", "marks"}, "text")
    if not isinstance(node.get("text"), str) or not node["text"]:
        yield "a text node has a text that is not empty"
    marks = node.get("marks", [])
    if not isinstance(marks, list):
        yield "the marks of a text must be a list"
        return
    for mark in marks:
        if not isinstance(mark, dict) or mark.get("type") not in _MARKS:
            yield "a text has a mark that Jira does not know"


def _unknown(node: Mapping[str, Any], known: set[str], name: str) -> Iterator[str]:
    for key in node:
        if key not in known:
            yield f"{name} has the unknown entry {key[:40]!r}"

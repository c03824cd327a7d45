"""Atlassian documents: what is taken, what is refused, and how their text is counted."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.adf import adf_problems, plain_length, plain_text


def document(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(nodes)}


def paragraph(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(nodes)}


def text(words: str, **more: object) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


ITEM = {"type": "listItem", "content": [paragraph(text("x"))]}


@pytest.mark.parametrize(
    "right",
    [
        document(),
        document({"type": "paragraph"}),
        document(paragraph(text("x", marks=[{"type": "strong"}]), {"type": "hardBreak"}, text("y"))),
        document({"type": "codeBlock", "attrs": {"language": "text"}, "content": [text("x")]}),
        document({"type": "bulletList", "content": [ITEM]}, {"type": "rule"}),
        document({"type": "heading", "attrs": {"level": 2}, "content": [text("x")]}),
        document({"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(text("x"))]}),
    ],
)
def test_what_jira_takes_has_no_problem(right: dict[str, Any]) -> None:
    assert adf_problems(right) == []


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("text", "is an object of type doc"),
        ({"type": "doc", "version": True, "content": []}, "has version 1"),
        (document(text("x")), "text cannot stand in doc"),
        (document({"type": "bulletList", "content": [paragraph()]}), "paragraph cannot stand in bulletList"),
        (document({"type": "bulletList"}), "bulletList needs content"),
        (document(paragraph(text(""))), "a text that is not empty"),
        (document(paragraph(text("x", color="red"))), "unknown entry 'color'"),
        (document(paragraph(text("x", marks=[{"type": "blink"}]))), "a mark that Jira does not know"),
        (document(paragraph({"type": "mention", "attrs": {}})), "mention needs the attribute id"),
        (document(paragraph({"type": "hardBreak", "content": []})), "hardBreak has no content"),
        (document({"type": "paragraph", "content": "x"}), "must be a list"),
        (document({"type": "paragraph", "attrs": []}), "must be an object"),
        (document({"kind": "paragraph"}), "not a node"),
    ],
)
def test_what_jira_refuses_is_named(wrong: object, complaint: str) -> None:
    problems = adf_problems(wrong)
    assert [complaint in problem for problem in problems] == [True], problems


def test_very_deep_documents_are_refused() -> None:
    node = paragraph()
    for _ in range(100):
        node = {"type": "expand", "content": [node]}
    assert "deep" in adf_problems(document(node))[0]


def test_problems_never_repeat_the_text() -> None:
    secret = "x7-never-repeated"
    wrong = document(
        paragraph(text(secret, marks=[{"type": secret}])), {"type": "rule", "content": [text(secret)]}
    )
    assert len(adf_problems(wrong)) == 2
    assert secret not in " ".join(adf_problems(wrong))


def test_text_is_counted_line_by_line() -> None:
    two = document(
        paragraph(text("ab"), {"type": "hardBreak"}, text("c")),
        {"type": "codeBlock", "content": [text("d\ne")]},
    )
    assert plain_text(two) == "ab\nc\nd\ne"
    assert plain_length(two) == 8

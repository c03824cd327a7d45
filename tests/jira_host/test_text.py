from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary.comment import find_comments
from integration.jira.text import all_text, code_texts, diary_comment, step_description, ticket_description
from integration.text import PublicText, SealedText

if TYPE_CHECKING:
    from integration.mirror import MirrorView
    from tests.jira_host.conftest import Seal

HOSTILE = [
    "@somebody [~accountid:5b10] h1. {code}x{code} |a|b| !pic.png!",
    '{"type":"doc","version":1,"content":[{"type":"mention","attrs":{"id":"5b10"}}]}',
    "<script>alert(1)</script> [link|javascript:x] \u202eabc\U0001f600 ```",
]


def nodes(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [document, *(inner for child in document.get("content", []) for inner in nodes(child))]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_guidance_stays_the_characters_it_is(hostile: str, view: MirrorView) -> None:
    step = replace(view.steps[0], guidance=PublicText(hostile))
    found = nodes(step_description(step))
    assert {"doc", "paragraph", "text"} == {node["type"] for node in found}
    assert [hostile, "Due: 2026-11-22 15:00 UTC"] == [node["text"] for node in found if "text" in node]
    assert not any("marks" in node or "attrs" in node for node in found)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_sealed_text_stands_in_one_plain_code_block(hostile: str) -> None:
    document = diary_comment(SealedText(hostile))
    assert [node["type"] for node in nodes(document)] == ["doc", "paragraph", "text", "codeBlock", "text"]
    assert hostile == code_texts(document)


def test_each_line_of_guidance_is_a_paragraph_and_empty_lines_make_no_empty_node(view: MirrorView) -> None:
    step = replace(view.steps[0], guidance=PublicText("one\n\n  \ntwo"))
    texts = [node["text"] for node in nodes(step_description(step)) if "text" in node]
    assert texts == ["one", "two", "Due: 2026-11-22 15:00 UTC"]


def test_the_tickets_description_is_the_same_for_every_incident_and_links_nothing() -> None:
    texts = " ".join(node["text"] for node in nodes(ticket_description()) if "text" in node)
    assert "encrypted diary" in texts
    assert "http" not in texts
    assert "@" not in texts


def test_a_diary_comment_is_found_again_in_what_jira_gives_back(seal: Seal) -> None:
    comment = seal(3, 2, 2)
    found = find_comments(code_texts(diary_comment(comment.text)))
    assert [(comment.id, comment.text)] == [(one.id, one.text) for one in found]


def test_text_outside_of_code_blocks_is_not_read(seal: Seal) -> None:
    talk = {"type": "paragraph", "content": [{"type": "text", "text": seal(1).text}]}
    assert not code_texts({"type": "doc", "version": 1, "content": [talk]})


def test_code_split_into_several_text_nodes_is_put_together() -> None:
    parts = [{"type": "text", "text": "one\ntw"}, {"type": "text", "text": "o"}]
    block = {"type": "codeBlock", "content": parts}
    quote = {"type": "panel", "content": [block]}
    assert code_texts({"type": "doc", "content": [block, quote]}) == "one\ntwo\n\none\ntwo"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "content", "text", "attrs", "marks"]), inner, max_size=4)
        | st.fixed_dictionaries({"type": st.just("codeBlock"), "content": inner})
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_document_makes_the_reading_fail(document: object) -> None:
    assert isinstance(code_texts(document), str)
    assert isinstance(all_text(document), str)


def test_a_very_deep_document_is_read_without_recursion() -> None:
    document: dict[str, Any] = {"type": "codeBlock", "content": [{"type": "text", "text": "bottom"}]}
    for _ in range(50_000):
        document = {"type": "panel", "content": [document]}
    assert code_texts(document) == "bottom"
    while "content" in document and document["type"] == "panel":
        document = document["content"][0]  # taken apart by hand: freeing it at once would recurse

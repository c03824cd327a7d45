"""A plain comment is deleted for good once it is sealed, so nothing of it may be missing from what is sealed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.jira.comments import sort_comments
from integration.jira.said import BENEATH, whole
from integration.jira.text import diary_comment
from tests.jira_host.conftest import INCIDENT

if TYPE_CHECKING:
    from integration.jira.comments import Comments
    from tests.jira_host.conftest import Seal


def doc(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def line(*content: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "paragraph", **more, "content": list(content)}


def text(words: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"marks": list(marks)} if marks else {})}


def sorted_out(body: object) -> Comments:
    one = {
        "id": "1",
        "body": body,
        "author": {"accountId": "robert"},
        "updateAuthor": {"accountId": "robert"},
        "created": "2026-11-22T14:00:00.000+0000",
    }
    return sort_comments([one], INCIDENT, lambda: "bot")


def sealed(body: object) -> str:
    (plain,) = sorted_out(body).plain
    return plain.text.reveal()


def beneath(said: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(said.partition(f"{BENEATH}\n")[2])


STRIKE, CODE = {"type": "strike"}, {"type": "code"}
TASK: dict[str, Any] = {
    "type": "taskItem",
    "attrs": {"localId": "2", "state": "DONE"},
    "content": [text("told the venue")],
}
OTHERS: list[dict[str, Any]] = [
    {"type": "blockCard", "attrs": {"data": {"name": "Statement of Noah", "url": "https://x.example/noah"}}},
    {
        "type": "mediaSingle",
        "content": [{"type": "media", "attrs": {"type": "file", "id": "att-77", "alt": "image.png"}}],
    },
    {"type": "rule"},
    {"type": "invented", "said": "Noah"},
    {"type": "extension", "attrs": {"parameters": {"macro": ["Noah"]}}},
    line(text("Noah", {"type": "annotation", "attrs": {"id": "7"}})),
    line({"type": "text", "text": 7}),
    {"type": "paragraph", "content": "Noah"},
    {"type": "paragraph", "content": ["Noah"]},
    {"type": "codeBlock", "attrs": {"language": "noah"}, "content": [text("x = 1")]},
]


def test_what_jira_may_make_anew_at_each_reading_changes_nothing() -> None:
    """Otherwise a comment would say something else each time, and never be deleted."""
    again = {**TASK, "attrs": {**TASK["attrs"], "localId": "another"}}
    assert sealed(doc({"type": "taskList", "content": [TASK]})) == sealed(
        doc({"type": "taskList", "content": [again]})
    )


def test_words_that_were_struck_out_are_not_read_as_said() -> None:
    body = doc(line(text("It was Ada", STRIKE), text(" It was Bob")))
    said = sealed(body)
    assert said.startswith(f"~~It was Ada~~ It was Bob\n\n{BENEATH}\n")
    assert body == beneath(said)


def test_a_task_shows_whether_it_is_done() -> None:
    open_one = {**TASK, "attrs": {"localId": "3", "state": "TODO"}}
    said = sealed(doc({"type": "taskList", "attrs": {"localId": "1"}, "content": [TASK, open_one]}))
    assert "[x] told the venue\n[ ] told the venue" in said
    assert '"state":"DONE"' in said


def test_lists_and_marks_that_change_the_meaning_can_be_read() -> None:
    raised = text("2", {"type": "subsup", "attrs": {"type": "sup"}})
    lowered = text("2", {"type": "subsup", "attrs": {"type": "sub"}})
    item = {
        "type": "listItem",
        "content": [line(text("x"), raised, text("H"), lowered, text("rm", CODE))],
    }
    said = sealed(
        doc(
            {"type": "orderedList", "attrs": {"order": 3}, "content": [item, item]},
            {"type": "bulletList", "content": [item]},
        )
    )
    one = "x^2^H~2~`rm`"
    assert f"3. {one}\n4. {one}\n\n- {one}" == said.partition(f"\n\n{BENEATH}")[0]


def test_who_is_mentioned_stays_in_the_line() -> None:
    mention = {"type": "mention", "attrs": {"id": "5b10", "text": "@Noah"}}
    assert sealed(doc(line(text("It was "), mention, text(" alone")))).startswith("It was @Noah alone\n")


@pytest.mark.parametrize("node", OTHERS, ids=[str(number) for number in range(len(OTHERS))])
def test_what_text_does_not_carry_is_sealed_as_jira_kept_it(node: dict[str, Any]) -> None:
    body = doc(line(text("Look:")), node)
    assert body == beneath(sealed(body))


@pytest.mark.parametrize("body", ["It was Noah", ["Noah"], {"type": "doc", "content": None, "noah": 1}, 7])
def test_what_is_no_document_is_sealed_as_jira_kept_it(body: object) -> None:
    assert body == beneath(sealed(body))


def test_paragraphs_of_text_are_sealed_as_they_stand() -> None:
    body = doc(
        line(text("one"), {"type": "hardBreak"}, text("two"), attrs={"localId": "8c1f"}), line(), line(text("~~3~~"))
    )  # fmt: skip
    assert sealed(body) == "one\ntwo\n\n~~3~~"
    assert sealed(None) == ""


@pytest.mark.parametrize("node", [*OTHERS[:5], line({"type": "emoji", "attrs": {"shortName": ":x:"}})])
def test_what_shows_no_words_beside_a_diary_block_is_taken_without_the_ciphertext(
    node: dict[str, Any], seal: Seal
) -> None:
    comment = seal(2)
    body = diary_comment(comment.text)
    found = sorted_out({**body, "content": [*body["content"], node]})

    assert {} == found.diary.whole
    said = found.plain[0].text.reveal()
    assert node == beneath(said)["content"][-1]
    assert "CoC-" not in said
    assert "BEGIN AGE" not in said


def test_words_that_are_struck_out_beside_a_diary_block_are_told_as_such(seal: Seal) -> None:
    body = diary_comment(seal(2).text)
    (plain,) = sorted_out({**body, "content": [*body["content"], line(text("Noah", STRIKE))]}).plain
    said = plain.text.reveal()
    assert said.startswith("Noah\n")
    assert line(text("Noah", STRIKE)) == beneath(said)["content"][-1]


def test_a_ciphertext_that_was_quoted_or_listed_is_no_words(seal: Seal) -> None:
    comment = seal(2)
    note, block = diary_comment(comment.text)["content"]
    listed = {"type": "bulletList", "content": [{"type": "listItem", "content": [note, block]}]}
    for shape in ({"type": "blockquote", "content": [note, block]}, listed):
        assert ((), {comment.text: "1"}) == (sorted_out(doc(shape)).plain, sorted_out(doc(shape)).diary.whole)


def test_the_same_document_is_the_same_text_in_whatever_order_its_keys_come() -> None:
    one = {"type": "mention", "attrs": {"id": "5b10", "text": "@Noah"}}
    other = {"attrs": {"text": "@Noah", "id": "5b10"}, "type": "mention"}
    assert sealed(doc(line(one))) == sealed(doc(line(other)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\ud800", "\u2028", "\x85"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "content", "text", "attrs", "marks", "odd"]), inner, max_size=4
        )
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["doc", "paragraph", "text", "listItem", "taskItem"]), "content": inner}
        )
    ),
    max_leaves=20,
)


def is_paragraphs(document: object) -> bool:
    """Whether the text alone is all that there is."""
    return document is None or BENEATH not in whole(document)


@given(json_values)
def test_whatever_a_host_answers_is_either_text_alone_or_kept_whole(document: object) -> None:
    said = whole(document)
    if not is_paragraphs(document):
        assert document == beneath(said)
        assert len(said.partition(f"{BENEATH}\n")[2].splitlines()) == 1
    elif document is not None:
        leaves = json.dumps(document)
        assert '"marks": [{' not in leaves
        assert '"odd"' not in leaves


def test_a_very_deep_document_is_kept_without_recursion() -> None:
    document: dict[str, Any] = {"type": "paragraph", "content": [text("bottom")]}
    for _ in range(20_000):
        document = {"type": "panel", "content": [document]}
    said = whole(document)
    assert said.count('"panel"') == 20_000
    assert "bottom" in said.partition(BENEATH)[0]
    while document["type"] == "panel":
        document = document["content"][0]  # taken apart by hand: freeing it at once would recurse

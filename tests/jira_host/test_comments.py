"""What stands in a comment of Jira is the diary's letter by letter, or somebody's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integration.jira.comments import sort_comments
from integration.jira.text import diary_comment
from integration.text import SealedText
from tests.jira_host.conftest import INCIDENT

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.jira.comments import Comments
    from tests.jira_host.conftest import Seal

WORDS = "It was Noah who told us."


def paragraph(words: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": words}]}


def code(text: str) -> dict[str, Any]:
    return {"type": "codeBlock", "content": [{"type": "text", "text": text}]}


def with_words(comment: SealedComment, where: str) -> dict[str, Any]:
    """A diary comment to which somebody added words."""
    body = diary_comment(comment.text)
    line, block = body["content"]
    first, rest = comment.text.split("\n", 1)
    content = {
        "under the ciphertext": [line, code(f"{comment.text}\n{WORDS}")],
        "above the ciphertext": [line, code(f"{WORDS}\n\n{comment.text}")],
        "inside the ciphertext": [line, code(f"{first}\n{WORDS}\n{rest}")],
        "in a second code block": [line, block, code(WORDS)],
        "in a code block of a panel": [line, block, {"type": "panel", "content": [code(WORDS)]}],
        "beside the code block": [line, paragraph(WORDS), block],
        "in our own line": [paragraph(f"{line['content'][0]['text']} {WORDS}"), block],
        "with our own line in the code block": [
            code(f"{line['content'][0]['text']}\n{comment.text}\n{WORDS}")
        ],
    }[where]
    return {**body, "content": content}


def sorted_out(body: dict[str, Any], *, by: str = "bot", edited_by: str = "robert") -> Comments:
    one = {
        "id": "1",
        "body": body,
        "author": {"accountId": by},
        "updateAuthor": {"accountId": edited_by},
        "created": "2026-11-22T14:00:00.000+0000",
    }
    return sort_comments([one], INCIDENT, lambda: "bot")


@pytest.mark.parametrize(
    "where",
    [
        "under the ciphertext", "above the ciphertext", "inside the ciphertext", "in a second code block",
        "in a code block of a panel", "beside the code block", "in our own line", "with our own line in the code block",
    ],
)  # fmt: skip
def test_words_anywhere_in_a_diary_comment_make_it_a_plain_one(where: str, seal: Seal) -> None:
    found = sorted_out(with_words(seal(2), where))

    (plain,), diary = found.plain, found.diary
    assert ("1", "robert", False) == (plain.id, plain.account, plain.ours)
    assert plain.text.reveal().split("\n")[0].endswith(WORDS)
    assert "CoC-Seal" not in plain.text.reveal()
    assert ({}, set()) == (diary.whole, diary.damaged)


def test_only_the_added_words_are_taken_and_not_the_ciphertext(seal: Seal) -> None:
    (plain,) = sorted_out(with_words(seal(2), "under the ciphertext")).plain
    assert WORDS == plain.text.reveal()


def test_a_diary_comment_that_somebody_saved_unchanged_stays_the_diarys(seal: Seal) -> None:
    comment = seal(2)
    found = sorted_out(diary_comment(comment.text))
    assert ((), {comment.text: "1"}) == (found.plain, found.diary.whole)


def test_a_diary_comment_whose_ciphertext_was_damaged_is_damaged_and_no_plain_one(seal: Seal) -> None:
    comment = seal(2)
    spoilt = comment.text.replace("-----END AGE ENCRYPTED FILE-----\n", "")
    found = sorted_out(diary_comment(SealedText(spoilt)))
    assert ((), {}, {comment.id}) == (found.plain, found.diary.whole, found.diary.damaged)


def test_what_only_the_service_touched_is_the_diarys_whatever_was_written_around_it(seal: Seal) -> None:
    comment = seal(2)
    found = sorted_out(with_words(comment, "under the ciphertext"), edited_by="bot")
    assert ((), {comment.text: "1"}) == (found.plain, found.diary.whole)


SHOWN: list[dict[str, Any]] = [
    {"type": "mention", "attrs": {"id": "5b10", "text": "@Noah", "accessLevel": ""}},
    {"type": "status", "attrs": {"text": "Noah told us", "color": "red"}},
    {"type": "inlineCard", "attrs": {"url": "https://example.org/noah"}},
    {"type": "date", "attrs": {"timestamp": "1582152559"}},
    {"type": "expand", "attrs": {"title": "Noah"}, "content": []},
    {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "6e7c", "type": "file"}}]},
]
"""https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/"""


@pytest.mark.parametrize("node", SHOWN, ids=[one["type"] for one in SHOWN])
def test_what_shows_something_without_being_text_counts_as_words(node: dict[str, Any], seal: Seal) -> None:
    body = diary_comment(seal(2).text)
    line, block = body["content"]
    mixed = {**line, "content": [*line["content"], node]}
    for content in ([mixed, block], [line, block, {"type": "paragraph", "content": [node]}]):
        (plain,) = sorted_out({**body, "content": content}).plain
        assert plain.text.reveal()


def test_who_is_mentioned_and_what_is_linked_in_a_plain_comment_is_sealed_with_it() -> None:
    link = {
        "type": "text",
        "text": "here",
        "marks": [{"type": "link", "attrs": {"href": "https://x.example"}}],
    }
    bare = {"type": "text", "text": "https://y.example", "marks": [{"type": "link", "attrs": {"href": "https://y.example"}}]}  # fmt: skip
    said = [SHOWN[0], {"type": "text", "text": " wrote it "}, link, {"type": "text", "text": " and "}, bare]
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": said}]}
    (plain,) = sorted_out(body).plain
    assert "@Noah wrote it here https://x.example and https://y.example" in plain.text.reveal().replace(
        "\n", ""
    )


def test_what_jira_adds_to_nodes_of_its_own_accord_is_no_words(seal: Seal) -> None:
    comment = seal(2)
    line, block = diary_comment(comment.text)["content"]
    content = [
        {**line, "attrs": {"localId": "8c1f"}},
        {**block, "attrs": {"language": "text", "localId": "8c20"}},
    ]
    found = sorted_out({"type": "doc", "version": 1, "content": content})
    assert ((), {comment.text: "1"}) == (found.plain, found.diary.whole)

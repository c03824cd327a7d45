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

    ((plain,), diary) = found.plain, found.diary
    assert ("1", "robert", False) == (plain.id, plain.account, plain.ours)
    assert plain.text.reveal().endswith(WORDS)
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

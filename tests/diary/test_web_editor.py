"""What a host's editor does to a comment when somebody opens it and presses save: white space, and nothing else.

The comments are dressed and undressed by the code of the two hosts and of the desk.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from desk.from_host import text_of
from integration.diary.comment import find_comments
from integration.github.text import comment_body
from integration.jira.text import code_texts, diary_comment

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from tests.diary.conftest import Codes, Shelf


@pytest.fixture
def shelf(shelf: Shelf) -> Shelf:
    """With a third epoch, so that every kind of comment is there."""
    shelf.rekey(shelf.team.robert, [shelf.team.robert, shelf.team.salma])
    return shelf


@pytest.mark.parametrize(
    "ends", ["\r\n", "\r", "\n\n", " \t\r\n", "\u00a0\n", "\n\ufeff", "\n    ", "\n\t"], ids=repr
)
def test_white_space_in_a_comment_on_github_does_no_harm(shelf: Shelf, codes: Codes, ends: str) -> None:
    bodies = [comment_body(one).replace("\n", ends) for one in shelf.made]

    assert [find_comments(body)[0].text for body in bodies] == [one.text for one in shelf.made]
    assert codes(shelf.team.read(bodies, head=shelf.head)) == []


def _document(comment: SealedComment) -> Any:  # noqa: ANN401 - JSON
    return json.loads(json.dumps(diary_comment(comment.text)))


def _in_pieces(comment: SealedComment) -> Any:  # noqa: ANN401 - JSON
    """Jira may cut one text node into several."""
    document = _document(comment)
    text = comment.text
    pieces = [text[at : at + 1_000] for at in range(0, len(text), 1_000)]
    document["content"][-1]["content"] = [{"type": "text", "text": piece} for piece in pieces]
    return document


def _with_hard_breaks(comment: SealedComment) -> Any:  # noqa: ANN401 - JSON
    document = _document(comment)
    document["content"][-1]["content"] = [
        node
        for line in comment.text.split("\n")
        for node in ({"type": "text", "text": line}, {"type": "hardBreak"})
    ]
    return document


def _with_carriage_returns(comment: SealedComment) -> Any:  # noqa: ANN401 - JSON
    document = _document(comment)
    document["content"][-1]["content"][0]["text"] = f"  {comment.text}\n".replace("\n", " \r\n\u00a0")
    return document


@pytest.mark.parametrize("edited", [_document, _in_pieces, _with_hard_breaks, _with_carriage_returns])
def test_white_space_in_a_comment_in_jira_does_no_harm(shelf: Shelf, codes: Codes, edited: Any) -> None:  # noqa: ANN401 - one of the functions above
    """Neither for a desk that reads the ticket, nor for the service that looks what is there."""
    documents = [edited(one) for one in shelf.made]

    for undress in (text_of, code_texts):
        texts = [undress(document) for document in documents]
        assert [find_comments(text)[0].text for text in texts] == [one.text for one in shelf.made]
        assert codes(shelf.team.read(texts, head=shelf.head)) == []


def test_a_desk_reads_a_comment_whose_code_block_in_jira_was_made_into_paragraphs(
    shelf: Shelf, codes: Codes
) -> None:
    def paragraphs(comment: SealedComment) -> dict[str, Any]:
        lines = [
            {"type": "paragraph", "content": [{"type": "text", "text": line}]}
            for line in comment.text.split("\n")
        ]
        return {"type": "doc", "version": 1, "content": lines}

    texts = [text_of(json.loads(json.dumps(paragraphs(one)))) for one in shelf.made]

    assert codes(shelf.team.read(texts, head=shelf.head)) == []

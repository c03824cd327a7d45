"""What is kept of a comment that was redacted: everything but its ciphertext.

Its plain line, the hash of its age file and its signatures stay, so that its link can be computed and its seal be
checked as before. Section 13 of docs/diary-format.md.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from integration.diary.comment import find_comments

if TYPE_CHECKING:
    from integration.text import SealedText

MARK: Final = "CoC-Erased: "
"""Begins the line that stands in the place of the age file. No comment that is whole has such a line."""


def without_ciphertext(text: SealedText) -> str:
    """A whole comment, with the SHA-256 of its age file in the place of the file.

    Raises:
        ValueError: the text is not one whole comment.
    """
    (comment,) = find_comments(text)
    lines = comment.text.split("\n")
    kept = [line for line in lines if line.startswith(("CoC-Write: ", "CoC-Seal: "))]
    return "\n".join((lines[0], MARK + hashlib.sha256(comment.age).hexdigest(), *kept))

"""What stands beside the diary in one comment of a host: words that somebody added, which everybody there can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from integration.diary.comment import ParsedComment, find_blocks, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

_CIPHERTEXT = re.compile(
    r"(?=[A-Za-z]*[0-9+/=])[A-Za-z0-9+/=]{1,64}\Z|CoC-(Diary|Epoch|Write|Seal): [^ ]+( [a-z0-9]+=?[^ ]*){0,9}\Z|-----(BEGIN|END) AGE ENCRYPTED FILE-----\Z"
)


def lines_beside(text: str, ours: re.Pattern[str]) -> list[str]:
    """The lines that are neither of a diary block nor what we write around one, wherever in the text they stand."""
    is_ours = lines_of_the_diary(text, ours)
    return [line for line in lines_of(text) if not is_ours(line)]


def lines_of_the_diary(text: str, ours: re.Pattern[str]) -> Callable[[str], bool]:
    """Which lines of a comment are of a diary block, or what we write around one.

    What only looks like ciphertext counts as the diary's where a block is damaged: nobody can tell what it was.

    Args:
        text: all that the comment says, its code blocks too.
        ours: matches the whole of each line that the host's own part writes around a block.
    """
    blocks = find_blocks(text)
    whole = [block for block in blocks if isinstance(block, ParsedComment)]
    known = {line for block in whole for line in block.text.split("\n")}
    damaged = len(whole) < len(blocks)

    def is_ours(line: str) -> bool:
        return line in known or bool(ours.match(line)) or (damaged and bool(_CIPHERTEXT.match(line)))

    return is_ours

"""What stands in a comment of GitHub: a piece of the diary and nothing else, or something that a person wrote.

A diary comment to which somebody added words counts as a plain one: whoever can open the ticket reads the words, so it
is deleted, and the right one is written again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from integration.diary.beside import lines_beside
from integration.diary.comment import find_blocks
from integration.mirror import PlainComment
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from integration.github.answers import Json
    from integration.incident import IncidentId

_OUR_WORDS = re.compile(
    r"\*\*Diary, entry [0-9]+(, part [0-9]+ of [0-9]+)?: encrypted\. "
    r"Members who are cleared read it at their desk\.\*\*\Z|`{3,}(text)?\Z"
)


@dataclass(frozen=True, slots=True)
class FoundComment:
    """A comment as GitHub shows it. ``editor`` is who edited it last: empty if nobody did, ``?`` if it is not known."""

    id: str
    body: str
    author: str
    written: str
    editor: str = ""

    def is_of_the_diary(self, incident: IncidentId, own: Callable[[], Collection[str]]) -> bool:
        """Whether it holds a block, whole or damaged, of this incident's diary, and no words beside it.

        What we wrote and nobody edited is what we wrote, whatever we wrote around the block at that time.
        """
        blocks = find_blocks(self.body) if "CoC-Diary:" in self.body else []
        if not any(block.incident == incident for block in blocks):
            return False
        return not lines_beside(self.body, _OUR_WORDS) or self._is_ours(own())

    def _is_ours(self, own: Collection[str]) -> bool:
        """Whether we wrote it, and nobody else edited it."""
        names = {one.casefold() for one in own}
        return self.author.casefold() in names and self.editor.casefold() in {"", *names}

    def plain(self, own: Callable[[], Collection[str]]) -> PlainComment | None:
        """As a plain comment, of whoever touched it last; None if its time cannot be read."""
        try:
            at = datetime.fromisoformat(self.written)
        except ValueError:
            return None
        if at.tzinfo is None:
            return None
        account = {"": self.author, "?": ""}.get(self.editor, self.editor)
        return PlainComment(self.id, account, at, Untrusted(self.body), self._is_ours(own()))


def from_graphql(node: Json) -> FoundComment:
    """A comment of GraphQL. That of a deleted account has no author."""
    editor = node.get("editor")
    edited = "" if editor is None and node.get("lastEditedAt") is None else (_login(editor) or "?")
    return FoundComment(
        str(node["fullDatabaseId"]),
        str(node["body"]),
        _login(node.get("author")),
        str(node.get("createdAt")),
        edited,
    )


def from_rest(one: Json) -> FoundComment:
    """A comment of REST, which says that it was edited, and not by whom."""
    user = one.get("user")
    login = str(user.get("login") or "") if isinstance(user, dict) else ""
    written = str(one.get("created_at"))
    edited = "" if one.get("updated_at", written) == written else "?"
    return FoundComment(str(one.get("id")), str(one.get("body")), login, written, edited)


def _login(actor: object) -> str:
    """An App's login ends with ``[bot]`` everywhere but in GraphQL."""
    if not isinstance(actor, dict):
        return ""
    login = str(actor.get("login") or "")
    bot = actor.get("__typename") == "Bot" and login and not login.endswith("[bot]")
    return f"{login}[bot]" if bot else login

"""A plain comment is deleted as it was sealed, and not otherwise.

https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostGone
from integration.github.answers import Deed, unusable
from integration.github.comments import from_rest

if TYPE_CHECKING:
    from integration.github.client import Client
    from integration.github.reading import Own
    from integration.mirror import PlainComment

_DELETE = "delete a plain comment"


class _Changed(Exception):
    """It says something else now."""


def remove_plain(client: Client, comment: PlainComment, own: Own) -> bool:
    """Delete a comment, with its earlier texts; whether it is gone. One that says something else by now stays.

    It is read when it is our turn to write, since waiting for that can take seconds. GitHub's two ways to read a comment
    say differently when it was edited, so its text alone decides: that is all there is of it.
    """
    if not comment.id.isdecimal():
        raise unusable(Deed(_DELETE, client.where))
    path = f"{client.path}/issues/comments/{comment.id}"

    def must_be_unchanged() -> None:
        now = from_rest(client.get_object(path, "read a plain comment again")).plain(own)
        if now is None or not comment.is_unchanged(now):
            raise _Changed

    try:
        client.write("DELETE", path, None, _DELETE, just_before=must_be_unchanged)
    except HostGone:
        return True
    except _Changed:
        return False
    return True

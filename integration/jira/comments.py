"""Which comments on a ticket are the diary's, and which are plain ones that somebody wrote or changed by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from integration.diary.beside import lines_beside, lines_of_the_diary
from integration.diary.comment import OnTicket, find_blocks
from integration.jira import text
from integration.jira.said import whole, whole_beside
from integration.mirror import PlainComment
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from integration.incident import IncidentId
    from integration.jira.fields import Json

_OUR_WORDS = re.compile(rf"{re.escape(text.DIARY_LINE)}\Z")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Comments:
    """The diary of one incident as it stands on its ticket, and the comments that are none of it."""

    diary: OnTicket
    plain: tuple[PlainComment, ...]


def sort_comments(
    listed: Iterable[Json], incident: IncidentId, own: Callable[[], str], issue: str = ""
) -> Comments:
    """Tell the diary's comments from plain ones.

    A comment that holds a block of the diary and other words, beside it or in its code block, is a plain one, if anybody
    but the service wrote or edited it: those words can be read by everybody, and must go. What only the service's account
    touched never is.

    Args:
        listed: Jira's comments, oldest first.
        incident: whose ticket it is.
        own: gives the service's account id; asked only where it matters.
        issue: the id of the sub-task that they are on; empty for the ticket itself.
    """
    diary, plain = OnTicket(incident), []
    for one in listed:
        host_id, body = str(one.get("id")), one.get("body")
        code = text.code_texts(body)
        has_block = not issue and any(block.incident == incident for block in find_blocks(code))
        words = _beside(body) if has_block else whole(body)
        if has_block and not words:
            diary.take(code, host_id)
            continue
        writers, own_account = [_account(one.get("author")), _account(one.get("updateAuthor"))], own()
        ours = writers[0] == own_account and writers[1] in {own_account, None}
        if has_block and ours:
            diary.take(code, host_id)
            continue
        account = next((one for one in reversed(writers) if one not in {own_account, None}), writers[0])
        plain.append(
            PlainComment(
                f"{issue}/{host_id}" if issue else host_id,
                account or "unknown",
                _time(one.get("created")),
                Untrusted(words),
                ours=ours,
                edited_at=_time(one.get("updated")),
            )
        )
    return Comments(diary, tuple(plain))


def _beside(body: object) -> str:
    said = text.all_text(body).strip()
    return whole_beside(body, lines_beside(said, _OUR_WORDS), lines_of_the_diary(said, _OUR_WORDS))


def _account(user: object) -> str | None:
    account = user.get("accountId") if isinstance(user, dict) else None
    return account if isinstance(account, str) and text.is_id(account) else None


def _time(said: object) -> datetime:
    """Jira writes ``2026-11-22T14:00:00.000+0000``. One that cannot be read must not keep a comment from being sealed."""
    try:
        return datetime.strptime(str(said), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return _NEVER

"""The host on a play of Jira's answers: what Jira gives when all is well, for tests to spoil."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integration.jira import text
from integration.mirror import Difference

if TYPE_CHECKING:
    import responses

    from integration.diary.comment import SealedComment
    from integration.jira.host import JiraHost
    from integration.mirror import MirrorView, TicketRef
    from tests.jira_host.conftest import Seal

API = "https://acme.atlassian.net/rest/api/3"
ISSUE = f"{API}/issue/10100"
BULK = f"{API}/issue/bulk"
COMMENT = f"{ISSUE}/comment"
SEARCH = f"{API}/search/jql"
MADE = {"id": "10100", "key": "COC-1", "self": ISSUE}
NOTHING = Difference(fields=False, steps=(), comments=())
OURS = "coc-inc-abcdefghijklmnopqrstuvwxyz"


@dataclass
class Scene:
    """The host, a ticket as Jira gives it, and the play of Jira's answers."""

    host: JiraHost
    ref: TicketRef
    view: MirrorView
    ticket: dict[str, Any]
    seal: Seal
    naps: list[float]
    jira: responses.RequestsMock


def stored(comment: SealedComment, host_id: str = "9001", **more: object) -> dict[str, Any]:
    return {"id": host_id, "body": text.diary_comment(comment.text), **more}


def page(comments: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {"comments": comments, "total": total, "startAt": 0, "maxResults": 100}


def sent(jira: responses.RequestsMock, number: int = -1) -> Any:  # noqa: ANN401 - JSON
    return json.loads(jira.calls[number].request.body or b"")


def methods(jira: responses.RequestsMock) -> list[str]:
    return [str(call.request.method) for call in jira.calls]

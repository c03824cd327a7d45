"""The search of the stand-in's REST API, which lags behind; and the old one, which Atlassian has removed.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import sees_issue, sees_project
from sandbox.jira_api import Api, body, listed, number, on
from sandbox.jira_jql import parse
from sandbox.jira_refusal import Refusal, no_issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.jira_state import Issue, Json

_PAGE = 50
_LONGEST_PAGE = 5000
_MOST_WITH_FIELDS = 100
_MOST_PEOPLE = 1000


class SearchApi(Api):
    """Finding issues, and who can view one."""

    prefix = "/rest/api"

    @on("GET", "/3/search/jql")
    def search(self) -> Response:
        """Find issues by a query: no total, pages by token, only ids unless fields are asked for."""
        return self._answer(
            {
                "jql": request.args.get("jql"),
                "nextPageToken": request.args.get("nextPageToken"),
                "maxResults": number("maxResults", _PAGE, _LONGEST_PAGE),
                "fields": listed("fields"),
                "properties": listed("properties"),
                "reconcileIssues": listed("reconcileIssues"),
            }
        )

    @on("POST", "/3/search/jql")
    def search_by_post(self) -> Response:
        """The same, with the query in the body."""
        return self._answer(body())

    @on("POST", "/3/search/approximate-count")
    def count(self) -> Response:
        """How many issues fit a query."""
        return jsonify(count=len(self._find(str(body().get("jql") or ""))))

    @on("GET", "/<any('2', '3', 'latest'):version>/search")
    @on("POST", "/<any('2', '3', 'latest'):version>/search")
    def removed(self, version: str) -> Response:
        """Gone since August 2025: https://developer.atlassian.com/changelog/#CHANGE-2046."""
        raise Refusal(
            410,
            f"The requested API /rest/api/{version}/search has been removed. "
            "Please migrate to the /rest/api/3/search/jql API.",
        )

    @on("GET", "/3/user/viewissue/search")
    def viewers(self) -> Response:
        """Who can view an issue; nobody, as far as anonymous callers are told."""
        if g.user is None:
            return jsonify([])
        text, account, key = (request.args.get(name) for name in ("query", "accountId", "issueKey"))
        if not key or (text is None) == (account is None):
            raise Refusal(400, "issueKey, and either query or accountId, must be given.")
        issue = self.site.issue(key)
        if issue is None or not sees_issue(self.site, g.user, issue):
            raise no_issue()
        fitting = [
            user
            for user in self.site.users.values()
            if sees_issue(self.site, user, issue)
            and (user.account_id == account if text is None else text.casefold() in user.name.casefold())
        ]
        start, most = number("startAt", 0, len(fitting)), number("maxResults", _PAGE, _MOST_PEOPLE)
        return jsonify([self.shapes().user(user.account_id) for user in fitting[start : start + most]])

    def _find(self, jql: str, fresh: Sequence[object] = ()) -> list[Issue]:
        now = self.cloud.now()
        query = parse(self.site, jql, now=now, visible=self._is_visible)
        index = self.site.indexed(now, self.cloud.search_lag, frozenset(str(one) for one in fresh))
        there = [self.site.issues[one.id] for one in query.run(list(index))]
        return [one for one in there if sees_issue(self.site, g.user, one)]

    def _is_visible(self, key: str) -> bool:
        return sees_project(self.site, g.user, self.site.projects[key])

    def _answer(self, asked: Json) -> Response:
        fields = asked.get("fields") or ["id"]
        only_ids = set(fields) <= {"id", "key"}
        most = min(int(asked.get("maxResults") or _PAGE), _LONGEST_PAGE if only_ids else _MOST_WITH_FIELDS)
        issues = self._find(str(asked.get("jql") or ""), asked.get("reconcileIssues") or [])
        start = _start(asked.get("nextPageToken"))
        shapes = self.shapes()
        shown = [
            {key: value for key, value in shapes.created(one).items() if key in fields}
            if only_ids
            else shapes.issue(one, fields, asked.get("properties") or [])
            for one in issues[start : start + most]
        ]
        is_last = start + most >= len(issues)
        more = {} if is_last else {"nextPageToken": _token(start + most)}
        return jsonify(issues=shown, isLast=is_last, **more)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode()


def _start(token: object) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)).decode().removeprefix("from:"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Refusal(400, "The provided next page token is invalid or expired.") from None

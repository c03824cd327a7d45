"""GitHub's REST calls that show issues in another way: search, and an issue's timeline.

https://docs.github.com/en/rest/search/search and https://docs.github.com/en/rest/issues/timeline
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from flask import request

from sandbox.github_calls import Calls, Reply, paged
from sandbox.github_refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github_access import Caller
    from sandbox.github_json import Json
    from sandbox.github_state import Issue, Repository


class SearchCalls(Calls):
    """Only what the caller may see is found."""

    in_a_repository: ClassVar[Mapping[str, str]] = {"GET /issues/<int:number>/timeline": "timeline"}
    elsewhere: ClassVar[Mapping[str, str]] = {"GET /search/issues": "search_issues"}

    def _call_timeline(self, caller: Caller, repo: Repository, number: int) -> Reply:
        """The comments; other events are not kept here."""
        issue = self._issue(caller, repo, number)
        shown = [
            {**self._show.comment(one), "event": "commented", "actor": self._show.user(one.author)}
            for one in issue.comments
        ]
        return paged(shown, self._show.root)

    def _call_search_issues(self, caller: Caller) -> Reply:
        words = request.args.get("q", "").split()
        named = [word.removeprefix("repo:") for word in words if word.startswith("repo:")]
        repos = [self._state.repo(*name.split("/")) for name in named if name.count("/") == 1]
        if len(repos) != len(named) or any(repo is None or not caller.sees(repo) for repo in repos):
            message = "The listed users and repositories cannot be searched either because the resources do not exist "
            refused = {
                "message": f"{message}or you do not have permission to view them.",
                "resource": "Search",
            }
            raise Refused(422, "Validation Failed", errors=[{**refused, "field": "q", "code": "invalid"}])
        wanted = [word.lower() for word in words if ":" not in word]
        found = [
            issue
            for issue in self._state.issues.values()
            if caller.sees(issue.repo)
            and (not named or issue.repo in repos)
            and all(word in _text(issue) for word in wanted)
        ]
        page = paged([self._item(issue) for issue in found], self._show.root)
        answer = {
            "total_count": len(found),
            "incomplete_results": False,
            "search_type": "lexical",
            "items": page.data,
        }
        return Reply(answer, 200, page.headers)

    def _item(self, issue: Issue) -> Json:
        left_out = {"closed_by", "parent_issue_url", *(() if issue.body else ("body",))}
        shown = {name: value for name, value in self._show.issue(issue).items() if name not in left_out}
        return {**shown, "score": 1.0}


def _text(issue: Issue) -> str:
    return "\n".join([issue.title, issue.body or "", *(one.body for one in issue.comments)]).lower()

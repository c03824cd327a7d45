"""How the GitHub stand-in shows things in REST replies and webhooks: the shapes of GitHub's description.

Every function returns plain JSON data; what is shown of repositories and people is in
:mod:`sandbox.github_json_places`.
https://docs.github.com/en/rest/issues
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github_access import is_member, level_of
from sandbox.github_json_places import Json, ShowPlaces, flags, role, stamp

if TYPE_CHECKING:
    from sandbox.github_state import Account, Comment, Issue, IssueField, IssueType, Label, Repository

__all__ = ["Json", "Show", "flags", "role", "stamp"]

_REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


class Show(ShowPlaces):
    """Makes JSON of everything."""

    def label(self, label: Label) -> Json:
        """A label."""
        home = label.repo.full_name if label.repo else ""
        return {
            "id": label.id,
            "node_id": label.node_id,
            "url": f"{self.root}/repos/{home}/labels/{label.name.replace(' ', '%20')}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description,
        }

    def type(self, kind: IssueType | None) -> Json | None:
        """An issue type."""
        if kind is None:
            return None
        return {
            "id": kind.id,
            "node_id": kind.node_id,
            "name": kind.name,
            "description": kind.description,
            "color": "gray",
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "is_enabled": True,
        }

    def field(self, field: IssueField) -> Json:
        """The definition of an issue field."""
        options = [
            {
                "id": option.id,
                "name": option.name,
                "description": None,
                "color": option.color,
                "priority": place,
            }
            for place, option in enumerate(field.options, 1)
        ]
        return {
            "id": field.id,
            "node_id": field.node_id,
            "name": field.name,
            "description": None,
            "data_type": field.data_type,
            "visibility": "organization_members_only",
            "options": options or None,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
        }

    def values(self, issue: Issue) -> list[Json]:
        """The issue's field values, in the order of the organization's fields."""
        org = issue.repo.organization
        shown: list[Json] = []
        for field in org.issue_fields if org else ():
            if field.id not in issue.values:
                continue
            value = issue.values[field.id]
            chosen = [
                {"id": option.id, "name": option.name, "color": option.color}
                for option in field.options
                if option.name == value or (isinstance(value, tuple) and option.name in value)
            ]
            entry: Json = {
                "issue_field_id": field.id,
                "issue_field_name": field.name,
                "node_id": field.node_id,
                "data_type": field.data_type,
                "value": ",".join(value) if isinstance(value, tuple) else value,
            }
            if field.data_type == "single_select":
                entry["single_select_option"] = chosen[0] if chosen else None
            if field.data_type == "multi_select":
                entry["multi_select_options"] = chosen
            shown.append(entry)
        return shown

    def issue(self, issue: Issue) -> Json:
        """An issue."""
        home = f"{self.root}/repos/{issue.repo.full_name}"
        url = f"{home}/issues/{issue.number}"
        done, total = sum(child.state == "closed" for child in issue.children), len(issue.children)
        parent = issue.parent
        shown: Json = {
            "id": issue.id,
            "node_id": issue.node_id,
            "url": url,
            "repository_url": home,
            "labels_url": url + "/labels{/name}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": f"{self.root}/{issue.repo.full_name}/issues/{issue.number}",
            "number": issue.number,
            "state": issue.state,
            "state_reason": issue.state_reason,
            "title": issue.title,
            "body": issue.body,
            "user": self.user(issue.author),
            "labels": [self.label(label) for label in issue.labels],
            "assignee": self.user(issue.assignees[0]) if issue.assignees else None,
            "assignees": [self.user(account) for account in issue.assignees],
            "milestone": None,
            "locked": issue.locked,
            "active_lock_reason": issue.lock_reason,
            "comments": len(issue.comments),
            "closed_at": stamp(issue.closed_at),
            "closed_by": self.user(issue.closed_by) if issue.closed_by else None,
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "author_association": association(issue.author, issue.repo),
            "performed_via_github_app": self.app(issue.app) if issue.app else None,
            "reactions": _no_reactions(url),
            "sub_issues_summary": {
                "total": total,
                "completed": done,
                "percent_completed": 100 * done // total if total else 0,
            },
            "issue_dependencies_summary": dict.fromkeys(
                ("blocked_by", "total_blocked_by", "blocking", "total_blocking"), 0
            ),
            "type": self.type(issue.type),
            "issue_field_values": self.values(issue),
        }
        if parent is not None:
            shown["parent_issue_url"] = f"{self.root}/repos/{parent.repo.full_name}/issues/{parent.number}"
        return shown

    def comment(self, comment: Comment) -> Json:
        """A comment."""
        issue = comment.issue
        url = f"{self.root}/repos/{issue.repo.full_name}/issues/comments/{comment.id}"
        return {
            "id": comment.id,
            "node_id": comment.node_id,
            "url": url,
            "html_url": self.comment_page(comment),
            "issue_url": f"{self.root}/repos/{issue.repo.full_name}/issues/{issue.number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": association(comment.author, issue.repo),
            "performed_via_github_app": self.app(comment.app) if comment.app else None,
            "reactions": _no_reactions(url),
        }

    def comment_page(self, comment: Comment) -> str:
        """Where a person finds the comment."""
        issue = comment.issue
        return f"{self.root}/{issue.repo.full_name}/issues/{issue.number}#issuecomment-{comment.id}"


def association(account: Account, repo: Repository) -> str:
    """How an author belongs to a repository, as GitHub names it."""
    if repo.owner is account:
        return "OWNER"
    if repo.organization is not None and is_member(account, repo.organization):
        return "MEMBER"
    if (
        account.kind == "User"
        and level_of(account, repo) != "none"
        and account.login.lower() in repo.collaborators
    ):
        return "COLLABORATOR"
    return "NONE"


def _no_reactions(url: str) -> Json:
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)}

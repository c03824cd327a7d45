"""GitHub's REST calls on issues, their labels, comments, sub-issues and field values.

The methods read and check what was sent and leave every change to :mod:`sandbox.github_actions`.
https://docs.github.com/en/rest/issues
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask import request

from sandbox.github_calls import Calls, Reply, body, optional_text, paged, text
from sandbox.github_refusal import Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.github_access import Caller
    from sandbox.github_json import Json
    from sandbox.github_state import FieldValue, Issue, Repository


class IssueCalls(Calls):
    """Everything under ``/repos/{owner}/{repo}/issues`` and ``/labels``."""

    in_a_repository: ClassVar[Mapping[str, str]] = {
        "GET /labels": "labels",
        "POST /labels": "create_label",
        "GET /labels/<path:name>": "label",
        "GET /issues": "issues",
        "POST /issues": "create_issue",
        "GET /issues/comments/<int:comment_id>": "comment",
        "PATCH /issues/comments/<int:comment_id>": "edit_comment",
        "DELETE /issues/comments/<int:comment_id>": "delete_comment",
        "GET /issues/<int:number>": "issue",
        "PATCH /issues/<int:number>": "edit_issue",
        "PUT /issues/<int:number>/lock": "lock",
        "DELETE /issues/<int:number>/lock": "unlock",
        "GET /issues/<int:number>/comments": "comments",
        "POST /issues/<int:number>/comments": "create_comment",
        "GET /issues/<int:number>/labels": "issue_labels",
        "POST /issues/<int:number>/labels": "add_labels",
        "PUT /issues/<int:number>/labels": "set_labels",
        "DELETE /issues/<int:number>/labels/<path:name>": "remove_label",
        "GET /issues/<int:number>/parent": "parent",
        "GET /issues/<int:number>/sub_issues": "sub_issues",
        "POST /issues/<int:number>/sub_issues": "add_sub_issue",
        "DELETE /issues/<int:number>/sub_issue": "remove_sub_issue",
        "GET /issues/<int:number>/issue-field-values": "values",
        "POST /issues/<int:number>/issue-field-values": "add_values",
        "PUT /issues/<int:number>/issue-field-values": "set_values",
        "DELETE /issues/<int:number>/issue-field-values/<int:field_id>": "remove_value",
    }

    # Labels

    def _call_labels(self, caller: Caller, repo: Repository) -> Reply:
        caller.require("issues")
        return paged([self._show.label(label) for label in repo.labels], self._show.root)

    def _call_label(self, caller: Caller, repo: Repository, name: str) -> Reply:
        caller.require("issues")
        found = repo.label(name)
        if found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return Reply(self._show.label(found))

    def _call_create_label(self, caller: Caller, repo: Repository) -> Reply:
        sent = body()
        made = self._do.create_label(
            caller,
            repo,
            name=text(sent, "name", "Label"),
            color=sent.get("color") or "ededed",
            description=optional_text(sent, "description"),
        )
        return Reply(self._show.label(made), 201)

    def _call_issue_labels(self, caller: Caller, repo: Repository, number: int) -> Reply:
        issue = self._issue(caller, repo, number)
        return paged([self._show.label(label) for label in issue.labels], self._show.root)

    def _call_add_labels(self, caller: Caller, repo: Repository, number: int) -> Reply:
        return self._label(caller, self._issue(caller, repo, number), replace=False)

    def _call_set_labels(self, caller: Caller, repo: Repository, number: int) -> Reply:
        return self._label(caller, self._issue(caller, repo, number), replace=True)

    def _label(self, caller: Caller, issue: Issue, *, replace: bool) -> Reply:
        self._do.label_issue(caller, issue, _label_names(request.get_json(silent=True)), replace=replace)
        return Reply([self._show.label(label) for label in issue.labels])

    def _call_remove_label(self, caller: Caller, repo: Repository, number: int, name: str) -> Reply:
        issue = self._issue(caller, repo, number)
        self._do.unlabel(caller, issue, name)
        return Reply([self._show.label(label) for label in issue.labels])

    # Issues

    def _call_issues(self, caller: Caller, repo: Repository) -> Reply:
        caller.require("issues")
        found = _selected(repo.issues.values())
        key = {"updated": "updated_at", "created": "created_at"}.get(
            request.args.get("sort", ""), "created_at"
        )
        newest_first = request.args.get("direction", "desc") != "asc"
        if request.args.get("sort") == "comments":
            ordered = sorted(
                found, key=lambda issue: (len(issue.comments), issue.number), reverse=newest_first
            )
        else:
            ordered = sorted(
                found, key=lambda issue: (getattr(issue, key), issue.number), reverse=newest_first
            )
        return paged(ordered, self._show.root, self._show.issue)

    def _call_create_issue(self, caller: Caller, repo: Repository) -> Reply:
        sent = body()
        made = self._do.create_issue(
            caller,
            repo,
            title=text(sent, "title", "Issue"),
            body=optional_text(sent, "body"),
            labels=_label_names(sent.get("labels") or []),
            assignees=sent.get("assignees") or ([sent["assignee"]] if sent.get("assignee") else []),
            type_name=optional_text(sent, "type"),
            values=_values(sent),
        )
        reply = self._show.issue(made)
        return Reply(reply, 201, {"Location": reply["url"]})

    def _call_issue(self, caller: Caller, repo: Repository, number: int) -> Reply:
        return Reply(self._show.issue(self._issue(caller, repo, number)))

    def _call_edit_issue(self, caller: Caller, repo: Repository, number: int) -> Reply:
        issue, sent = self._issue(caller, repo, number), body()
        changes: dict[str, Any] = {
            name: sent[name] for name in ("assignees", "type", "state_reason") if name in sent
        }
        if sent.get("title") is not None:
            changes["title"] = text(sent, "title", "Issue")
        if "body" in sent:
            changes["body"] = optional_text(sent, "body")
        if "labels" in sent:
            changes["labels"] = _label_names(sent["labels"])
        if "state" in sent:
            if sent["state"] not in {"open", "closed"}:
                raise invalid("Issue", "state", code="invalid")
            changes["state"] = sent["state"]
        if "issue_field_values" in sent:
            changes["values"] = _values(sent)
        self._do.edit_issue(caller, issue, changes)
        return Reply(self._show.issue(issue))

    def _call_lock(self, caller: Caller, repo: Repository, number: int) -> Reply:
        reason = optional_text(body(), "lock_reason")
        self._do.lock(caller, self._issue(caller, repo, number), reason, locked=True)
        return Reply(status=204)

    def _call_unlock(self, caller: Caller, repo: Repository, number: int) -> Reply:
        self._do.lock(caller, self._issue(caller, repo, number), None, locked=False)
        return Reply(status=204)

    # Comments

    def _call_comments(self, caller: Caller, repo: Repository, number: int) -> Reply:
        issue, since = self._issue(caller, repo, number), _since()
        shown = [self._show.comment(c) for c in issue.comments if since is None or c.updated_at >= since]
        return paged(shown, self._show.root)

    def _call_create_comment(self, caller: Caller, repo: Repository, number: int) -> Reply:
        issue = self._issue(caller, repo, number)
        reply = self._show.comment(self._do.comment(caller, issue, text(body(), "body", "IssueComment")))
        return Reply(reply, 201, {"Location": reply["url"]})

    def _call_comment(self, caller: Caller, repo: Repository, comment_id: int) -> Reply:
        return Reply(self._show.comment(self._comment(caller, repo, comment_id)))

    def _call_edit_comment(self, caller: Caller, repo: Repository, comment_id: int) -> Reply:
        comment = self._comment(caller, repo, comment_id)
        self._do.edit_comment(caller, comment, text(body(), "body", "IssueComment"))
        return Reply(self._show.comment(comment))

    def _call_delete_comment(self, caller: Caller, repo: Repository, comment_id: int) -> Reply:
        self._do.delete_comment(caller, self._comment(caller, repo, comment_id))
        return Reply(status=204)

    # Sub-issues

    def _call_parent(self, caller: Caller, repo: Repository, number: int) -> Reply:
        above = self._issue(caller, repo, number).parent
        if above is None or not caller.sees(above.repo):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return Reply(self._show.issue(above))

    def _call_sub_issues(self, caller: Caller, repo: Repository, number: int) -> Reply:
        children = self._issue(caller, repo, number).children
        return paged(
            [self._show.issue(child) for child in children if caller.sees(child.repo)], self._show.root
        )

    def _call_add_sub_issue(self, caller: Caller, repo: Repository, number: int) -> Reply:
        parent, sent = self._issue(caller, repo, number), body()
        child = self._child(sent)
        self._do.add_sub_issue(caller, parent, child, replace_parent=bool(sent.get("replace_parent")))
        return Reply(self._show.issue(parent), 201)

    def _call_remove_sub_issue(self, caller: Caller, repo: Repository, number: int) -> Reply:
        parent = self._issue(caller, repo, number)
        self._do.remove_sub_issue(caller, parent, self._child(body()))
        return Reply(self._show.issue(parent))

    def _child(self, sent: Json) -> Issue:
        wanted = sent.get("sub_issue_id")
        child = self._state.issues.get(wanted) if isinstance(wanted, int) else None
        if child is None:
            raise Refused(404, "The provided sub-issue does not exist", kind="NOT_FOUND")
        return child

    # Issue fields

    def _call_values(self, caller: Caller, repo: Repository, number: int) -> Reply:
        issue = self._issue(caller, repo, number)
        if not repo.issue_fields:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return Reply(self._show.values(issue))

    def _call_add_values(self, caller: Caller, repo: Repository, number: int) -> Reply:
        sent = body()
        clear = sent.get("issue_field_values") == []
        return self._write_values(caller, self._issue(caller, repo, number), sent, replace=clear)

    def _call_set_values(self, caller: Caller, repo: Repository, number: int) -> Reply:
        return self._write_values(caller, self._issue(caller, repo, number), body(), replace=True)

    def _call_remove_value(self, caller: Caller, repo: Repository, number: int, field_id: int) -> Reply:
        issue = self._issue(caller, repo, number)
        if field_id not in issue.values:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        kept = {key: value for key, value in issue.values.items() if key != field_id}
        self._do.set_values(caller, issue, kept, replace=True)
        return Reply(status=204)

    def _write_values(self, caller: Caller, issue: Issue, sent: Json, *, replace: bool) -> Reply:
        self._do.set_values(caller, issue, _values(sent), replace=replace)
        return Reply(self._show.values(issue))


def _label_names(sent: object) -> list[str]:
    if isinstance(sent, dict):
        sent = sent.get("labels", [])
    if not isinstance(sent, list):
        raise invalid("Label", "labels", code="invalid")
    names = [one.get("name") if isinstance(one, dict) else one for one in sent]
    if not all(isinstance(name, str) for name in names):
        raise invalid("Label", "name", code="invalid")
    return [str(name) for name in names]


def _values(sent: Json) -> dict[int, FieldValue]:
    given = sent.get("issue_field_values") or []
    try:
        pairs = [(entry["field_id"], entry["value"]) for entry in given]
    except (TypeError, KeyError):
        raise invalid("Issue", "issue_field_values", code="invalid") from None
    return {key: tuple(value) if isinstance(value, list) else value for key, value in pairs}


def _since() -> datetime | None:
    given = request.args.get("since")
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise invalid("Issue", "since", code="invalid") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _selected(issues: Iterable[Issue]) -> list[Issue]:
    args, since = request.args, _since()
    state = args.get("state", "open")
    if state not in {"open", "closed", "all"}:
        raise invalid("Issue", "state", code="invalid")
    labels = {name.strip().lower() for name in args.get("labels", "").split(",") if name.strip()}
    assignee, creator = args.get("assignee", "*any"), args.get("creator")
    found = []
    for issue in issues:
        logins = {account.login for account in issue.assignees}
        fits = (
            state in {"all", issue.state},
            labels <= {label.name.lower() for label in issue.labels},
            since is None or issue.updated_at >= since,
            assignee == "*any"
            or (
                bool(logins) if assignee == "*" else assignee in logins or (assignee == "none" and not logins)
            ),
            creator in {None, issue.author.login},
        )
        if all(fits):
            found.append(issue)
    return found

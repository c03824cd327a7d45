"""The mutations of the GitHub stand-in's GraphQL API: each takes GitHub's input and gives GitHub's payload.

Every change goes through :mod:`sandbox.github_actions`.
https://docs.github.com/en/graphql/reference/mutations
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.github_resolvers import Asking, cursor
from sandbox.github_state import Account, Comment, Issue, IssueType, Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github_json import Json

_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


class _Mutations:
    """One method for each mutation, named as GitHub names it; each gets the input and gives the payload."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask
        self._do = ask.do
        self._caller = ask.caller

    def create_issue(self, sent: Json) -> Json:
        ask = self._ask
        kind = ask.get(IssueType, sent["issueTypeId"]).name if sent.get("issueTypeId") else None
        issue = self._do.create_issue(
            self._caller,
            ask.get(Repository, sent["repositoryId"]),
            title=sent["title"],
            body=sent.get("body"),
            labels=ask.label_names(sent.get("labelIds")),
            assignees=[ask.get(Account, one).login for one in sent.get("assigneeIds") or ()],
            type_name=kind,
            values=ask.values(sent.get("issueFields"))[0],
            parent=ask.get(Issue, sent["parentIssueId"]) if sent.get("parentIssueId") else None,
        )
        return {"issue": issue}

    def update_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["id"])
        changes: Json = {name: sent[name] for name in ("title", "body") if sent.get(name) is not None}
        if sent.get("state"):
            changes["state"] = sent["state"].lower()
        if sent.get("labelIds") is not None:
            changes["labels"] = self._ask.label_names(sent["labelIds"])
        if sent.get("assigneeIds") is not None:
            changes["assignees"] = [self._ask.get(Account, one).login for one in sent["assigneeIds"]]
        self._do.edit_issue(self._caller, issue, changes)
        return {"issue": issue, "actor": self._caller.account}

    def close_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        reason = (sent.get("stateReason") or "COMPLETED").lower()
        self._do.edit_issue(self._caller, issue, {"state": "closed", "state_reason": reason})
        return {"issue": issue}

    def reopen_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        self._do.edit_issue(self._caller, issue, {"state": "open"})
        return {"issue": issue}

    def delete_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        self._do.delete_issue(self._caller, issue)
        return {"repository": issue.repo}

    def lock_lockable(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["lockableId"])
        reason = sent.get("lockReason")
        plain = reason.lower().replace("_", "-" if reason == "OFF_TOPIC" else " ") if reason else None
        self._do.lock(self._caller, issue, plain, locked=True)
        return {"lockedRecord": issue, "actor": self._caller.account}

    def add_comment(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["subjectId"])
        comment = self._do.comment(self._caller, issue, sent["body"])
        return {"subject": issue, "commentEdge": {"cursor": cursor(len(issue.comments)), "node": comment}}

    def update_issue_comment(self, sent: Json) -> Json:
        comment = self._ask.get(Comment, sent["id"])
        self._do.edit_comment(self._caller, comment, sent["body"])
        return {"issueComment": comment}

    def delete_issue_comment(self, sent: Json) -> Json:
        self._do.delete_comment(self._caller, self._ask.get(Comment, sent["id"]))
        return {}

    def minimize_comment(self, sent: Json) -> Json:
        comment = self._ask.get(Comment, sent["subjectId"])
        self._caller.require("issues", write=True)
        self._caller.require_level(comment.issue.repo, "triage")
        comment.minimized = sent["classifier"].lower()
        return {"minimizedComment": comment}

    def add_sub_issue(self, sent: Json) -> Json:
        parent, child = (
            self._ask.get(Issue, sent["issueId"]),
            self._ask.get(Issue, sent.get("subIssueId") or ""),
        )
        self._do.add_sub_issue(self._caller, parent, child, replace_parent=bool(sent.get("replaceParent")))
        return {"issue": parent, "subIssue": child}

    def remove_sub_issue(self, sent: Json) -> Json:
        parent, child = self._ask.get(Issue, sent["issueId"]), self._ask.get(Issue, sent["subIssueId"])
        self._do.remove_sub_issue(self._caller, parent, child)
        return {"issue": parent, "subIssue": child}

    def pin_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        self._do.pin(self._caller, issue, pinned=True)
        return {"issue": issue}

    def unpin_issue(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        self._do.pin(self._caller, issue, pinned=False)
        return {"issue": issue}

    def create_label(self, sent: Json) -> Json:
        repo, description = self._ask.get(Repository, sent["repositoryId"]), sent.get("description")
        label = self._do.create_label(
            self._caller, repo, name=sent["name"], color=sent["color"], description=description
        )
        return {"label": label}

    def add_labels_to_labelable(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["labelableId"])
        self._do.label_issue(self._caller, issue, self._ask.label_names(sent["labelIds"]), replace=False)
        return {"labelable": issue}

    def remove_labels_from_labelable(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["labelableId"])
        for name in self._ask.label_names(sent["labelIds"]):
            self._do.unlabel(self._caller, issue, name)
        return {"labelable": issue}

    def set_issue_field_value(self, sent: Json) -> Json:
        issue = self._ask.get(Issue, sent["issueId"])
        given, cleared = self._ask.values(sent["issueFields"])
        kept = {key: value for key, value in issue.values.items() if key not in cleared}
        self._do.set_values(self._caller, issue, {**kept, **given}, replace=True)
        return {"issue": issue}


def mutation(name: str) -> Callable[..., object]:
    """The resolver of the mutation that GitHub calls so."""
    method = _HUMP.sub(lambda hump: f"_{hump.group(1).lower()}", name)

    def resolve(ask: Asking, _root: object, **args: Any) -> Json:  # noqa: ANN401 - the document's arguments
        sent = args["input"]
        payload: Json = getattr(_Mutations(ask), method)(sent)
        return {"clientMutationId": sent.get("clientMutationId"), **payload}

    return resolve

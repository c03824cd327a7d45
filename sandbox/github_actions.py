"""What changes in the GitHub stand-in, with GitHub's limits; REST and GraphQL both come through here.

Each method checks the caller's rights first, then the limits, then acts, and at last sends the webhooks
that GitHub would send. Until all checks have passed nothing has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github_access import level_of
from sandbox.github_creations import Creations
from sandbox.github_limits import (
    LOCK_REASONS,
    MOST_PINNED,
    check_body,
    check_child,
    check_label,
    check_labels,
    check_title,
    check_values,
    no_child,
)
from sandbox.github_refusal import Refused, invalid
from sandbox.github_state import Comment, Issue, Label, PinnedIssue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sandbox.github_access import Caller
    from sandbox.github_json import Json, Show
    from sandbox.github_state import Account, FieldValue, Repository, State
    from sandbox.github_webhooks import Webhooks


class Actions:
    """Every change a caller can ask for.

    ``meanwhile`` says whether another request added a sub-issue to this parent while this one was under
    way.
    """

    def __init__(
        self,
        state: State,
        *,
        show: Show,
        tell: Webhooks,
        now: Callable[[], datetime],
        meanwhile: Callable[[Issue], bool],
    ) -> None:
        self.state = state
        self.now = now
        self._show = show
        self._tell = tell
        self.meanwhile = meanwhile
        self._creations = Creations(state, now)
        """When things were made in the last hour, oldest first."""

    def create_issue(
        self,
        caller: Caller,
        repo: Repository,
        *,
        title: str,
        body: str | None,
        labels: Sequence[str] = (),
        assignees: Sequence[str] = (),
        type_name: str | None = None,
        values: dict[int, FieldValue] | None = None,
        parent: Issue | None = None,
    ) -> Issue:
        """A new issue. What the caller may not set, or the repository lacks, is dropped without a word.

        https://docs.github.com/en/rest/issues/issues#create-an-issue
        """
        self._may_write_to(caller, repo)
        if not repo.flags["has_issues"]:
            raise Refused(410, "Issues has been disabled in this repository.")
        check_title(title)
        check_body("Issue", body)
        entitled = caller.may_write(repo, "push")
        if entitled:
            check_labels(labels)
        typed = values if entitled and repo.issue_fields and values else {}
        check_values(repo, typed)
        if parent is not None:
            caller.require_level(parent.repo, "triage")
            check_child(parent, None)
            self._check_alone(parent)
        self._creations.count()
        now = self.now()
        issue = Issue(
            id=self.state.new_id(),
            repo=repo,
            number=repo.next_number(),
            title=title,
            body=body,
            author=caller.account,
            app=caller.app,
            created_at=now,
            updated_at=now,
        )
        self.state.keep(issue)
        self.state.issues[issue.id] = issue
        repo.issues[issue.number] = issue
        if entitled:
            issue.labels = self._labels(repo, labels)
            issue.type = repo.issue_type(type_name)
            issue.assignees = self._assignees(repo, assignees)
        issue.values.update(typed)
        self._tell.issue(caller, issue, "opened")
        for label in issue.labels:
            self._tell.issue(caller, issue, "labeled", label=self._show.label(label))
        if issue.type is not None:
            self._tell.issue(caller, issue, "typed", type=self._show.type(issue.type))
        for field_id in typed:
            self._tell.value_set(caller, issue, field_id, None)
        if parent is not None:
            self._adopt(caller, parent, issue)
        return issue

    def edit_issue(self, caller: Caller, issue: Issue, changes: dict[str, Any]) -> None:
        """Change an issue: title, body, state, state_reason, labels, assignees, type, values."""
        self._may_write_to(caller, issue.repo)
        if issue.author is not caller.account:
            caller.require_level(issue.repo, "triage")
        entitled = caller.may_write(issue.repo, "push")
        if "title" in changes:
            check_title(changes["title"])
        if "body" in changes:
            check_body("Issue", changes["body"])
        values = changes.get("values") if entitled and issue.repo.issue_fields else None
        check_values(issue.repo, values or {})
        if "labels" in changes and caller.may_write(issue.repo):
            check_labels(changes["labels"])
        self._edit_text(caller, issue, changes)
        if "state" in changes:
            self._set_state(caller, issue, changes["state"], changes.get("state_reason"))
        if "labels" in changes and caller.may_write(issue.repo):
            self._set_labels(caller, issue, self._labels(issue.repo, changes["labels"]))
        if "assignees" in changes and entitled:
            issue.assignees = self._assignees(issue.repo, changes["assignees"])
        if "type" in changes and entitled:
            issue.type = issue.repo.issue_type(changes["type"])
            told = {"type": self._show.type(issue.type)} if issue.type else {"type": None}
            self._tell.issue(caller, issue, "typed" if issue.type else "untyped", **told)
        if values:
            self.set_values(caller, issue, values, replace=False)

    def _edit_text(self, caller: Caller, issue: Issue, changes: dict[str, Any]) -> None:
        was: Json = {}
        for name in ("title", "body"):
            before = getattr(issue, name)
            if name in changes and changes[name] != before:
                was[name] = {"from": before or ""}
                issue.history.append(before or "")
                setattr(issue, name, changes[name])
        if was:
            issue.updated_at = self.now()
            self._tell.issue(caller, issue, "edited", changes=was)

    def _set_state(self, caller: Caller, issue: Issue, state: str, reason: str | None) -> None:
        if state == issue.state:
            return
        issue.updated_at = self.now()
        if state == "closed":
            issue.closed_at, issue.closed_by = self.now(), caller.account
            issue.state_reason = reason or "completed"
            self._tell.issue(caller, issue, "closed")
        else:
            issue.closed_at = issue.closed_by = None
            issue.state_reason = "reopened"
            self._tell.issue(caller, issue, "reopened")

    def delete_issue(self, caller: Caller, issue: Issue) -> None:
        """Delete an issue for good. Its number then answers 410."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "admin")
        self._tell.issue(caller, issue, "deleted")
        self.state.forget(issue)
        issue.repo.deleted.add(issue.number)
        for child in issue.children:
            child.parent = None
        if issue.parent is not None:
            issue.parent.children.remove(issue)

    def lock(self, caller: Caller, issue: Issue, reason: str | None, *, locked: bool) -> None:
        """Keep everybody without write access from commenting, or let them again."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "push")
        if reason is not None and reason not in LOCK_REASONS:
            raise invalid("Issue", "lock_reason", code="invalid")
        issue.locked, issue.lock_reason = locked, reason if locked else None
        self._tell.issue(caller, issue, "locked" if locked else "unlocked")

    def pin(self, caller: Caller, issue: Issue, *, pinned: bool) -> None:
        """Let an issue stand above the others, or not any more; GitHub pins three at most."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "push")
        others = [one for one in issue.repo.pinned if one.issue is not issue]
        if pinned and len(others) == len(issue.repo.pinned):
            if len(others) >= MOST_PINNED:
                raise Refused(
                    422, f"Maximum {MOST_PINNED} pinned issues per repository", kind="UNPROCESSABLE"
                )
            pin = self.state.keep(PinnedIssue(self.state.new_id(), issue, caller.account))
            issue.repo.pinned.append(pin)
            self._tell.issue(caller, issue, "pinned")
        elif not pinned and len(others) < len(issue.repo.pinned):
            issue.repo.pinned = others
            self._tell.issue(caller, issue, "unpinned")

    # Comments

    def comment(self, caller: Caller, issue: Issue, body: str) -> Comment:
        """A new comment. Where the conversation is locked, only people with write access may; an App may not.

        https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations and, for
        Apps, https://github.com/probot/stale/issues/25
        """
        self._may_write_to(caller, issue.repo)
        if issue.locked and (caller.app is not None or not caller.may_write(issue.repo, "push")):
            raise Refused(403, "Unable to create comment because issue is locked.", kind="FORBIDDEN")
        check_body("IssueComment", body, empty=False)
        self._creations.count()
        now = self.now()
        comment = Comment(
            id=self.state.new_id(),
            issue=issue,
            body=body,
            author=caller.account,
            app=caller.app,
            created_at=now,
            updated_at=now,
        )
        self.state.keep(comment)
        self.state.comments[comment.id] = comment
        issue.comments.append(comment)
        issue.updated_at = now
        self._tell.comment(caller, comment, "created")
        return comment

    def edit_comment(self, caller: Caller, comment: Comment, body: str) -> None:
        """Another body; the old one stays in the history."""
        self._may_write_to(caller, comment.issue.repo)
        if comment.author is not caller.account:
            caller.require_level(comment.issue.repo, "push")
        check_body("IssueComment", body, empty=False)
        before, comment.body = comment.body, body
        comment.history.append(before)
        comment.updated_at = comment.issue.updated_at = comment.edited_at = self.now()
        comment.editor = caller.account
        self._tell.comment(caller, comment, "edited", changes={"body": {"from": before}})

    def delete_comment(self, caller: Caller, comment: Comment) -> None:
        """Delete a comment with its history."""
        self._may_write_to(caller, comment.issue.repo)
        if comment.author is not caller.account:
            caller.require_level(comment.issue.repo, "push")
        comment.issue.comments.remove(comment)
        self.state.forget(comment)
        self._tell.comment(caller, comment, "deleted")

    # Labels

    def create_label(
        self, caller: Caller, repo: Repository, *, name: str, color: str, description: str | None
    ) -> Label:
        """A new label of the repository."""
        self._may_write_to(caller, repo)
        caller.require_level(repo, "push")
        check_label(repo, name, color, description)
        self._creations.count()
        label = self.state.keep(Label(self.state.new_id(), name, color, description, repo))
        repo.labels.append(label)
        return label

    def label_issue(self, caller: Caller, issue: Issue, names: Sequence[str], *, replace: bool) -> None:
        """Add labels to an issue or replace them all; unknown ones are made."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "triage")
        check_labels(names)
        named = self._labels(issue.repo, names)
        kept = [] if replace else issue.labels
        self._set_labels(caller, issue, [*kept, *(label for label in named if label not in kept)])

    def unlabel(self, caller: Caller, issue: Issue, name: str) -> None:
        """Take one label off."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "triage")
        label = issue.repo.label(name)
        if label not in issue.labels:
            raise Refused(404, "Label does not exist", kind="NOT_FOUND")
        self._set_labels(caller, issue, [kept for kept in issue.labels if kept is not label])

    def _set_labels(self, caller: Caller, issue: Issue, labels: list[Label]) -> None:
        check_labels([label.name for label in labels])
        before, issue.labels = issue.labels, labels
        if before != labels:
            issue.updated_at = self.now()
        for label in before:
            if label not in labels:
                self._tell.issue(caller, issue, "unlabeled", label=self._show.label(label))
        for label in labels:
            if label not in before:
                self._tell.issue(caller, issue, "labeled", label=self._show.label(label))

    # Sub-issues

    def add_sub_issue(self, caller: Caller, parent: Issue, child: Issue, *, replace_parent: bool) -> None:
        """Hang an issue below another. At most 100 a parent, 8 levels, one parent each.

        https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/adding-sub-issues
        """
        self._may_write_to(caller, parent.repo)
        caller.require_level(parent.repo, "triage")
        caller.require_sight(child.repo)
        if child.parent is parent:
            raise no_child("Sub-issue may not contain duplicate sub-issues")
        if child.parent is not None and not replace_parent:
            raise no_child("Sub-issue may only have one parent")
        check_child(parent, child)
        self._check_alone(parent)
        if child.parent is not None:
            self.remove_sub_issue(caller, child.parent, child)
        self._adopt(caller, parent, child)

    def remove_sub_issue(self, caller: Caller, parent: Issue, child: Issue) -> None:
        """Take a sub-issue off its parent; the issue stays."""
        self._may_write_to(caller, parent.repo)
        caller.require_level(parent.repo, "triage")
        if child.parent is not parent:
            raise Refused(404, "The provided sub-issue does not exist", kind="NOT_FOUND")
        parent.children.remove(child)
        child.parent = None
        self._tell.family(caller, parent, child, "removed")

    def _check_alone(self, parent: Issue) -> None:
        if self.meanwhile(parent):
            raise no_child("Priority has already been taken")

    def _adopt(self, caller: Caller, parent: Issue, child: Issue) -> None:
        parent.children.append(child)
        child.parent = parent
        parent.updated_at = self.now()
        self._tell.family(caller, parent, child, "added")

    # Issue fields

    def set_values(
        self, caller: Caller, issue: Issue, values: dict[int, FieldValue], *, replace: bool
    ) -> None:
        """Add field values, or replace them all."""
        self._may_write_to(caller, issue.repo)
        caller.require_level(issue.repo, "push")
        if not issue.repo.issue_fields:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        check_values(issue.repo, values)
        before = dict(issue.values)
        if replace:
            issue.values.clear()
        issue.values.update(values)
        issue.updated_at = self.now()
        for field_id in before:
            if field_id not in issue.values:
                self._tell.issue(
                    caller, issue, "field_removed", issue_field=self._tell.brief(issue, field_id)
                )
        for field_id, value in issue.values.items():
            if before.get(field_id) != value:
                self._tell.value_set(caller, issue, field_id, before.get(field_id))

    # Checks and helpers

    def _may_write_to(self, caller: Caller, repo: Repository) -> None:
        caller.require_sight(repo)
        caller.require("issues", write=True)
        if not caller.reaches(repo):
            raise caller.forbidden()
        if repo.archived:
            raise Refused(403, "Repository was archived so is read-only.", kind="FORBIDDEN")

    def _labels(self, repo: Repository, names: Iterable[str]) -> list[Label]:
        found: list[Label] = []
        for name in names:
            label = repo.label(name)
            if label is None:
                label = self.state.keep(Label(self.state.new_id(), name, repo=repo))
                repo.labels.append(label)
            if label not in found:
                found.append(label)
        return found

    def _assignees(self, repo: Repository, logins: Iterable[str]) -> list[Account]:
        found = [self.state.accounts.get(login.lower()) for login in logins]
        return [account for account in found if account is not None and level_of(account, repo) != "none"]

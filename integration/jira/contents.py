"""What hangs on a ticket: its steps as sub-tasks, its diary as comments. Read whole, written in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.diary.comment import CommentId, find_blocks, find_comments
from integration.errors import (
    HostError,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnknownOutcome,
)
from integration.jira import fields, text
from integration.jira.comments import Comments, sort_comments
from integration.logs import Log
from integration.mirror import StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from integration.diary.comment import SealedComment
    from integration.incident import IncidentId
    from integration.jira.client import JiraClient
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace
    from integration.mirror import MirrorView, PlainComment, StepView
    from integration.process import StepKey

_log = Log("coc.jira")

BULK_CREATE = 50
"""https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulk-post"""
BULK_READ = 100
PAGE = 100
UNPACED = 6
"""So many comments follow each other at once. With the ticket and its sub-tasks, which may count as writes
to it, an opening stays below Jira's limit of 20 writes to one issue in 2 seconds."""
SPACING = 0.35
"""Seconds between the comments of a longer diary: below that limit, and below the other of 100 in 30 seconds.
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""
LOOK_AGAIN = 20
"""Comments that are written on one look at the ticket; a long diary takes minutes."""

_CLIENT_ERROR = range(400, 500)


class _Changed(Exception):
    """It says something else now."""


class TicketContents:
    """Reads and writes the sub-tasks and comments of one space's tickets.

    Args:
        client: the calls.
        space: where, and which role may read comments.
        sleep: waits between the comments of a long diary.
    """

    def __init__(self, client: JiraClient, space: JiraSpace, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._space = space
        self._sleep = sleep

    def steps(
        self, ids: Sequence[str], view: MirrorView, own: Callable[[], str]
    ) -> tuple[dict[StepKey, StepState], tuple[PlainComment, ...]]:
        """The steps behind these sub-tasks, and the comments on them; of two for the same step the older one counts.

        Nothing of ours is a comment on a sub-task. Jira shows the first ones of each with it; where it has more, or does not
        say how many, they are read with one more call for each hundred.
        """
        what = "read the sub-tasks"
        incident, written = view.incident, {step.key: step for step in view.steps}
        steps: dict[StepKey, StepState] = {}
        plain: list[PlainComment] = []
        for start in range(0, len(ids), BULK_READ):
            for subtask in self._subtasks(ids[start : start + BULK_READ], what):
                found = fields.fields_of(subtask)
                key = fields.step_of(found, subtask.get("properties"), incident)
                if key is not None:
                    one = str(subtask["id"])
                    skipped = fields.is_skipped(found)
                    done = fields.is_done(found) and not skipped
                    as_written = key not in written or fields.is_as_written(found, written[key])
                    title = str(found.get("summary", ""))
                    steps.setdefault(key, StepState(one, title, done, skipped, as_written))
                    plain += sort_comments(self._comments_of(subtask, what), incident, own, one).plain
        return steps, tuple(plain)

    def _subtasks(self, ids: Sequence[str], what: str) -> list[Json]:
        answer = self._client.read_by_post(
            "issue/bulkfetch",
            {
                "issueIdsOrKeys": list(ids),
                "fields": ["summary", "description", "status", "resolution", "labels", "comment"],
                "properties": [fields.STEP_PROPERTY],
            },
            what=what,
        )
        subtasks = {str(one.get("id")): one for one in self._client.objects(answer.get("issues"), what)}
        if subtasks.keys() != set(ids):
            # A sub-task that could not be read must not be taken for a deleted one: it would be made again.
            raise self._client.unreadable(what)
        return [subtasks[one] for one in sorted(ids, key=int)]

    def comments(self, ticket: Json, incident: IncidentId, own: Callable[[], str]) -> Comments:
        """The comments on a ticket that was read with them, oldest first: one more call only where they are many.

        Raises:
            HostUnavailable: the list changed while it was read, or is not whole; a comment that was not
                seen would be written again.
        """
        return sort_comments(self._comments_of(ticket, "read the ticket's comments"), incident, own)

    def _comments_of(self, issue: Json, what: str) -> list[Json]:
        """All comments on an issue: those that were read with it, if Jira says that these are all."""
        listed = fields.fields_of(issue).get("comment")
        shown = listed if isinstance(listed, dict) else {}
        here, total = shown.get("comments"), shown.get("total")
        if isinstance(here, list) and shown.get("startAt") == 0 and len(here) == total:
            return self._client.objects(here, what)
        return list(self._all_comments(str(issue.get("id"))).values())

    def remove(
        self, ticket_id: str, incident: IncidentId, comments: Sequence[PlainComment], own: Callable[[], str]
    ) -> frozenset[str]:
        """Delete plain comments, on the ticket or on one of its sub-tasks, with two calls each; the ids of those that are gone.

        The first call, when it is our turn to write, reads it: one that was changed meanwhile stays.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-id-delete
        """
        gone = set()
        for one in comments:
            try:
                self._remove(ticket_id, incident, one, own)
            except _Changed:
                continue
            _log.info("plain-comment-removed", ticket=ticket_id)
            gone.add(one.id)
        return frozenset(gone)

    def _remove(
        self, ticket_id: str, incident: IncidentId, comment: PlainComment, own: Callable[[], str]
    ) -> None:
        issue, _, host_id = comment.id.rpartition("/")
        path = f"issue/{issue or ticket_id}/comment/{host_id}"

        def must_be_unchanged() -> None:
            now = self._client.read(path, what="read a plain comment again")
            found = sort_comments([now], incident, own, issue).plain
            if not any(comment.is_unchanged(plain) for plain in found):
                raise _Changed

        self._delete(path, "delete a plain comment", issue or ticket_id, must_be_unchanged)

    def _all_comments(self, ticket_id: str) -> dict[str, Json]:
        what = "read the ticket's comments"
        comments: dict[str, Json] = {}
        expected: int | None = None
        while expected is None or len(comments) < expected:
            before = len(comments)
            query: dict[str, str | int] = {"startAt": before, "maxResults": PAGE, "orderBy": "created"}
            page = self._client.read(f"issue/{ticket_id}/comment", what=what, query=query)
            total = page.get("total")
            if not isinstance(total, int) or expected not in {None, total}:
                raise self._client.unreadable(what)
            expected = total
            for comment in self._client.objects(page.get("comments"), what):
                comments[str(comment.get("id"))] = comment
            if len(comments) == before < expected:
                raise self._client.unreadable(what)
        return comments

    def erase(self, ticket_id: str, incident: IncidentId, places: Collection[CommentId]) -> None:
        """Delete every comment that holds a block, whole or damaged, of one of these places.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-id-delete
        """
        for host_id, comment in self._all_comments(ticket_id).items():
            blocks = find_blocks(text.all_text(comment.get("body")))
            if any(one.incident == incident and one.id in places for one in blocks):
                self._delete(f"issue/{ticket_id}/comment/{host_id}", "delete a redacted comment", ticket_id)
                _log.info("comment-erased", ticket=ticket_id)

    def erase_files(self, ticket_id: str, listed: Sequence[Json], names: Collection[str]) -> None:
        """Delete the attachments of these names.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/#api-rest-api-3-attachment-id-delete
        """
        for one in listed:
            if one.get("filename") in names:
                self._delete(f"attachment/{one.get('id')}", "delete a redacted file", ticket_id)

    def _delete(
        self, path: str, what: str, ticket_id: str, just_before: Callable[[], object] = lambda: None
    ) -> None:
        try:
            self._client.delete(path, what=what, ticket=ticket_id, just_before=just_before)
        except HostRejected as refusal:  # Jira says 400 to whoever may not delete a comment
            raise HostRefused(
                refusal.what,
                meaning="The service's account may not delete it. It still stands on the ticket.",
                next_step="Give the account Delete All Comments and Delete Own Attachments; what it may not delete, "
                "delete there by hand.",
            ) from None

    def put_text(self, issue_id: str, step: StepView | None = None) -> None:
        """Give the ticket its text again, or a step's sub-task its title and text: one write."""
        self._client.put(
            f"issue/{issue_id}",
            fields.text_again(step),
            what="set a text",
            ticket=issue_id,
            query={"notifyUsers": "false"},
        )

    def write_steps(self, ticket_id: str, incident: IncidentId, steps: Sequence[StepView]) -> None:
        """Create the sub-tasks in order, all in one call.

        Raises:
            HostRejected, HostUnknownOutcome: naming the steps that were not created; the others are there.
        """
        for start in range(0, len(steps), BULK_CREATE):
            failure = self._create_steps(ticket_id, incident, steps[start : start + BULK_CREATE])
            if failure is not None:
                raise failure  # here, where Jira's own words are not at hand

    def _create_steps(
        self, ticket_id: str, incident: IncidentId, steps: Sequence[StepView]
    ) -> HostError | None:
        what = "create the sub-tasks"
        answer = self._client.write(
            "issue/bulk",
            {
                "issueUpdates": [
                    fields.new_step(
                        step,
                        incident,
                        project=self._space.project,
                        parent=ticket_id,
                        subtask_type=self._space.subtask_type_id,
                    )
                    for step in steps
                ]
            },
            what=what,
            ticket=ticket_id,
            writes=len(steps),
        )
        made, errors = answer.get("issues"), answer.get("errors")
        failed = [_failure(error) for error in errors] if isinstance(errors, list) else []
        _log.info("sub-tasks-opened", ticket=ticket_id, count=len(steps) - len(failed), of=len(steps))
        if failed:
            return _partial(steps, failed, self._client.complaints(answer))
        if not isinstance(made, list) or len(made) != len(steps):
            return self._client.unreadable(what, "write")
        return None

    def write_comments(
        self, ticket_id: str, comments: Sequence[SealedComment], look_again: Callable[[], None]
    ) -> Iterator[tuple[CommentId, str]]:
        """Add the comments in order, one call each; yields their ids as they are written.

        ``look_again`` raises if the ticket may not be written to any more; it is asked before every
        further :data:`LOOK_AGAIN` comments.
        """
        what = "add a diary comment"
        for number, comment in enumerate(comments):
            if number and number % LOOK_AGAIN == 0:
                look_again()
            if number and len(comments) > UNPACED:
                self._sleep(SPACING)
            payload: Json = {
                "body": text.diary_comment(comment.text),
                "properties": [fields.diary_marker(comment.incident, comment.id.seq, comment.id.part)],
            }
            if self._space.comment_role is not None:
                payload["visibility"] = {"type": "role", "value": self._space.comment_role}
            made = self._client.write(f"issue/{ticket_id}/comment", payload, what=what, ticket=ticket_id)
            host_id = made.get("id")
            if not isinstance(host_id, str) or not host_id:
                raise self._client.unreadable(what, "write")
            self._check(made, comment)
            yield comment.id, host_id

    def say(self, ticket_id: str, words: text.Node) -> None:
        """Add a plain comment of ours, limited as the diary's comments are."""
        payload: Json = {"body": words}
        if self._space.comment_role is not None:
            payload["visibility"] = {"type": "role", "value": self._space.comment_role}
        self._client.write(f"issue/{ticket_id}/comment", payload, what="say why", ticket=ticket_id)

    def _check(self, made: Json, comment: SealedComment) -> None:
        role, visibility = self._space.comment_role, made.get("visibility")
        shown = visibility if isinstance(visibility, dict) else {}
        if role is not None and (shown.get("type"), shown.get("value")) != ("role", role):
            raise HostNotRestricted(
                "Jira added a diary comment without limiting it to the configured role.",
                meaning="All readers of the ticket can see its ciphertext. Nothing more is written.",
                next_step="See that comment_role names a role of this project with the service's account in it.",
            )
        kept = find_comments(text.code_texts(made.get("body")))
        if comment.text not in {parsed.text for parsed in kept}:
            # Without this check each later read would miss it and each later write would add it again.
            raise HostRejected(
                "Jira added a diary comment but changed its text, so that it cannot be recognised.",
                fields=("comment",),
                meaning="The diary in our own store is whole; the copy on the ticket is not.",
                next_step="Delete that comment and see which app or rule rewrites comments in this project.",
            )


def _failure(error: object) -> tuple[int, int]:
    """Number of the element (from 0) and status in one error of a bulk answer; -1 and 0 where not said."""
    said = error if isinstance(error, dict) else {}
    number, status = said.get("failedElementNumber"), said.get("status")
    return number if isinstance(number, int) else -1, status if isinstance(status, int) else 0


def _partial(
    steps: Sequence[StepView], failed: Sequence[tuple[int, int]], names: tuple[str, ...]
) -> HostError:
    keys = ", ".join(steps[number].key for number, _ in failed if 0 <= number < len(steps))
    what = f"Jira did not create {len(failed)} of {len(steps)} sub-tasks: {keys or 'it does not say which'}."
    if not all(status in _CLIENT_ERROR for _, status in failed):
        return HostUnknownOutcome(
            what,
            meaning="The others are there.",
            next_step="The job reads the ticket and writes what lacks.",
        )
    about = f" It complains about: {', '.join(names)}." if names else ""
    return HostRejected(
        what + about,
        fields=names,
        meaning="The others are there; the diary is not written yet.",
        next_step="Compare the sub-task type's fields and screens with docs/hosts/jira.md.",
    )

"""Steps and diary comments onto a ticket: at most six in one GraphQL request, or one by one by REST.

Aliases of one mutation are carried out in the order they are written, so the steps keep theirs. GitHub
carries out some and refuses others; then nobody but a fresh read knows which, and we say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from integration.errors import HostError, HostRejected
from integration.github.answers import Deed, Json, unknown_outcome
from integration.github.reading import in_our_repository
from integration.github.text import MAX_COMMENT, comment_body, plain_title, step_body, ticket_body
from integration.mirror import StepView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from integration.diary.comment import CommentId, SealedComment
    from integration.github.client import Client
    from integration.mirror import MirrorView
    from integration.process import StepKey

BATCH = 6
"""Mutations in one request. More would come near the ten seconds after which GitHub gives up on a request."""

_STEPS = "write the steps"
_COMMENTS = "write the diary"
_LOCKING = "lock the ticket's conversation"
_LOCK = "lock: lockLockable(input: $lock) { lockedRecord { locked } }"
_NEW_STEP = (
    "createIssue(input: ${name}) {{ issue {{ fullDatabaseId number repository {{ nameWithOwner }} "
    "parent {{ number }} }} }}"
)
_NEW_COMMENT = (
    "addComment(input: ${name}) {{ commentEdge {{ node {{ "
    "fullDatabaseId issue {{ number }} repository {{ nameWithOwner }} }} }} }}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to write: the ticket's number, and the node ids of ticket and repository.

    ``unlocked`` is whether its conversation must be locked first, so that nobody comments there in plain text.
    """

    number: str
    node: str
    repository: str
    unlocked: bool = False


def too_long(view: MirrorView, steps: Sequence[StepView], comments: Sequence[SealedComment]) -> None:
    """Refuse what GitHub would refuse, before anything is sent.

    Raises:
        HostRejected: a body is over GitHub's limit.
    """
    bodies = [step_body(view, step) for step in steps] + [comment_body(comment) for comment in comments]
    if any(len(body) > MAX_COMMENT for body in bodies):
        raise HostRejected(
            f"A sub-issue or comment of {view.code_name} is longer than the {MAX_COMMENT} characters GitHub takes.",
            fields=("body",),
            meaning="Nothing was written.",
            next_step="Shorten the guidance in the process file; a diary comment of this size is a mistake of ours.",
        )


def write_row(
    client: Client, place: Place, view: MirrorView, things: Sequence[StepView | SealedComment]
) -> dict[CommentId, str]:
    """New sub-issues and comments, six with each request, and no other writes of ours between these; the host's ids of the comments.

    Raises:
        GraphQLRefused: nothing of one request was done; REST may be asked, for what a fresh read does not show.
        HostUnknownOutcome: read before writing again.
    """
    written: dict[CommentId, str] = {}
    with client.turns.in_a_row():
        for start in range(0, len(things), BATCH):
            written |= _write_batch(client, place, view, things[start : start + BATCH])
            place = replace(place, unlocked=False)
    return written


def _write_batch(
    client: Client, place: Place, view: MirrorView, things: Sequence[StepView | SealedComment]
) -> dict[CommentId, str]:
    """One request with up to six new sub-issues and comments; the host's ids of the comments.

    An unlocked ticket is locked by the same request, before anything else of it: that costs no write of its own.

    Raises:
        GraphQLRefused: nothing of it was done; REST may be asked.
        HostUnknownOutcome: read before writing again.
    """
    names, fields, variables = [], [], {}
    if place.unlocked:
        names, fields, variables = (
            ["$lock: LockLockableInput!"],
            [_LOCK],
            {"lock": {"lockableId": place.node}},
        )
    for at, thing in enumerate(things):
        name = f"w{at}"
        if isinstance(thing, StepView):
            kind, field = "CreateIssueInput", _NEW_STEP
            variables[name] = {
                "repositoryId": place.repository,
                "parentIssueId": place.node,
                "title": plain_title(thing.title),
                "body": step_body(view, thing),
            }
        else:
            kind, field = "AddCommentInput", _NEW_COMMENT
            variables[name] = {"subjectId": place.node, "body": comment_body(thing)}
        names.append(f"${name}: {kind}!")
        fields.append(f"{name}: {field.format(name=name)}")
    document = f"mutation({', '.join(names)}) {{ {' '.join(fields)} }}"
    data = client.mutate(document, variables, "write steps and diary", writes=len(things))
    if place.unlocked:
        _check_lock(client, data.get("lock"))
    written: dict[CommentId, str] = {}
    for at, thing in enumerate(things):
        if isinstance(thing, StepView):
            _check_step(client, place, data.get(f"w{at}"))
        else:
            written[thing.id] = _comment_id(client, place, data.get(f"w{at}"))
    return written


def lock(client: Client, place: Place) -> None:
    """Lock the ticket's conversation by REST. No reason is given: GitHub shows it to every reader.

    https://docs.github.com/en/rest/issues/issues#lock-an-issue
    """
    client.write("PUT", f"{client.path}/issues/{place.number}/lock", {}, _LOCKING)


def _check_lock(client: Client, payload: object) -> None:
    record = payload.get("lockedRecord") if isinstance(payload, dict) else None
    if not isinstance(record, dict) or record.get("locked") is not True:
        raise unknown_outcome(Deed(_LOCKING, client.where, changes=True))


def _check_step(client: Client, place: Place, payload: object) -> None:
    """A new sub-issue must be in our repository and under its ticket; one that is beside it is put there.

    GitHub's answer can lag behind what it did itself and name no parent. It then refuses to put the sub-issue where it is.
    """
    deed = Deed(_STEPS, client.where, changes=True)
    issue = payload.get("issue") if isinstance(payload, dict) else None
    repository = issue.get("repository") if isinstance(issue, dict) else None
    if not isinstance(issue, dict) or not isinstance(repository, dict):
        raise unknown_outcome(deed)
    if (
        issue.get("number") is None
        or str(repository.get("nameWithOwner", "")).casefold() != client.where.casefold()
    ):
        raise unknown_outcome(deed)
    parent = issue.get("parent")
    if not isinstance(parent, dict) or str(parent.get("number")) != place.number:
        try:
            attach(client, place, issue.get("fullDatabaseId"))
        except HostRejected:
            if not _is_under(client, place, issue["number"]):
                raise


def _is_under(client: Client, place: Place, number: object) -> bool:
    """Whether an issue is a sub-issue of the ticket: one read."""
    if not isinstance(number, int):
        return False
    try:
        found = client.get_object(f"{client.path}/issues/{number}", "look where a step is")
    except HostError as trouble:  # the step itself was written
        raise unknown_outcome(Deed(_STEPS, client.where, changes=True), after=trouble.after) from None
    above = str(found.get("parent_issue_url", "")).casefold()
    return above.endswith(f"{client.path}/issues/{place.number}".casefold())


def _comment_id(client: Client, place: Place, payload: object) -> str:
    """The host's id of a new comment. One that came to stand elsewhere, as on a transferred ticket, is not ours."""
    deed = Deed(_COMMENTS, client.where, changes=True)
    edge = payload.get("commentEdge") if isinstance(payload, dict) else None
    node = edge.get("node") if isinstance(edge, dict) else None
    if not isinstance(node, dict) or node.get("fullDatabaseId") is None:
        raise unknown_outcome(deed)
    issue, repository = node.get("issue"), node.get("repository")
    if not isinstance(issue, dict) or not isinstance(repository, dict):
        raise unknown_outcome(deed)
    here = str(repository.get("nameWithOwner", "")).casefold() == client.where.casefold()
    if not here or str(issue.get("number")) != place.number:
        raise unknown_outcome(deed)
    return str(node["fullDatabaseId"])


def put_text(client: Client, number: str, view: MirrorView, step: StepView | None = None) -> None:
    """Give the ticket its text again, or a step's sub-issue its title and text: one write."""
    body: Json = {"body": ticket_body(view)}
    if step is not None:
        body = {"title": plain_title(step.title), "body": step_body(view, step)}
    client.write("PATCH", f"{client.path}/issues/{number}", body, "set a text")


def write_step(
    client: Client, place: Place, view: MirrorView, step: StepView, beside: Mapping[StepKey, Json]
) -> None:
    """One sub-issue by REST: an issue, then its place under the ticket.

    ``beside`` holds issues that an earlier, interrupted attempt has made and not put there yet.
    """
    issue = beside.get(step.key)
    if issue is None:
        body: Json = {"title": plain_title(step.title), "body": step_body(view, step)}
        issue = client.write("POST", f"{client.path}/issues", body, _STEPS)
        if not isinstance(issue.get("number"), int) or not in_our_repository(issue, client):
            raise unknown_outcome(Deed(_STEPS, client.where, changes=True))
    attach(client, place, issue.get("id"))


def attach(client: Client, place: Place, issue_id: object) -> None:
    """Put an issue under the ticket. GitHub takes its database id here, not its number.

    https://docs.github.com/en/rest/issues/sub-issues#add-sub-issue
    """
    deed = Deed(_STEPS, client.where, changes=True)
    if not str(issue_id).isdecimal():
        raise unknown_outcome(deed)
    path = f"{client.path}/issues/{place.number}/sub_issues"
    client.write("POST", path, {"sub_issue_id": int(str(issue_id))}, _STEPS)


def write_comment(client: Client, place: Place, comment: SealedComment) -> str:
    """One diary comment by REST; the host's id of it."""
    path = f"{client.path}/issues/{place.number}/comments"
    reply = client.write("POST", path, {"body": comment_body(comment)}, _COMMENTS)
    stands_on = str(reply.get("issue_url", "")).casefold()
    if not isinstance(reply.get("id"), int) or not stands_on.endswith(
        path.removesuffix("/comments").casefold()
    ):
        raise unknown_outcome(Deed(_COMMENTS, client.where, changes=True))
    return str(reply["id"])

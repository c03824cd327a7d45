"""A ticket as it is on GitHub: the issue by REST, its sub-issues and comments by one GraphQL query.

The issue itself is always asked by REST, because only there a transferred issue shows as a redirect and
issue fields can be read. Where GraphQL is refused, the lists are read by REST too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from integration.diary.comment import OnTicket, find_blocks
from integration.github.answers import Deed, GraphQLRefused, Json, Moved, is_number, unusable
from integration.github.comments import FoundComment, from_graphql, from_rest
from integration.github.connection import PAGE
from integration.github.text import find_marker, plain_title, says, step_body
from integration.mirror import PlainComment, StepState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from integration.diary.comment import CommentId
    from integration.github.client import Client
    from integration.incident import IncidentId
    from integration.mirror import MirrorView
    from integration.process import StepKey

# fullDatabaseId and not databaseId: that one is a 32-bit number, and GitHub's ids have outgrown it.
_COMMENT = (
    "fullDatabaseId body createdAt lastEditedAt author { __typename login } editor { __typename login }"
)
_CONTENT = """
query($owner: String!, $name: String!, $number: Int!, $steps: String, $comments: String, $talk: Boolean!) {
  repository(owner: $owner, name: $name, followRenames: false) {
    id
    issue(number: $number) {
      id fullDatabaseId number title body state url repository { nameWithOwner }
      subIssues(first: 100, after: $steps) {
        nodes {
          number title body state stateReason(enableDuplicate: true) repository { nameWithOwner }
          comments(first: 20) @include(if: $talk) { nodes { COMMENT } pageInfo { hasNextPage } }
        }
        pageInfo { hasNextPage endCursor }
      }
      comments(first: 50, after: $comments) @include(if: $talk) {
        nodes { COMMENT }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
""".replace("COMMENT", _COMMENT)


@dataclass(frozen=True, slots=True)
class Content:
    """What hangs on a ticket and carries its incident's marker.

    ``plain`` are the comments of the ticket and of its steps that are none of the diary's. ``issue`` is the ticket itself
    as GraphQL shows it, without issue fields; empty where REST was asked.
    """

    steps: dict[StepKey, StepState]
    diary: OnTicket
    plain: tuple[PlainComment, ...]
    issue: Json


Own = Callable[[], Collection[str]]
"""Gives the accounts under which we write."""


class _Strange(Exception):
    """An answer is not shaped as documented."""


class _Pages:
    """The pages of a ticket's lists so far, so that lists whose pages repeat are not read for ever."""

    def __init__(self) -> None:
        self._cursors: set[tuple[str, str]] = set()
        self._nodes: dict[str, object] = {}

    def goes_on(self, key: str, connection: Json) -> bool:
        """Whether another page follows this one.

        Raises:
            _Strange: one is said to follow, but this one brought nothing new or does not say where the next begins.
        """
        page, nodes = connection["pageInfo"], connection["nodes"]
        if not page["hasNextPage"]:
            return False
        cursor = page["endCursor"]
        if not isinstance(cursor, str) or not nodes or nodes == self._nodes.get(key):
            raise _Strange
        if (key, cursor) in self._cursors:
            raise _Strange
        self._cursors.add((key, cursor))
        self._nodes[key] = nodes
        return True


def read_issue(client: Client, number: str) -> Json:
    """The issue of this number in our own repository.

    Raises:
        HostGone: it is not there.
        Moved: it, or the whole repository, was moved elsewhere.
    """
    what = "read the ticket"
    issue = client.get_object(f"{client.path}/issues/{number}", what)
    if str(issue.get("number")) != number or not in_our_repository(issue, client):
        raise Moved(
            f"The ticket {client.where}#{number} is in another repository now.",
            meaning="Nothing was written there: who can read it is not known.",
            next_step="Move the ticket back, or look after it by hand.",
        )
    return issue


def in_our_repository(issue: Json, client: Client) -> bool:
    """Whether an issue says that it is in the repository we know to be restricted."""
    address = issue.get("repository_url")
    return isinstance(address, str) and address.casefold().endswith(client.path.casefold())


def steps_over(issue: Json, view: MirrorView) -> bool:
    """Whether an issue itself says that its sub-issues, as many as there are steps or more, are all closed."""
    counted = issue.get("sub_issues_summary")
    total, over = (
        (counted.get("total"), counted.get("completed")) if isinstance(counted, dict) else (None, None)
    )
    return isinstance(total, int) and total == over and total >= len(view.steps)


_COUNTED = 9_900
"""Issues that can be listed by the numbers of pages: with more GitHub answers 422, "Pagination with the page parameter is not supported
for large datasets". Some 800 incidents with their steps; what is older than those is taken for not there."""


def all_issues(client: Client, *, page: int = PAGE) -> Iterator[Json]:
    """The issues of the repository, newest first, as far back as GitHub counts pages. The list, unlike search, does not lag."""
    listing = client.get_list(
        f"{client.path}/issues",
        "list the tickets",
        state="all",
        sort="created",
        direction="desc",
        per_page=page,
    )
    for issue in islice(listing, _COUNTED):
        if not is_number(issue.get("number")):
            raise unusable(Deed("list the tickets", client.where))
        if "pull_request" not in issue and in_our_repository(issue, client):
            yield issue


def read_content(client: Client, number: str, view: MirrorView, own: Own, *, talk: bool = True) -> Content:
    """Steps and comments of a ticket: its own by their markers and plain lines, and what others wrote there.

    Args:
        client: the repository.
        number: the ticket's.
        view: of the incident whose it is.
        own: gives the accounts under which we write; asked only where it matters.
        talk: whether comments are read too.
    """
    found = content_by_graphql(client, number, view, own, talk=talk)
    if found is None:
        steps, comments = _by_rest(client, number, talk=talk)
        found = _content(client, view, own, steps, comments)
    return found


def content_by_graphql(
    client: Client, number: str, view: MirrorView, own: Own, *, talk: bool = True
) -> Content | None:
    """The same with the issue itself; None where GraphQL does not answer."""
    try:
        issue, steps, comments = _by_graphql(client, int(number), talk=talk)
    except (GraphQLRefused, _Strange):
        return None
    return replace(_content(client, view, own, steps, comments), issue=issue)


def _content(
    client: Client, view: MirrorView, own: Own, steps: Iterable[Json], comments: Iterable[FoundComment]
) -> Content:
    incident = view.incident
    ours = [one for one in steps if _step_of(one, view, client) is not None]
    diary, plain = OnTicket(incident), []
    for one in comments:
        if one.is_of_the_diary(incident, own):
            diary.take(one.body, one.id)
        else:
            plain.append(one.plain(own))
    for step in ours:
        more = step.get("has_more_comments", False)
        plain += [
            one.plain(own) for one in (_comments(client, step["number"]) if more else step["comments_on_it"])
        ]
    told = tuple(one for one in plain if one is not None)
    if len(told) != len(plain):
        raise unusable(Deed("read the ticket's comments", client.where))
    return Content(_steps(ours, view, client), diary, told, {})


def _by_graphql(client: Client, number: int, *, talk: bool) -> tuple[Json, list[Json], list[FoundComment]]:
    steps: list[Json] = []
    comments: list[FoundComment] = []
    owner, _, name = client.where.partition("/")
    variables: Json = {
        "owner": owner,
        "name": name,
        "number": number,
        "steps": None,
        "comments": None,
        "talk": talk,
    }
    lists = (("steps", "subIssues"), ("comments", "comments")) if talk else (("steps", "subIssues"),)
    before = _Pages()
    while True:
        data = client.query(_CONTENT, variables, "read the ticket")
        try:
            issue = data["repository"]["issue"]
            nodes = issue["subIssues"]["nodes"]
            steps += [{**_like_rest(node), **_on_a_step(node, talk=talk)} for node in nodes]
            if talk:
                comments += [from_graphql(node) for node in issue["comments"]["nodes"]]
            more = [key for key, at in lists if before.goes_on(key, issue[at])]
            # A list that is read to its end starts after its end again, so that it comes back empty.
            for key, at in lists:
                variables[key] = issue[at]["pageInfo"]["endCursor"] or variables[key]
        except (KeyError, TypeError, AttributeError):
            more, strange = [], True
        else:
            strange = False
        if strange:
            raise _Strange
        if not more:
            return issue, steps, comments


def _on_a_step(node: Json, *, talk: bool) -> Json:
    """The first comments on a step, and whether there are more, which are then read by REST: there seldom are."""
    if not talk:
        return {"comments_on_it": []}
    shown = node["comments"]
    more = shown["pageInfo"]["hasNextPage"]
    return {"comments_on_it": [from_graphql(one) for one in shown["nodes"]], "has_more_comments": more}


def as_rest(issue: Json, client: Client) -> Json | None:
    """A ticket that GraphQL showed, in REST's words but without fields; None if it is not in its place."""
    try:
        more = {"id": int(issue["fullDatabaseId"]), "node_id": issue["id"], "html_url": issue.get("url")}
        shown = {**_like_rest(issue), **more}
    except (KeyError, TypeError, ValueError):
        return None
    return shown if in_our_repository(shown, client) else None


def _like_rest(node: Json) -> Json:
    return {**node, "repository_url": f"/repos/{node['repository']['nameWithOwner']}"}


def _by_rest(client: Client, number: str, *, talk: bool) -> tuple[list[Json], list[FoundComment]]:
    """The same; the comments of a step are asked for only where it has some."""
    path = f"{client.path}/issues"
    steps = [
        {**one, "comments_on_it": _comments(client, one["number"]) if talk and one.get("comments") else []}
        for one in client.get_list(f"{path}/{number}/sub_issues", "read the ticket's sub-issues")
    ]
    return steps, _comments(client, number) if talk else []


def _comments(client: Client, number: str) -> list[FoundComment]:
    path = f"{client.path}/issues/{number}/comments"
    return [from_rest(one) for one in client.get_list(path, "read the ticket's comments")]


def comments_at(
    client: Client, number: str, incident: IncidentId, places: Collection[CommentId]
) -> list[int]:
    """Ids of the ticket's comments that hold a block, whole or damaged, of this incident at one of these places."""
    listed = client.get_list(f"{client.path}/issues/{number}/comments", "read the ticket's comments")
    return [
        one["id"]
        for one in listed
        if isinstance(one.get("id"), int)
        and any(
            block.incident == incident and block.id in places for block in find_blocks(str(one.get("body")))
        )
    ]


def _step_of(issue: Json, view: MirrorView, client: Client) -> StepKey | None:
    """The step that a sub-issue stands for. One that was moved to another repository is not ours any more.

    Where somebody wiped out the marker together with the text, the title tells.
    """
    mark = find_marker(issue.get("body"))
    if not in_our_repository(issue, client) or (mark is not None and mark.incident != view.incident):
        return None
    if mark is None:
        titled = (step.key for step in view.steps if plain_title(step.title) == issue.get("title"))
        return next(titled, None)
    return mark.step


def _steps(listed: Iterable[Json], view: MirrorView, client: Client) -> dict[StepKey, StepState]:
    """The first sub-issue of each step. What was closed as not planned, or as a duplicate, was skipped."""
    found: dict[StepKey, StepState] = {}
    written = {step.key: step for step in view.steps}
    for one in listed:
        step = _step_of(one, view, client)
        if step is None:
            continue
        closed = str(one.get("state", "")).casefold() == "closed"
        reason = str(one.get("stateReason") or one.get("state_reason") or "").casefold()
        skipped = closed and reason in {"not_planned", "duplicate"}
        as_written = step not in written or (
            one.get("title") == plain_title(written[step].title)
            and says(one.get("body"), step_body(view, written[step]))
        )
        number, title = str(one.get("number")), str(one.get("title"))
        state = StepState(number, title, closed and not skipped, skipped, as_written)
        found.setdefault(step, state)
    return found

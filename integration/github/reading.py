"""A ticket as it is on GitHub: the issue by REST, its sub-issues and comments by one GraphQL query.

The issue itself is always asked by REST, because only there a transferred issue shows as a redirect and
issue fields can be read. Where GraphQL is refused, the lists are read by REST too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from integration.diary.comment import OnTicket, find_blocks
from integration.errors import HostGone, HostRejected
from integration.github.answers import Deed, GraphQLRefused, Json, Moved, unusable
from integration.github.connection import PAGE
from integration.github.text import find_marker
from integration.mirror import StepState, TicketName, TicketRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from integration.diary.comment import CommentId
    from integration.github.client import Client
    from integration.incident import IncidentId
    from integration.mirror import MirrorView
    from integration.process import StepKey

# fullDatabaseId and not databaseId: that one is a 32-bit number, and GitHub's ids have outgrown it.
_CONTENT = """
query($owner: String!, $name: String!, $number: Int!, $steps: String, $comments: String) {
  repository(owner: $owner, name: $name, followRenames: false) {
    issue(number: $number) {
      subIssues(first: 100, after: $steps) {
        nodes { number title body state repository { nameWithOwner } }
        pageInfo { hasNextPage endCursor }
      }
      comments(first: 50, after: $comments) {
        nodes { fullDatabaseId body }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What hangs on a ticket and carries its incident's marker."""

    steps: dict[StepKey, StepState]
    diary: OnTicket


class _Strange(Exception):
    """An answer is not shaped as documented."""


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


def ticket_gone(client: Client, number: str) -> HostGone:
    """The ticket cannot be read in its place any more."""
    return HostGone(
        f"The ticket {client.where}#{number} is not in its place.",
        meaning="It was moved to another repository, or its repository was renamed. Nothing was written.",
        next_step="Move it back, or look at the repository's name in the configuration.",
    )


def in_our_repository(issue: Json, client: Client) -> bool:
    """Whether an issue says that it is in the repository we know to be restricted."""
    address = issue.get("repository_url")
    return isinstance(address, str) and address.casefold().endswith(client.path.casefold())


def ticket_ref(issue: Json, client: Client) -> TicketRef:
    """How we refer to an issue from now on."""
    number = issue["number"]
    url = issue.get("html_url")
    return TicketRef(
        name=TicketName(f"github:{client.where}#{number}"),
        id=str(number),
        key=f"#{number}",
        url=url if isinstance(url, str) else "",
        stable=_stable(issue),
    )


def _stable(issue: Json) -> str:
    """An issue's database id: no other issue ever gets it, and unlike node ids its form does not change."""
    return str(issue["id"]) if isinstance(issue.get("id"), int) else ""


def must_be_the_ticket(issue: Json, ref: TicketRef, view: MirrorView, client: Client) -> None:
    """Refuse whatever else stands under the ticket's number: it must be the same issue, and show it.

    A marker that somebody wiped out is put back only where the title is still ours.

    Raises:
        HostGone: another issue, or the ticket or step of another incident.
        HostRejected: nothing on it says that it is the ticket.
    """
    mark = find_marker(issue.get("body"))
    foreign = mark is not None and (mark.incident != view.incident or mark.step is not None)
    if foreign or (ref.stable and _stable(issue) != ref.stable):
        raise HostGone(
            f"Under the number of the ticket {client.where}#{ref.id} there is another issue now.",
            meaning=f"The repository was made again, or somebody changed the text of the ticket of {view.code_name}. "
            "Nothing was written to it.",
            next_step="Find out what became of the repository. If the ticket is lost: "
            f"coc diary restore {view.code_name} --new-ticket",
        )
    if mark is None and issue.get("title") != view.code_name:
        raise HostRejected(
            f"The issue {client.where}#{ref.id} has neither the title nor the marker of {view.code_name}.",
            fields=("title", "body"),
            meaning="It may be anybody's. Nothing was written to it.",
            next_step=f"If it is the ticket, set its title to {view.code_name}; the rest is then put right.",
        )


def recent_issues(client: Client, since: datetime, *, page: int = PAGE) -> Iterator[Json]:
    """All issues of the repository from ``since`` on, newest first. The list, unlike search, does not lag."""
    listing = client.get_list(
        f"{client.path}/issues",
        "list the tickets",
        state="all",
        sort="created",
        direction="desc",
        per_page=page,
    )
    for issue in listing:
        created = _created(issue)
        if created is None or not isinstance(issue.get("number"), int):
            raise unusable(Deed("list the tickets", client.where))
        if created < since:
            return
        if "pull_request" not in issue and in_our_repository(issue, client):
            yield issue


def _created(issue: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(str(issue.get("created_at")))
    except ValueError:
        return None


def read_content(client: Client, owner: str, name: str, number: str, incident: IncidentId) -> Content:
    """Steps and diary comments of a ticket, by their markers and plain lines."""
    try:
        steps, comments = _by_graphql(client, owner, name, int(number))
    except (GraphQLRefused, _Strange):
        steps, comments = _by_rest(client, number)
    diary = OnTicket(incident)
    for host_id, body in comments:
        diary.take(body, host_id)
    return Content(_steps(steps, incident, client), diary)


def _by_graphql(
    client: Client, owner: str, name: str, number: int
) -> tuple[list[Json], list[tuple[str, str]]]:
    steps: list[Json] = []
    comments: list[tuple[str, str]] = []
    variables: Json = {"owner": owner, "name": name, "number": number, "steps": None, "comments": None}
    while True:
        data = client.query(_CONTENT, variables, "read the ticket")
        try:
            issue = data["repository"]["issue"]
            for node in issue["subIssues"]["nodes"]:
                where = f"/repos/{node['repository']['nameWithOwner']}"
                steps.append({**node, "repository_url": where})
            comments += [
                (str(node["fullDatabaseId"]), str(node["body"])) for node in issue["comments"]["nodes"]
            ]
            pages = {
                key: issue[at]["pageInfo"] for key, at in (("steps", "subIssues"), ("comments", "comments"))
            }
            more = [key for key, page in pages.items() if page["hasNextPage"]]
            # A list that is read to its end starts after its end again, so that it comes back empty.
            for key, page in pages.items():
                variables[key] = page["endCursor"] or variables[key]
        except (KeyError, TypeError):
            more, strange = [], True
        else:
            strange = False
        if strange:
            raise _Strange
        if not more:
            return steps, comments


def _by_rest(client: Client, number: str) -> tuple[list[Json], list[tuple[str, str]]]:
    path = f"{client.path}/issues/{number}"
    steps = list(client.get_list(f"{path}/sub_issues", "read the ticket's sub-issues"))
    comments = [
        (str(one.get("id")), str(one.get("body")))
        for one in client.get_list(f"{path}/comments", "read the ticket's comments")
    ]
    return steps, comments


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


def _steps(listed: Iterable[Json], incident: IncidentId, client: Client) -> dict[StepKey, StepState]:
    """The first sub-issue of each step. One that was moved to another repository is not ours any more."""
    found: dict[StepKey, StepState] = {}
    for one in listed:
        mark = find_marker(one.get("body"))
        if (
            mark is None
            or mark.incident != incident
            or mark.step is None
            or not in_our_repository(one, client)
        ):
            continue
        done = str(one.get("state", "")).casefold() == "closed"
        found.setdefault(mark.step, StepState(str(one.get("number")), str(one.get("title")), done))
    return found

"""The Incident board on GitHub: one pinned and locked issue of the restricted repository, kept as it should be.

Not a GitHub Project: by default every member of the organisation sees that, and no API changes it. One
read of the repository and one of the board; a write for each thing that differs, and then one more read.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from integration.board import BoardRecord, Renewed
from integration.errors import HostGone, HostNotRestricted, HostRefused, HostRejected
from integration.github.answers import Deed, GraphQLRefused, Json, Moved, objects, unknown_outcome
from integration.github.board_text import LABEL, TITLE, board_body, is_board
from integration.github.reading import in_our_repository, read_issue
from integration.github.text import find_marker

if TYPE_CHECKING:
    from integration.board import Board
    from integration.github.audience import KnownRepository
    from integration.github.client import Client
    from integration.incident import SpaceName

# A board is found by its label or because it is pinned; a list, unlike search, does not lag.
_LOOK = """
query($owner: String!, $name: String!, $label: String!) {
  repository(owner: $owner, name: $name, followRenames: false) {
    issues(first: 20, labels: [$label], orderBy: {field: CREATED_AT, direction: ASC}) { nodes { ...board } }
    pinnedIssues(first: 3) { nodes { issue { ...board } } }
  }
}
fragment board on Issue {
  id number title body state locked isPinned
  labels(first: 50) { nodes { name } }
}
"""
_PIN = "mutation($board: ID!) { pinIssue(input: {issueId: $board}) { issue { isPinned } } }"
_WHAT = "look at the Incident board"
_SAYS = {
    "title": "its title was put right",
    "body": "its text was renewed",
    "state": "it was opened again",
    "labels": "its label was put back",
}


class GitHubBoard:
    """An :class:`integration.board.HostBoard` on GitHub.

    Args:
        client: the calls.
        repository: where it stands; looked at before each writing.
        space: the ticket space's configured name.
    """

    def __init__(self, client: Client, repository: KnownRepository, space: SpaceName) -> None:
        self._client = client
        self._repository = repository
        self._space = space

    @property
    def space(self) -> SpaceName:
        """The ticket space."""
        return self._space

    def digest(self, board: Board) -> str:
        """A digest of the text."""
        return hashlib.sha256(board_body(board).encode()).hexdigest()

    def show(self, board: Board, known: BoardRecord | None) -> Renewed:
        """Make the board or put it right.

        Raises:
            BudgetSpent: there is no room for a whole incident within GitHub's limits; reports go first.
            HostNotRestricted: the repository is not restricted any more. Nothing was written.
        """
        body = board_body(board)
        self._must_be_restricted()
        found = self._find(known)
        deeds = self._put_right(found, body) if found is not None else self._make(body)
        if deeds or found is None:
            found = self._read_back(body)
        return Renewed(BoardRecord(str(found["number"]), self.digest(board)), deeds)

    # Reading ------------------------------------------------------------------------------------------

    def _must_be_restricted(self) -> None:
        _, doors = self._repository.read()
        if doors:
            raise HostNotRestricted(
                f"The repository {self._client.where} is not restricted (any more): {'; '.join(doors)}.",
                meaning="The Incident board was not written.",
                next_step="Make it private again under its own name; the board is renewed by itself.",
            )

    def _find(self, known: BoardRecord | None) -> Json | None:
        """The board, the oldest if there are several; None if there is none."""
        number = int(known.host_id) if known is not None and known.host_id.isdecimal() else None
        found = {
            one["number"]: one
            for one in self._listed()
            if is_board(one.get("body")) or (one["number"] == number and _looks_like_one(one))
        }
        if number in found:
            return found[number]
        if found:
            return found[min(found)]
        return self._without_label(str(number)) if number is not None else None

    def _listed(self) -> list[Json]:
        owner, _, name = self._client.where.partition("/")
        try:
            data = self._client.query(_LOOK, {"owner": owner, "name": name, "label": LABEL}, _WHAT)
        except GraphQLRefused:
            raise _needs_graphql(self._client.where) from None
        try:
            repository = data["repository"]
            nodes = [
                *repository["issues"]["nodes"],
                *(one["issue"] for one in repository["pinnedIssues"]["nodes"]),
            ]
            return [one for one in objects(nodes) if isinstance(one.get("number"), int)]
        except (KeyError, TypeError):
            raise _needs_graphql(self._client.where) from None

    def _without_label(self, number: str) -> Json | None:
        """The board we know, from which somebody took the label and the pin; else another would be made beside it."""
        try:
            issue = read_issue(self._client, number)
        except (HostGone, Moved):
            return None
        if not is_board(issue.get("body")) and not _looks_like_one(issue):
            return None
        return {
            "id": issue.get("node_id"),
            "number": issue["number"],
            "title": issue.get("title"),
            "body": issue.get("body"),
            "state": issue.get("state"),
            "locked": issue.get("locked"),
            "isPinned": False,
            "labels": {"nodes": issue.get("labels")},
        }

    # Writing ------------------------------------------------------------------------------------------

    def _make(self, body: str) -> list[str]:
        self._client.turns.check()
        made = self._client.write(
            "POST",
            f"{self._client.path}/issues",
            {"title": TITLE, "body": body, "labels": [LABEL]},
            "open the Incident board",
        )
        if not isinstance(made.get("number"), int) or not in_our_repository(made, self._client):
            raise unknown_outcome(Deed("open the Incident board", self._client.where, changes=True))
        return [
            f"opened as #{made['number']}",
            *self._locked(made["number"]),
            *self._pinned(str(made.get("node_id"))),
        ]

    def _put_right(self, found: Json, body: str) -> list[str]:
        names = [str(one.get("name")) for one in objects((found.get("labels") or {}).get("nodes"))]
        change: Json = {}
        if found.get("title") != TITLE:
            change["title"] = TITLE
        if _lines(found.get("body")) != _lines(body):
            change["body"] = body
        if str(found.get("state")).casefold() != "open":
            change["state"] = "open"
        if LABEL not in names:
            change["labels"] = [*names, LABEL]
        if change or not found.get("locked") or not found.get("isPinned"):
            self._client.turns.check()
        deeds = []
        if change:
            path = f"{self._client.path}/issues/{found['number']}"
            self._client.write("PATCH", path, change, "renew the Incident board")
            deeds = [_SAYS[key] for key in change]
        if not found.get("locked"):
            deeds += self._locked(found["number"])
        if not found.get("isPinned"):
            deeds += self._pinned(str(found.get("id")))
        return deeds

    def _locked(self, number: int) -> list[str]:
        """Nobody without write access can comment there.

        https://docs.github.com/en/rest/issues/issues#lock-an-issue
        """
        path = f"{self._client.path}/issues/{number}/lock"
        self._client.write("PUT", path, None, "lock the Incident board")
        return ["its conversation was locked"]

    def _pinned(self, node: str) -> list[str]:
        """GitHub pins three issues at most; a board that is not pinned is a board all the same."""
        try:
            self._client.mutate(_PIN, {"board": node}, "pin the Incident board", writes=1)
        except (GraphQLRefused, HostRejected):
            return ["GitHub did not pin it: three issues are pinned already, or our key may not pin"]
        return ["it was pinned"]

    def _read_back(self, body: str) -> Json:
        for one in self._listed():
            if _lines(one.get("body")) == _lines(body) and one.get("locked") is True:
                return one
        raise HostRejected(
            f"The Incident board in {self._client.where} does not show what was written, or is not locked.",
            fields=("body",),
            meaning="Something on GitHub changes it, or it was changed at the same moment.",
            next_step="Nothing; it is renewed by itself. If this stays, see which app or workflow edits issues there.",
        )


def _looks_like_one(issue: Json) -> bool:
    """Whether the issue under the number that we know is a board whose marker was wiped out, and no incident's ticket.

    A repository that was made again begins to count anew, so that the number alone proves nothing.
    """
    return issue.get("title") == TITLE and find_marker(issue.get("body")) is None


def _needs_graphql(where: str) -> HostRefused:
    return HostRefused(
        f"GitHub's GraphQL would not look at the Incident board in {where}.",
        meaning="The board was not renewed; pinning an issue is possible by GraphQL only. Tickets are not touched by this.",
        next_step="See that our key may read and write issues there, and that the repository has issues switched on.",
    )


def _lines(body: object) -> str:
    """A text as we compare it: GitHub may keep other line ends than we sent."""
    return str(body).replace("\r\n", "\n").strip()

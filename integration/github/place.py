"""A ticket is looked at before it is written to: our repository, still restricted, and our ticket in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import (
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.reading import read_issue
from integration.github.text import find_marker
from integration.github.writing import Place
from integration.mirror import TicketName, TicketRef

if TYPE_CHECKING:
    from integration.github.answers import Json
    from integration.github.audience import KnownRepository
    from integration.github.client import Client
    from integration.mirror import MirrorView

_REMEMBERED = 50


class TicketPlace:
    """The tickets of one repository, and what must be true before anything more is written to one.

    Args:
        client: the calls.
        repository: the one whose audience was read.
    """

    def __init__(self, client: Client, repository: KnownRepository) -> None:
        self._client = client
        self._repository = repository
        self._just_read: dict[str, Json] = {}

    def remember(self, ref: TicketRef, issue: Json) -> None:
        """Keep a ticket that was just read, for :meth:`known`; a few tickets are enough."""
        if len(self._just_read) >= _REMEMBERED:
            self._just_read.clear()
        self._just_read[ref.id] = issue

    def known(self, ref: TicketRef) -> tuple[Place, Json] | None:
        """Where to write, by what was read a moment ago; None if nothing was."""
        issue = self._just_read.pop(ref.id, None)
        if issue is None or not self._repository.node:
            return None
        node, home = str(issue.get("node_id")), self._repository.node
        return Place(ref.id, node, home, unlocked=self.is_unlocked(issue)), issue

    def proven(self, ref: TicketRef, view: MirrorView) -> tuple[Place, Json]:
        """Where to write, once two reads say that this is our restricted repository and our ticket in it.

        Raises:
            HostNotRestricted: the repository is open to others.
            HostGone, HostRejected: the ticket is not there, or is another.
        """
        repository, doors = self._repository.read()
        if doors:
            raise HostNotRestricted(
                f"The repository {self._client.where} is not restricted (any more): {'; '.join(doors)}.",
                meaning="Nothing more is written to it.",
                next_step="Make it private again under its own name; the job tries again by itself.",
            )
        issue = read_issue(self._client, ref.id)
        must_be_the_ticket(issue, ref, view, self._client)
        node, home = str(issue.get("node_id")), str(repository.get("node_id"))
        return Place(ref.id, node, home, unlocked=self.is_unlocked(issue)), issue

    def look_again(self, ref: TicketRef, view: MirrorView) -> None:
        """Before more is written: still our restricted repository, still our ticket in it."""
        try:
            self.proven(ref, view)
        except (HostUnavailable, HostLimited) as trouble:
            raise HostUnknownOutcome(
                trouble.what,
                meaning="A part of the ticket was written before; nothing more is written without this look.",
                next_step="Nothing; the job reads what is there and writes only what is missing.",
                after=trouble.after,
            ) from None

    def is_unlocked(self, issue: Json) -> bool:
        """Whether members could comment in plain text, and we can keep them from it."""
        return self._repository.may_lock and issue.get("locked") is False


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


def ticket_gone(client: Client, number: str) -> HostGone:
    """The ticket cannot be read in its place any more."""
    return HostGone(
        f"The ticket {client.where}#{number} is not in its place.",
        meaning="It was moved to another repository, or its repository was renamed. Nothing was written.",
        next_step="Move it back, or look at the repository's name in the configuration.",
    )

"""The GitHub host: incidents as issues of one private repository, steps as sub-issues, diary as comments.

One incident costs four write requests: the issue, and three GraphQL requests with eleven sub-issues and
two comments. Each is sent once. What the repository must be like, and what was never run against the real
GitHub, stands in docs/hosts/github.md.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from integration.errors import HostGone, HostRefused, HostRejected, HostUnknownOutcome
from integration.github.answers import GraphQLRefused, Moved
from integration.github.audience import KnownRepository, read_audience
from integration.github.board import GitHubBoard
from integration.github.client import Client
from integration.github.credential import AppCredential
from integration.github.deliveries import HookDeliveries
from integration.github.loose_steps import LooseSteps
from integration.github.place import TicketPlace, must_be_the_ticket, ticket_gone, ticket_ref
from integration.github.putting import TicketFields
from integration.github.reading import (
    as_rest,
    comments_at,
    content_by_graphql,
    read_content,
    read_issue,
    steps_over,
)
from integration.github.removing import remove_plain
from integration.github.search import TicketSearch
from integration.github.text import reopened_word, says, ticket_body
from integration.github.writing import (
    BATCH,
    Place,
    lock,
    put_text,
    too_long,
    write_comment,
    write_row,
    write_step,
)
from integration.host_events import Touched
from integration.mirror import ALL, StepView, TicketState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from integration.audience import Audience
    from integration.diary.comment import CommentId, SealedComment
    from integration.github.credential import TokenCredential
    from integration.github.reading import Content
    from integration.github.space import GitHubSpace
    from integration.incident import IncidentId, SpaceName
    from integration.marked import MarkedTicket
    from integration.mirror import Difference, MirrorView, PlainComment, TicketRef
    from integration.ports import Budget

AT_ONCE = 2
"""Incidents at the same time. GitHub asks for requests one after another, and writes to it do go so.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
"""
LOOK_AGAIN = 3 * BATCH
"""Steps and comments that are written on one look at repository and ticket."""


class GitHubHost:
    """A :class:`integration.ports.Host` on GitHub.

    Args:
        space: the repository.
        credential: an App's, or a user's token.
        budget: what may be written to GitHub, shared with other processes.
        pause: seconds between two writes; by default one, and none on loopback.
        sleep: how to wait.
    """

    def __init__(
        self,
        space: GitHubSpace,
        credential: AppCredential | TokenCredential,
        *,
        budget: Budget | None = None,
        pause: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._space = space
        self._client = Client(
            base_url=space.base_url,
            owner=space.owner,
            repository=space.repository,
            credential=credential,
            budget=budget,
            pause=pause,
            sleep=sleep,
        )
        self._repository = KnownRepository(self._client)
        self.board = GitHubBoard(self._client, self._repository, space.name)
        self._place = TicketPlace(self._client, self._repository)
        self._search = TicketSearch(self._client)
        self._loose = LooseSteps(self._client, self._search)
        self._login: str | None = None
        self._fields = TicketFields(self._client)
        app_id = credential.app_id if isinstance(credential, AppCredential) else ""
        self.webhook = (
            HookDeliveries(self._client, app_id=app_id, hook_id=space.hook_id or 0)
            if app_id or space.hook_id
            else None
        )

    @property
    def kind(self) -> Literal["github"]:
        """``github``."""
        return "github"

    @property
    def space(self) -> SpaceName:
        """The configured name of the ticket space."""
        return self._space.name

    @property
    def known_accounts(self) -> frozenset[str]:
        """Our login, if it was asked for already. Asks nothing."""
        return frozenset({self._login} if self._login else ())

    @property
    def own_accounts(self) -> frozenset[str]:
        """Our login, asked from GitHub once. It may always read, so a configured one is not believed.

        Raises:
            HostRefused: another login is configured.
        """
        return self._own()

    @property
    def holds_files(self) -> bool:
        """No: what is put into an issue lies at an address of its own."""
        return False

    @property
    def at_once(self) -> int:
        """While one incident waits for its turn to write, another is read."""
        return AT_ONCE

    @property
    def part_bytes(self) -> int:
        """Sealed and armoured, this stays under the 65,536 characters of a comment."""
        return 44_000

    # Reading ----------------------------------------------------------------------------------------

    def ready(self, incidents: int = 1) -> None:
        """Whether there is room for so many whole incidents within GitHub's limits. Asks our own budget only."""
        self._client.turns.check(incidents)

    def ready_to_look(self, looks: int = 1) -> None:
        """Whether there is room for what follows from so many looks at tickets. Asks our own budget only."""
        self._client.turns.check_looks(looks)

    def audience(self) -> Audience:
        """Who can read the repository now: two reads as an App, three with a token."""
        return read_audience(
            self._client,
            self._repository,
            space=self._space.name,
            own_login=self._own_login,
        )

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        """Tickets with this incident's marker, oldest first: one read where nothing of it is there.

        The first look of a process, and the next after a write of unknown outcome, reads the whole list, a page for each hundred.
        """
        return self._search.find(incident)

    def marked(self) -> list[MarkedTicket]:
        """Issues with the marker of any incident: the list of all, a page for each hundred; it does not lag."""
        return self._search.marked()

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        """The ticket as it is now: one read for its fields or for what hangs on it, two for both.

        One more the first time, for the organisation's fields. Where the ticket itself is not wanted, GraphQL shows its
        title and marker beside the rest, and no fields.
        """
        talk = Touched.COMMENTS in only
        if only and Touched.TICKET not in only and (beside := self._beside(ref, view, talk=talk)) is not None:
            return beside
        try:
            issue = read_issue(self._client, ref.id)
        except Moved:
            issue = {}
        if not issue:
            raise ticket_gone(self._client, ref.id)
        must_be_the_ticket(issue, ref, view, self._client)
        self._place.remember(ref, issue)
        state = TicketState(
            ref=ticket_ref(issue, self._client),
            fields_right=self._fields.right(view, issue),
            shown=self._fields.shown(view, issue),
            marked=self._fields.marked(view, issue),
            parts=frozenset({Touched.TICKET}),
            steps_over=steps_over(issue, view),
            as_written=says(issue.get("body"), ticket_body(view)),
        )
        closed_early = issue.get("state") == "closed" and not state.steps_over
        if not talk and Touched.STEPS not in only and not closed_early:
            return (
                replace(state, fields_right=False, marked=False) if self._place.is_unlocked(issue) else state
            )
        content = read_content(self._client, ref.id, view, self._own, talk=talk)
        # Without steps it is still being opened, and is locked together with them.
        if content.steps and self._place.is_unlocked(issue):
            state = replace(state, fields_right=False, marked=False)
        return _with(
            state, content, {Touched.TICKET, Touched.STEPS} | ({Touched.COMMENTS} if talk else set())
        )

    def _beside(self, ref: TicketRef, view: MirrorView, *, talk: bool) -> TicketState | None:
        """Steps, comments, title and marker: one read by GraphQL; None where that does not show the ticket in its place."""
        content = content_by_graphql(self._client, ref.id, view, self._own, talk=talk)
        issue = as_rest(content.issue, self._client) if content is not None else None
        if content is None or issue is None:
            return None
        must_be_the_ticket(issue, ref, view, self._client)
        self._place.remember(ref, issue)
        state = TicketState(
            ticket_ref(issue, self._client),
            fields_right=self._fields.titled(view, issue),
            as_written=says(issue.get("body"), ticket_body(view)),
        )
        return _with(state, content, {Touched.STEPS} | ({Touched.COMMENTS} if talk else set()))

    # Writing ----------------------------------------------------------------------------------------

    def open_ticket(self, view: MirrorView) -> TicketRef:
        """Write the issue with its marker and fields: one write.

        What GitHub dropped of the fields is remembered, and put right by :meth:`write` as labels.
        """
        try:
            ref = ticket_ref(self._fields.open(view), self._client)
        except HostUnknownOutcome:
            self._search.forget()
            raise
        self._loose.none_of(ref.id)
        return ref

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        """Write what the ticket lacks, after two reads: the repository is restricted and the ticket in it.

        These two come again before every eighteen steps and comments, and before writing by REST; at first they are
        spared where the caller has just read the ticket. A step that was taken off the ticket is put there again.
        """
        if not lacking:
            return {}
        too_long(view, lacking.steps, lacking.comments)
        known = self._place.known(ref) if fresh is not None and fresh.restricted else None
        if known is None or (lacking.fields and "labels" not in known[1]):
            known = self._place.proven(ref, view)
        place, issue = known
        if lacking.fields:
            self._fields.put(view, issue)
        if lacking.text:
            put_text(self._client, ref.id, view)
        for number, step in lacking.texts:
            put_text(self._client, number, view, step)
        to_make = self._loose.put_back(place, view, lacking.steps, fresh)
        things: list[StepView | SealedComment] = [*to_make, *lacking.comments]
        if place.unlocked and not things:
            lock(self._client, place)
        written: dict[CommentId, str] = {}
        try:
            for start in range(0, len(things), LOOK_AGAIN):
                if start:
                    self._place.look_again(ref, view)
                written |= write_row(self._client, place, view, things[start : start + LOOK_AGAIN])
                place = replace(place, unlocked=False)
        except GraphQLRefused:
            return written | self._write_by_rest(ref, view, place, things)
        return written

    def _write_by_rest(
        self, ref: TicketRef, view: MirrorView, place: Place, things: Sequence[StepView | SealedComment]
    ) -> dict[CommentId, str]:
        """One after another, and only what a fresh read does not show."""
        self._place.look_again(ref, view)
        if place.unlocked:
            lock(self._client, place)
        found = self.read(ref, view)
        lacking = [
            one
            for one in things
            if (one.key not in found.steps if isinstance(one, StepView) else one.text not in found.comments)
        ]
        beside = self._search.steps_beside(view) if any(isinstance(one, StepView) for one in lacking) else {}
        written: dict[CommentId, str] = {}
        for number, one in enumerate(lacking):
            if number and number % LOOK_AGAIN == 0:
                self._place.look_again(ref, view)
            if isinstance(one, StepView):
                write_step(self._client, place, view, one, beside)
            else:
                written[one.id] = write_comment(self._client, place, one)
        return written

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> list[str]:
        """GitHub has no place for files that only readers of the repository could fetch; nothing is sent."""
        del ref, files, content
        raise HostRejected(
            f"GitHub cannot hold files with the ticket of {view.code_name}.",
            fields=("file",),
            meaning="What is put into an issue there lies at an address of its own. Nothing was written.",
            next_step="Keep the file elsewhere, encrypted, and write into the diary where it is.",
        )

    def erase(
        self, ref: TicketRef, view: MirrorView, places: Collection[CommentId], files: Collection[str]
    ) -> None:
        """Two reads, and one write for each comment that goes. There are no files here.

        https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment
        """
        del files
        must_be_the_ticket(read_issue(self._client, ref.id), ref, view, self._client)
        for comment in comments_at(self._client, ref.id, view.incident, places):
            path = f"{self._client.path}/issues/comments/{comment}"
            try:
                self._client.write("DELETE", path, None, "delete a redacted comment")
            except HostGone:
                continue

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> frozenset[str]:
        """One read and one write for each. GitHub deletes a comment with its earlier texts.

        https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment
        """
        del ref, view
        return frozenset(one.id for one in comments if remove_plain(self._client, one, self._own))

    def reopen(
        self, ref: TicketRef, view: MirrorView, found: TicketState, unfinished: Sequence[StepView]
    ) -> None:
        """Two writes: it is opened first, so that a word that did not come through is not said twice.

        https://docs.github.com/en/rest/issues/issues#update-an-issue
        """
        del found
        path = f"{self._client.path}/issues/{ref.id}"
        issue = self._client.write("PATCH", path, {"state": "open"}, "open the ticket again")
        self._fields.must_be_ours(issue, view.incident)
        word = {"body": reopened_word(view, unfinished)}
        self._client.write("POST", f"{path}/comments", word, "say why the ticket was opened again")

    def _own(self) -> frozenset[str]:
        return frozenset({self._own_login()})

    def _own_login(self) -> str:
        if self._login is None:
            login, configured = self._client.own_login(), self._space.bot_login
            if configured is not None and configured.casefold() != login.casefold():
                raise HostRefused(
                    f"The bot_login of the ticket space {self._space.name!r} is not the account of our key.",
                    meaning="Whoever is named there would be taken for the service and might read. Nothing was written.",
                    next_step="Leave bot_login out, or set it to the account of the token, or to the App's name and [bot].",
                )
            self._login = login
        return self._login


def _with(state: TicketState, content: Content, parts: set[Touched]) -> TicketState:
    """What was read of a ticket, with what hangs on it."""
    return replace(
        state,
        steps=content.steps,
        comments=content.diary.whole,
        damaged=frozenset(content.diary.damaged),
        plain=content.plain,
        parts=frozenset(parts),
    )

"""The GitHub host: incidents as issues of one private repository, steps as sub-issues, diary as comments.

One incident costs four write requests: the issue, and three GraphQL requests with eleven sub-issues and
two comments. Each is sent once. What the repository must be like, and what was never run against the real
GitHub, stands in docs/hosts/github.md.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from integration.errors import (
    ConfigError,
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github import fields
from integration.github.answers import Deed, GraphQLRefused, Json, KeyRefused, Moved, objects, unknown_outcome
from integration.github.audience import KnownRepository, read_audience
from integration.github.client import Client
from integration.github.credential import AppCredential
from integration.github.deliveries import HookDeliveries
from integration.github.reading import (
    comments_at,
    in_our_repository,
    must_be_the_ticket,
    read_content,
    read_issue,
    recent_issues,
    ticket_gone,
    ticket_ref,
)
from integration.github.seen import SeenIncidents
from integration.github.text import find_marker, ticket_body
from integration.github.writing import BATCH, Place, too_long, write_batch, write_comment, write_step
from integration.mirror import StepView, TicketState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from integration.audience import Audience
    from integration.diary.comment import CommentId, SealedComment
    from integration.github.credential import TokenCredential
    from integration.incident import IncidentId, SpaceName
    from integration.mirror import Difference, MirrorView, TicketRef
    from integration.ports import Budget
    from integration.process import StepKey

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\Z")
_REPOSITORY = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_MARGIN = timedelta(days=7)  # how far GitHub's clock and ours may be apart; a week of tickets is a few pages
AT_ONCE = 2
"""Incidents at the same time. GitHub asks for requests one after another, and writes to it do go so.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
"""
LOOK_AGAIN = 3 * BATCH
"""Steps and comments that are written on one look at repository and ticket."""
_OPEN = "open the ticket"


@dataclass(frozen=True, slots=True)
class GitHubSpace:
    """One repository that holds incidents and nothing else.

    ``bot_login`` is the account of our credential, if the team wants it checked; GitHub is asked in any case.
    ``hook_id`` is the repository's webhook that calls us; an App has one of its own.
    """

    name: SpaceName
    owner: str
    repository: str
    base_url: str = "https://api.github.com"
    bot_login: str | None = None
    hook_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse names that GitHub would not give, since they become a part of addresses."""
        mistakes = []
        if not _OWNER.match(self.owner):
            mistakes.append("owner must be a GitHub user or organisation")
        if not _REPOSITORY.match(self.repository):
            mistakes.append("repository must be a GitHub repository's name, without its owner")
        if mistakes:
            raise ConfigError(f"The ticket space {self.name!r}", mistakes)


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
        self._seen = SeenIncidents(self._client)
        self._login: str | None = None
        self._definitions: tuple[fields.IssueField, ...] | None = None
        self._dropped: frozenset[str] = frozenset()
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
    def own_accounts(self) -> frozenset[str]:
        """Our login, asked from GitHub once. It may always read, so a configured one is not believed.

        Raises:
            HostRefused: another login is configured.
        """
        return frozenset({self._own_login()})

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

    def audience(self) -> Audience:
        """Who can read the repository now: two reads as an App, three with a token."""
        return read_audience(
            self._client,
            self._repository,
            space=self._space.name,
            own_login="" if self._client.is_app else self._own_login(),
        )

    def find(self, incident: IncidentId, *, since: datetime) -> tuple[TicketRef, ...]:
        """Tickets with this incident's marker, oldest first: one read where nothing of it is there.

        The first look of a process, and the next after a write of unknown outcome, reads the list of a week.
        """
        if not self._seen.may_be_there(incident, since - _MARGIN):
            return ()
        refs = [
            ticket_ref(issue, self._client)
            for issue, step in self._marked(incident, since)
            if step is None
        ]  # fmt: skip
        return tuple(sorted(refs, key=lambda ref: int(ref.id)))

    def read(self, ref: TicketRef, view: MirrorView) -> TicketState:
        """The ticket as it is now: two reads, and one more the first time, for the organisation's fields."""
        try:
            issue = read_issue(self._client, ref.id)
        except Moved:
            issue = {}
        if not issue:
            raise ticket_gone(self._client, ref.id)
        must_be_the_ticket(issue, ref, view, self._client)
        content = read_content(self._client, self._space.owner, self._space.repository, ref.id, view.incident)
        return TicketState(
            ref=ticket_ref(issue, self._client),
            fields_right=self._fields_right(view, issue),
            steps=content.steps,
            comments=content.diary.whole,
            damaged=frozenset(content.diary.damaged),
        )

    # Writing ----------------------------------------------------------------------------------------

    def open_ticket(self, view: MirrorView) -> TicketRef:
        """Write the issue with its marker and fields: one write.

        What GitHub dropped of the fields is remembered, and put right by :meth:`write` as labels.
        """
        plan = fields.plan(view, self._fields(), dropped=self._dropped)
        body: Json = {"title": view.code_name, "body": ticket_body(view), "labels": list(plan.labels)}
        if plan.values:
            body["issue_field_values"] = list(plan.values)
        try:
            issue = self._client.write("POST", f"{self._client.path}/issues", body, _OPEN)
            self._must_be_ours(issue, view.incident)
        except HostUnknownOutcome:
            self._seen.forget()
            raise
        self._note_dropped(view, plan, issue)
        return ticket_ref(issue, self._client)

    def write(self, ref: TicketRef, view: MirrorView, lacking: Difference) -> dict[CommentId, str]:
        """Write what the ticket lacks, after two reads: the repository is restricted and the ticket in it.

        These two come again before every eighteen steps and comments, and before writing by REST.
        """
        if not lacking:
            return {}
        too_long(view, lacking.steps, lacking.comments)
        place, issue = self._place(ref, view)
        if lacking.fields:
            self._put_fields(view, issue)
        things: list[StepView | SealedComment] = [*lacking.steps, *lacking.comments]
        written: dict[CommentId, str] = {}
        for start in range(0, len(things), BATCH):
            if start and start % LOOK_AGAIN == 0:
                self._look_again(ref, view)
            try:
                written |= write_batch(self._client, place, view, things[start : start + BATCH])
            except GraphQLRefused:
                break
        else:
            return written
        return written | self._write_by_rest(ref, view, place, things)

    def _write_by_rest(
        self, ref: TicketRef, view: MirrorView, place: Place, things: Sequence[StepView | SealedComment]
    ) -> dict[CommentId, str]:
        """One after another, and only what a fresh read does not show."""
        self._look_again(ref, view)
        found = self.read(ref, view)
        lacking = [
            one
            for one in things
            if (one.key not in found.steps if isinstance(one, StepView) else one.text not in found.comments)
        ]
        beside = self._steps_beside(view) if any(isinstance(one, StepView) for one in lacking) else {}
        written: dict[CommentId, str] = {}
        for number, one in enumerate(lacking):
            if number and number % LOOK_AGAIN == 0:
                self._look_again(ref, view)
            if isinstance(one, StepView):
                write_step(self._client, place, view, one, beside)
            else:
                written[one.id] = write_comment(self._client, place, one)
        return written

    def _look_again(self, ref: TicketRef, view: MirrorView) -> None:
        """Before more is written: still our restricted repository, still our ticket in it."""
        try:
            self._place(ref, view)
        except (HostUnavailable, HostLimited) as trouble:
            raise HostUnknownOutcome(
                trouble.what,
                meaning="A part of the ticket was written before; nothing more is written without this look.",
                next_step="Nothing; the job reads what is there and writes only what is missing.",
                after=trouble.after,
            ) from None

    def _steps_beside(self, view: MirrorView) -> dict[StepKey, Json]:
        """Issues with a step's marker that are under no ticket: left by an attempt that was cut short."""
        return {
            step: issue
            for issue, step in self._marked(view.incident, view.opened_at)
            if step is not None and not issue.get("parent_issue_url")
        }

    def _place(self, ref: TicketRef, view: MirrorView) -> tuple[Place, Json]:
        """Where to write, once it is certain that this is our restricted repository and our ticket in it."""
        repository, doors = self._repository.read()
        if doors:
            raise HostNotRestricted(
                f"The repository {self._client.where} is not restricted (any more): {'; '.join(doors)}.",
                meaning="Nothing more is written to it.",
                next_step="Make it private again under its own name; the job tries again by itself.",
            )
        issue = read_issue(self._client, ref.id)
        must_be_the_ticket(issue, ref, view, self._client)
        return Place(ref.id, str(issue.get("node_id")), str(repository.get("node_id"))), issue

    # Fields -----------------------------------------------------------------------------------------

    def _fields_right(self, view: MirrorView, issue: Json) -> bool:
        mark = find_marker(issue.get("body"))
        return (
            issue.get("title") == view.code_name
            and mark is not None
            and mark.incident == view.incident
            and mark.step is None
            and fields.right(view, issue, self._fields())
        )

    def _put_fields(self, view: MirrorView, issue: Json) -> Json:
        """Set title, marker, fields and labels; a second time if GitHub dropped field values."""
        path = f"{self._client.path}/issues/{issue['number']}"
        for _ in range(2):
            plan = fields.plan(view, self._fields(), issue=issue, dropped=self._dropped)
            body: Json = {"title": view.code_name, "labels": list(plan.labels)}
            if find_marker(issue.get("body")) is None:
                body["body"] = ticket_body(view)
            if plan.values:
                body["issue_field_values"] = list(plan.values)
            for stale in plan.stale:
                self._client.write("DELETE", f"{path}/issue-field-values/{stale}", None, "clear a field")
            issue = self._client.write("PATCH", path, body, "set the fields")
            self._must_be_ours(issue, view.incident)
            if not self._note_dropped(view, plan, issue):
                break
        return issue

    def _note_dropped(self, view: MirrorView, plan: fields.Plan, issue: Json) -> bool:
        """Remember which field values GitHub dropped; they are labels from now on."""
        dropped = fields.not_stuck(view, plan, issue, self._fields())
        self._dropped |= dropped
        return bool(dropped)

    def _fields(self) -> tuple[fields.IssueField, ...]:
        """The organisation's issue fields that are ours, read once; none where it has none or hides them."""
        if self._definitions is None:
            path = f"/orgs/{self._space.owner}/issue-fields"
            try:
                listed = objects(self._client.get(path, "list the organisation's issue fields"))
            except KeyRefused:
                raise
            except (HostGone, HostRefused):
                listed = []
            self._definitions = fields.read_definitions(listed)
        return self._definitions

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

    # Small things -----------------------------------------------------------------------------------

    def _must_be_ours(self, issue: Json, incident: IncidentId) -> None:
        """After a redirect PyGithub and others return an issue without a number: never take that for ours."""
        mark = find_marker(issue.get("body"))
        if (
            not isinstance(issue.get("number"), int)
            or not in_our_repository(issue, self._client)
            or mark is None
            or mark.incident != incident
        ):
            raise unknown_outcome(Deed(_OPEN, self._client.where, changes=True))

    def _marked(self, incident: IncidentId, since: datetime) -> list[tuple[Json, StepKey | None]]:
        """Issues with the incident's marker, made since then, with the step that each stands for."""
        found = []
        for issue in recent_issues(self._client, since - _MARGIN):
            mark = find_marker(issue.get("body"))
            if mark is not None and mark.incident == incident:
                found.append((issue, mark.step))
        return found

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

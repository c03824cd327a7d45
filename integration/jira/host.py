"""Jira Cloud as a host: one restricted, company-managed project as ticket space (API version 3).

A ticket is one issue with custom fields, security level, label and property; its steps are sub-tasks,
created in one call; its diary is comments. Opening an incident takes four writes: ticket, sub-tasks, and
two comments. What was asked is checked in the answers, or read back where these do not say it.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from integration.errors import (
    HostLimited,
    HostNotRestricted,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.host_events import Touched
from integration.jira import fields, text
from integration.jira.audience import read_audience
from integration.jira.board import JiraBoard
from integration.jira.client import JiraClient
from integration.jira.contents import PAGE, TicketContents
from integration.logs import Log
from integration.marked import MarkedTicket
from integration.mirror import ALL, TicketName, TicketRef, TicketState, wrong_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from integration.audience import Audience
    from integration.diary.comment import CommentId
    from integration.incident import IncidentId, SpaceName
    from integration.jira.client import Intent
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace
    from integration.mirror import Difference, MirrorView, PlainComment, StepState, StepView
    from integration.ports import Budget
    from integration.process import StepKey

_log = Log("coc.jira")

PART_BYTES = 20_480
"""Bytes of an entry in one comment, so that its ciphertext stays below Jira's 32,767 characters."""

_MARKS = frozenset({"title", "security level", "marker"})
_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,49}-[0-9]{1,19}\Z")


class JiraHost:
    """The :class:`integration.ports.Host` for one Jira Cloud project.

    Args:
        space: which project, with its ids.
        token: the API token of the service's account.
        budget: what may be written to Jira, shared with other processes.
        sleep: waits for our turn, and between the comments of a long diary.
    """

    kind: Literal["jira"] = "jira"
    part_bytes = PART_BYTES
    holds_files = True
    at_once = 4
    """Jira documents a limit for one ticket only; its bound on requests a second is far from what four need."""

    def __init__(
        self,
        space: JiraSpace,
        *,
        token: str,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._space = space
        self._client = JiraClient(space, token=token, budget=budget, sleep=sleep)
        self._contents = TicketContents(self._client, space, sleep)
        self._own_account = ""
        self.board = JiraBoard(self._client, space, lambda: next(iter(self.own_accounts)))

    def __repr__(self) -> str:
        return f"JiraHost({self._space.name!r})"

    @property
    def space(self) -> SpaceName:
        """The configured name of the ticket space."""
        return self._space.name

    @property
    def known_account(self) -> str:
        """The account id behind the token, if it was read already. Asks nothing."""
        return self._own_account

    @property
    def own_accounts(self) -> frozenset[str]:
        """The account id behind the token. Read once, then remembered."""
        if not self._own_account:
            what = "read the service's own account"
            account = self._client.read("myself", what=what).get("accountId")
            if not isinstance(account, str) or not account:
                raise self._client.unreadable(what)
            self._own_account = account
        return frozenset({self._own_account})

    def _own(self) -> str:
        (own,) = self.own_accounts
        return own

    def ready(self, incidents: int = 1) -> None:
        """Whether Jira has not asked us to wait; how many incidents it is makes no difference. Asks our own budget only."""
        del incidents
        self._client.turns.check()

    def audience(self) -> Audience:
        """Who may browse the project. Five reads with one role, one more for the first time."""
        (own,) = self.own_accounts
        return read_audience(self._client, self._space, own)

    def find(self, incident: IncidentId, *, since: datetime) -> tuple[TicketRef, ...]:
        """Tickets with the incident's label, oldest first; the label is unique, so ``since`` is not needed."""
        del since
        what = "search for the ticket"
        label = fields.incident_label(incident)
        found: dict[str, TicketRef] = {}
        for ticket in self._search(f'labels = "{label}"', what):
            if fields.has_label(fields.fields_of(ticket), label):
                ref = self._ref(ticket, what)
                found[ref.id] = ref
        return tuple(sorted(found.values(), key=lambda ref: int(ref.id)))

    def marked(self) -> list[MarkedTicket]:
        """Tickets with the label of any incident: one search, a page for each hundred. Sub-tasks are left out."""
        what = "list the tickets"
        kind = self._space.issue_type_id
        return [
            MarkedTicket(self._ref(ticket, what).key, incident)
            for ticket in self._search(f'labels = "{fields.LABEL}" AND issuetype = {kind}', what)
            for incident in fields.labelled_incidents(fields.fields_of(ticket))
        ]

    def _search(self, condition: str, what: str) -> Iterator[Json]:
        query: dict[str, str | int] = {
            "jql": f'project = "{self._space.project}" AND {condition}',
            "fields": "labels",
            "maxResults": PAGE,
        }
        seen: set[str] = set()
        while True:
            page = self._client.read("search/jql", what=what, query=query)
            yield from self._client.objects(page.get("issues"), what)
            token, is_last = page.get("nextPageToken"), page.get("isLast")
            if is_last is True or (is_last is None and token is None):
                return
            if not isinstance(token, str) or token in seen:
                raise self._client.unreadable(what)
            seen.add(token)
            query["nextPageToken"] = token

    def open_ticket(self, view: MirrorView) -> TicketRef:
        """One write. The caller's :meth:`read` sees whether level, marker and fields stuck."""
        what = "create the ticket"
        made = self._client.write(
            "issue",
            fields.new_ticket(
                view,
                self._space.fields,
                project=self._space.project,
                ticket_type=self._space.issue_type_id,
                security_level=self._space.security_level_id,
            ),
            what=what,
        )
        ref = self._ref(made, what, "write")
        _log.info("ticket-opened", ticket=ref.id, incident=view.code_name)
        return ref

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        """The ticket with its comments, and its sub-tasks: one read each up to 100 of them, or what ``only`` asks for.

        Of a closed ticket whose sub-tasks do not all look closed, they are read in any case.

        Raises:
            HostGone: the ticket is not there.
            HostNotRestricted: the ticket is in another project.
        """
        what = "read the ticket"
        ticket = self._ticket(ref.id, what, Touched.COMMENTS in only)
        self._must_be_ours(ticket, view)
        found = fields.fields_of(ticket)
        wrong, shown = self._wrong(view, ticket), fields.shown(found, self._space.fields)
        subtasks = self._client.objects(found.get("subtasks"), what)
        over = fields.all_over(subtasks, view)
        parts = set(only) | ({Touched.STEPS} if shown.closed and not over else set())
        steps: Mapping[StepKey, StepState] = {}
        plain: tuple[PlainComment, ...] = ()
        if Touched.STEPS in parts:
            ids = [self._ref(one, what).id for one in subtasks]
            steps, plain = self._contents.steps(ids, view, self._own)
        comments = None
        if Touched.COMMENTS in parts:
            comments = self._contents.comments(ticket, view.incident, self._own)
        return TicketState(
            ref=self._ref(ticket, what),
            fields_right=not wrong,
            steps=steps,
            comments=comments.diary.whole if comments else {},
            damaged=frozenset(comments.diary.damaged) if comments else frozenset(),
            restricted=self._has_level(ticket),
            shown=shown,
            marked=not _MARKS.intersection(wrong),
            plain=(*(comments.plain if comments else ()), *plain),
            parts=frozenset(parts),
            steps_over=over,
            way_back=fields.way_back(ticket.get("transitions")),
            as_written=fields.is_as_written(found),
        )

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        """One read, then: one write and one read for fields, one write for all steps, one for each comment.

        With ``fresh`` none of these reads. Before every further twenty comments the ticket is read again: still in its
        project, still restricted.

        Raises:
            HostNotRestricted: the ticket was moved to another project or lost its security level; nothing
                is written.
            HostRejected, HostUnknownOutcome: what was written before stays, and a fresh read sees it.
        """
        if not lacking:
            return {}
        seen = fresh if fresh is not None and fresh.restricted else None
        ticket: Json = {}
        if seen is None:
            ticket = self._ticket(ref.id, "read the ticket before writing to it")
            self._must_be_ours(ticket, view)
        if lacking.fields:
            only = wrong_values(view, seen.shown) if seen and seen.marked and seen.shown else None
            self._client.put(
                f"issue/{ref.id}",
                fields.healed_ticket(
                    view, self._space.fields, security_level=self._space.security_level_id, only=only
                ),
                what="set the ticket's fields",
                ticket=ref.id,
                query={"notifyUsers": "false"},
            )
        if seen is None:
            if lacking.fields:
                ticket = self._after_write(ref, "read the ticket's fields back")
                self._must_be_here(ticket, view)
            self._must_have_level(ticket, view)
            if lacking.fields:
                self._must_show(ticket, view)
        if lacking.text:
            self._contents.put_text(ref.id)
        for sub_task, step in lacking.texts:
            self._contents.put_text(sub_task, step)
        self._contents.write_steps(ref.id, view.incident, lacking.steps)
        look_again = partial(self._look_again, ref, view)
        return dict(self._contents.write_comments(ref.id, lacking.comments, look_again))

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> None:
        """One write for each."""
        del view
        self._contents.remove(ref.id, comments)

    def reopen(
        self, ref: TicketRef, view: MirrorView, found: TicketState, unfinished: Sequence[StepView]
    ) -> None:
        """One write by the workflow's own way, and one comment.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-post
        """
        if not found.way_back:
            raise HostRejected(
                f"The ticket of {view.code_name} was closed while steps are unfinished, and cannot be opened again.",
                fields=("status",),
                meaning="From its status no transition leads to an open one, or the service's account may not use it.",
                next_step="Give the account Transition Issues, and the workflow a way back; or open it there by hand.",
            )
        self._client.write(
            f"issue/{ref.id}/transitions",
            {"transition": {"id": found.way_back}},
            what="open the ticket again",
            ticket=ref.id,
        )
        numbers = [view.steps.index(step) + 1 for step in unfinished]
        self._contents.say(ref.id, text.closed_too_early(unfinished, numbers))

    def _look_again(self, ref: TicketRef, view: MirrorView) -> None:
        ticket = self._after_write(ref, "look at the ticket again")
        self._must_be_ours(ticket, view)
        self._must_have_level(ticket, view)

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> list[str]:
        """One read, and one write for each file that is not there by name and size.

        Raises:
            HostNotRestricted: the ticket was moved to another project or lost its security level; nothing
                is written.
            HostError: as its other subclasses say.
        """
        ticket, listed = self._with_files(ref, view)
        self._must_have_level(ticket, view)
        written = []
        for name, size in files.items():
            if not _holds(listed, name, size):
                what = "add a diary file"
                path = f"issue/{ref.id}/attachments"
                made = self._client.upload(path, name, content(name), what=what, ticket=ref.id)
                if not _holds(made, name, size):
                    raise self._client.unreadable(what, "write")
                _log.info("file-added", ticket=ref.id)
                written.append(name)
        return written

    def erase(
        self, ref: TicketRef, view: MirrorView, places: Collection[CommentId], files: Collection[str]
    ) -> None:
        """The reads of all comments and of the list of files, and one write for each that goes."""
        _, listed = self._with_files(ref, view)
        self._contents.erase(ref.id, view.incident, places)
        self._contents.erase_files(listed, files)

    def _with_files(self, ref: TicketRef, view: MirrorView) -> tuple[Json, list[Json]]:
        what = "read the ticket's files"
        query = {
            "fields": "summary,labels,project,security,attachment",
            "properties": fields.INCIDENT_PROPERTY,
        }
        ticket = self._client.read(f"issue/{ref.id}", what=what, query=query)
        self._must_be_ours(ticket, view)
        return ticket, self._client.objects(fields.fields_of(ticket).get("attachment"), what)

    def _ticket(self, ticket_id: str, what: str, with_comments: bool = False) -> Json:  # noqa: FBT001, FBT002 - one caller
        wanted = ["summary", "description", "labels", "security", "project", "status", "subtasks"]
        wanted += self._space.fields.ids()
        wanted += ["comment"] if with_comments else []
        query = {
            "fields": ",".join(wanted),
            "properties": fields.INCIDENT_PROPERTY,
            "expand": "transitions",
        }
        return self._client.read(f"issue/{ticket_id}", what=what, query=query)

    def _after_write(self, ref: TicketRef, what: str) -> Json:
        """Read back. A write has happened, so trouble here must not say that nothing was written."""
        try:
            return self._ticket(ref.id, what)
        except (HostUnavailable, HostLimited) as trouble:
            raise HostUnknownOutcome(
                trouble.what,
                meaning="The write before it has happened, but could not be checked.",
                next_step="The job reads the ticket before it writes again.",
                after=trouble.after,
            ) from None

    def _wrong(self, view: MirrorView, ticket: Json) -> tuple[str, ...]:
        """Our names of what the ticket does not show as it should."""
        found, ids = fields.fields_of(ticket), self._space.fields
        wanted = fields.ticket_fields(view, ids, security_level=self._space.security_level_id)
        names = ids.our_names()
        wrong = [names[key] for key in fields.wrong_fields(found, wanted)]
        if fields.markers_missing(found, ticket.get("properties"), view.incident):
            wrong.append("marker")
        if fields.has_label(found, fields.STRONGER_LABEL) != view.stronger_action:
            wrong.append("stronger-action label")
        return tuple(wrong)

    def _must_show(self, ticket: Json, view: MirrorView) -> None:
        wrong = self._wrong(view, ticket)
        if wrong:
            raise HostRejected(
                f"Jira took the ticket's fields but does not show them all: {', '.join(wrong)}.",
                fields=wrong,
                meaning="The ticket is there; what would come after the fields is not written.",
                next_step="See whether these fields are on the project's screens and have the right options.",
            )

    def _must_be_ours(self, ticket: Json, view: MirrorView) -> None:
        self._must_be_here(ticket, view)
        found = fields.fields_of(ticket)
        marked = fields.marked_incident(ticket.get("properties"))
        labelled = fields.has_label(found, fields.incident_label(view.incident))
        if marked is None and not labelled and found.get("summary") != view.code_name:
            raise HostRejected(
                f"The ticket taken for {view.code_name} has neither its title nor a marker of it.",
                fields=("summary", "marker"),
                meaning="It may be anybody's. Nothing more is written to it.",
                next_step=f"If it is the ticket, set its title to {view.code_name}; the rest is then put right.",
            )
        if marked not in {None, view.incident}:
            raise HostRejected(
                f"The ticket taken for {view.code_name} carries the marker of another incident.",
                fields=("marker",),
                meaning="Nothing more is written to it.",
                next_step="Compare the ticket's property coc.incident with the Master Incident Log.",
            )

    def _must_be_here(self, ticket: Json, view: MirrorView) -> None:
        project = fields.fields_of(ticket).get("project")
        if not isinstance(project, dict) or project.get("key") != self._space.project:
            raise HostNotRestricted(
                f"The ticket of {view.code_name} is not in the project {self._space.project} any more.",
                meaning="Nothing more is written to it: who reads the other project is not proven.",
                next_step="Move it back, and find out who moved it and who has read it there.",
            )

    def _has_level(self, ticket: Json) -> bool:
        level = fields.fields_of(ticket).get("security")
        return isinstance(level, dict) and level.get("id") == self._space.security_level_id

    def _must_have_level(self, ticket: Json, view: MirrorView) -> None:
        if not self._has_level(ticket):
            raise HostNotRestricted(
                f"The ticket of {view.code_name} does not have the security level {self._space.security_level_id}.",
                meaning="Everybody who may browse the project can read it. Nothing more is written to it.",
                next_step="Put the level on the project's screens, and the service's account into the level "
                "and into those who may set it; the job then sets it.",
            )

    def _ref(self, ticket: Json, what: str, intent: Intent = "read") -> TicketRef:
        ticket_id, key = ticket.get("id"), ticket.get("key")
        if not isinstance(ticket_id, str) or not isinstance(key, str):
            raise self._client.unreadable(what, intent)
        if not _ID.match(ticket_id) or not _KEY.match(key):  # both end up in logs, mails and addresses
            raise self._client.unreadable(what, intent)
        name = TicketName(f"jira:{self._space.host}/{ticket_id}")
        return TicketRef(name, ticket_id, key, f"{self._space.address}/browse/{key}")


def _holds(listed: list[Json], name: str, size: int) -> bool:
    """Whether a file of this name and size is among Jira's attachments."""
    return any(one.get("filename") == name and one.get("size") == size for one in listed)

"""Jira Cloud as a host: one restricted, company-managed project as ticket space (API version 3).

A ticket is one issue with custom fields, security level, label and property; its steps are sub-tasks,
created in one call; its diary is comments. Opening an incident takes four writes: ticket, sub-tasks, and
two comments. What was asked is checked in the answers, or read back where these do not say it.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from integration.errors import HostRejected
from integration.host_events import Touched
from integration.jira import fields, text
from integration.jira.audience import read_audience
from integration.jira.board import JiraBoard
from integration.jira.client import JiraClient
from integration.jira.contents import TicketContents
from integration.jira.place import TicketPlace
from integration.jira.search import TicketSearch
from integration.logs import Log
from integration.mirror import ALL, TicketState, wrong_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from integration.audience import Audience
    from integration.diary.comment import CommentId
    from integration.incident import IncidentId, SpaceName
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace
    from integration.marked import MarkedTicket
    from integration.mirror import Difference, MirrorView, PlainComment, StepState, StepView, TicketRef
    from integration.ports import Budget
    from integration.process import StepKey

_log = Log("coc.jira")

PART_BYTES = 20_480
"""Bytes of an entry in one comment, so that its ciphertext stays below Jira's 32,767 characters."""

_MARKS = frozenset({"title", "security level", "marker"})


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
        self._place = TicketPlace(self._client, space)
        self._search = TicketSearch(self._client, space, self._place)
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

    def ready_to_look(self, looks: int = 1) -> None:
        """As :meth:`ready`."""
        self.ready(looks)

    def audience(self) -> Audience:
        """Who may browse the project. Five reads with one role, one more for the first time."""
        (own,) = self.own_accounts
        return read_audience(self._client, self._space, own)

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        """Tickets with the incident's label, oldest first."""
        return self._search.find(incident)

    def marked(self) -> list[MarkedTicket]:
        """Tickets with the label of any incident: one search, a page for each hundred. Sub-tasks are left out."""
        return self._search.marked()

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
        ref = self._place.ref(made, what, "write")
        _log.info("ticket-opened", ticket=ref.id, incident=view.code_name)
        return ref

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        """The ticket with its comments, and its sub-tasks: one read each up to 100 of them, or what ``only`` asks for.

        Of a closed ticket whose sub-tasks do not all look closed, they are read in any case.

        Raises:
            HostGone: the ticket is not there, or in another project.
        """
        what = "read the ticket"
        ticket = self._place.ticket(ref.id, what, with_comments=Touched.COMMENTS in only)
        self._place.must_be_ours(ticket, view)
        found = fields.fields_of(ticket)
        wrong, shown = self._place.wrong(ticket, view), fields.shown(found, self._space.fields)
        subtasks = self._client.objects(found.get("subtasks"), what)
        over = fields.all_over(subtasks, view)
        parts = set(only) | ({Touched.STEPS} if shown.closed and not over else set())
        steps: Mapping[StepKey, StepState] = {}
        plain: tuple[PlainComment, ...] = ()
        if Touched.STEPS in parts:
            ids = [self._place.ref(one, what).id for one in subtasks]
            steps, plain = self._contents.steps(ids, view, self._own)
        comments = None
        if Touched.COMMENTS in parts:
            comments = self._contents.comments(ticket, view.incident, self._own)
        return TicketState(
            ref=self._place.ref(ticket, what),
            fields_right=not wrong,
            steps=steps,
            comments=comments.diary.whole if comments else {},
            damaged=frozenset(comments.diary.damaged) if comments else frozenset(),
            restricted=self._place.has_level(ticket),
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
            HostGone: the ticket was moved to another project; nothing is written.
            HostNotRestricted: it lost its security level; nothing is written.
            HostRejected, HostUnknownOutcome: what was written before stays, and a fresh read sees it.
        """
        if not lacking:
            return {}
        seen = fresh if fresh is not None and fresh.restricted else None
        ticket: Json = {}
        if seen is None:
            ticket = self._place.ticket(ref.id, "read the ticket before writing to it")
            self._place.must_be_ours(ticket, view)
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
                ticket = self._place.read_back(ref, "read the ticket's fields back")
                self._place.must_be_here(ticket, view)
            self._place.must_have_level(ticket, view)
            if lacking.fields:
                self._place.must_show(ticket, view)
        if lacking.text:
            self._contents.put_text(ref.id)
        for sub_task, step in lacking.texts:
            self._contents.put_text(sub_task, step)
        self._contents.write_steps(ref.id, view.incident, lacking.steps)
        look_again = partial(self._place.look_again, ref, view)
        return dict(self._contents.write_comments(ref.id, lacking.comments, look_again))

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> frozenset[str]:
        """One read and one write for each."""
        return self._contents.remove(ref.id, view.incident, comments, self._own)

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

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> list[str]:
        """One read, and one write for each file that is not there by name and size.

        Raises:
            HostGone: the ticket was moved to another project; nothing is written.
            HostNotRestricted: it lost its security level; nothing is written.
            HostError: as its other subclasses say.
        """
        ticket, listed = self._place.with_files(ref, view)
        self._place.must_have_level(ticket, view)
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
        _, listed = self._place.with_files(ref, view)
        self._contents.erase(ref.id, view.incident, places)
        self._contents.erase_files(ref.id, listed, files)


def _holds(listed: list[Json], name: str, size: int) -> bool:
    """Whether a file of this name and size is among Jira's attachments."""
    return any(one.get("filename") == name and one.get("size") == size for one in listed)

"""A ticket without content, to try what Jira keeps, and whether somebody without rights is really kept out.

It is made once by the service's account with the security level, known by its label, and left closed; the service needs
no right to delete tickets. Whoever sees it sees that coc-mirror was tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.errors import HostError, HostGone, HostRejected
from integration.jira import fields
from integration.jira.admin import JiraAdmin
from integration.jira.audience import read_audience
from integration.jira.findings import guarded, unknown
from integration.jira.text import code_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.jira.admin import Credential
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

LABEL = "coc-canary"
_PROPERTY = "coc.canary"
_TITLE = "Access check"
_TEXT = "-----BEGIN CANARY-----\nZm9y+IGNvYw==/-_*{code}\n-----END CANARY-----"
"""Looks like a diary comment's armour, with the characters that Jira's older text format took for markup."""
_SEEN = 1000


class Canary:
    """The tries on the canary ticket.

    Args:
        bot: the service's client.
        space: the ticket space.
        outsider: the credential of somebody without rights, or None.
    """

    def __init__(self, bot: JiraAdmin, space: JiraSpace, outsider: Credential | None) -> None:
        self._bot = bot
        self._space = space
        self._outsider = outsider

    def checks(self) -> Iterator[Check]:
        """Make or find the ticket, try it, close it."""
        try:
            ticket = self._ticket()
        except HostError as error:
            yield unknown("canary", error)
            return
        yield from self._kept(ticket)
        yield from guarded("canary-viewers", lambda: self._viewers(ticket))
        yield from guarded("canary-outsider", lambda: self._tried(ticket))
        yield from guarded("canary-closed", lambda: self._close(ticket))

    def _ticket(self) -> Json:
        """The ticket as Jira shows it; made if the search does not find one, with its comment."""
        query: dict[str, str | int] = {
            "jql": f'project = "{self._space.project}" AND labels = "{LABEL}" ORDER BY created ASC',
            "fields": "labels",
            "maxResults": 1,
        }
        what = "look for the canary ticket"
        listed = self._bot.objects(self._bot.read("search/jql", what=what, query=query).get("issues"), what)
        made = listed[0] if listed else self._bot.write("issue", self._body(), what="make the canary ticket")
        ticket_id = str(made.get("id"))
        if not self._comments(ticket_id):
            comment = {"body": _comment(), "properties": [{"key": _PROPERTY, "value": {"schema": 1}}]}
            path = f"issue/{ticket_id}/comment"
            self._bot.write(path, comment, what="comment on the canary ticket", ticket=ticket_id)
        return self._bot.read(
            f"issue/{ticket_id}",
            what="read the canary ticket",
            query={"fields": "security,labels,status", "properties": _PROPERTY},
        )

    def _body(self) -> Json:
        return {
            "fields": {
                "project": {"key": self._space.project},
                "issuetype": {"id": self._space.issue_type_id},
                "summary": _TITLE,
                "labels": [LABEL],
                "security": {"id": self._space.security_level_id},
            },
            "properties": [{"key": _PROPERTY, "value": {"schema": 1}}],
        }

    def _comments(self, ticket_id: str) -> list[Json]:
        what = "read the canary ticket's comments"
        page = self._bot.read(f"issue/{ticket_id}/comment", what=what)
        return self._bot.objects(page.get("comments"), what)

    def _kept(self, ticket: Json) -> Iterator[Check]:
        """What was asked for in the write must stand on the ticket."""
        shown = fields.fields_of(ticket)
        level = shown.get("security")
        wrong = []
        if not isinstance(level, dict) or level.get("id") != self._space.security_level_id:
            wrong.append("Jira dropped the security level of a new ticket")
        if not fields.has_label(shown, LABEL):
            wrong.append("Jira dropped the label of a new ticket")
        if _PROPERTY not in (ticket.get("properties") or {}):
            wrong.append("Jira dropped the property of a new ticket")
        try:
            texts = [code_texts(one.get("body")) for one in self._comments(str(ticket.get("id")))]
        except HostError as error:
            yield unknown("canary-kept", error)
            return
        if _TEXT not in texts:
            wrong.append("a code block in a comment does not come back as it was sent")
        if wrong:
            step = "Compare screens, security level and rights with docs/hosts/jira.md; then tell the maintainers."
            yield Check("canary-kept", Outcome.FAIL, "; ".join(wrong), step)
        else:
            what = "Jira keeps level, label and property of a ticket, and a code block byte for byte"
            yield Check("canary-kept", Outcome.PASS, what)

    def _viewers(self, ticket: Json) -> Iterator[Check]:
        """Jira's own list of who can view the ticket; it looks at the first thousand accounts only."""
        what = "ask who can view the canary ticket"
        query: dict[str, str | int] = {"issueKey": str(ticket.get("key")), "query": "", "maxResults": _SEEN}
        seen = {
            str(one.get("accountId"))
            for one in self._bot.read_list("user/viewissue/search", what=what, query=query)
        }
        own = self._bot.account()
        known = {one.account for one in read_audience(self._bot, self._space, own).whole().principals}
        if own not in seen:
            step = "Give the service's account the global permission Browse users and groups for this check, or leave it."
            yield Check(
                "canary-viewers", Outcome.UNKNOWN, "Jira does not tell the service who views a ticket", step
            )
        elif others := sorted(seen - known):
            what = f"Jira lets these accounts view the ticket, and they are in no configured role: {', '.join(others)}"
            yield Check(
                "canary-viewers", Outcome.FAIL, what, "Find out by which role or level, and take it away."
            )
        else:
            what = f"Jira itself names {len(seen)} account(s) that can view the ticket, all of them known"
            yield Check("canary-viewers", Outcome.PASS, what)

    def _tried(self, ticket: Json) -> Iterator[Check]:
        """Somebody without rights asks for the ticket in each way there is."""
        if self._outsider is None:
            yield Check(
                "canary-outsider",
                Outcome.UNKNOWN,
                "nobody without rights has tried to read the ticket",
                "Run it again with the e-mail address and token of an account of the site that is not on the team.",
            )
            return
        client = JiraAdmin(self._space, self._outsider)
        account = client.account()
        if account == self._bot.account():
            what = f"the account {account} is the service's own, so it cannot try what others see"
            step = "Use the credential of an account that is in no role of the project."
            yield Check("canary-outsider", Outcome.UNKNOWN, what, step)
            return
        ticket_id = str(ticket.get("id"))
        ways = {
            "the project": f"project/{self._space.project}",
            "the ticket": f"issue/{ticket_id}",
            "its comments": f"issue/{ticket_id}/comment",
            "its property": f"issue/{ticket_id}/properties/{_PROPERTY}",
        }
        open_ways = [name for name, path in ways.items() if _is_shown(client, path)]
        if self._is_found(client, ticket_id):
            open_ways.append("the search")
        if open_ways:
            what = f"the account {account}, which should see nothing, is shown {', '.join(open_ways)}"
            step = "Nothing must be written before this is closed: see the other findings for the way in."
            yield Check("canary-outsider", Outcome.FAIL, what, step)
        else:
            what = f"the account {account} gets 404 for project, ticket, comments and property, and finds nothing"
            yield Check("canary-outsider", Outcome.PASS, what)

    def _is_found(self, client: JiraAdmin, ticket_id: str) -> bool:
        what = "search as somebody without rights"
        query: dict[str, str | int] = {"jql": f"labels = {LABEL}", "fields": "labels", "maxResults": 100}
        try:
            page = client.read("search/jql", what=what, query=query)
        except HostRejected:  # Jira calls a label unknown that nothing shown to them carries
            return False
        return any(one.get("id") == ticket_id for one in client.objects(page.get("issues"), what))

    def _close(self, ticket: Json) -> Iterator[Check]:
        if fields.is_done(fields.fields_of(ticket)):
            return
        path, what = f"issue/{ticket.get('id')}/transitions", "close the canary ticket"
        for one in self._bot.objects(self._bot.read(path, what=what).get("transitions"), what):
            if fields.is_done({"status": one.get("to")}):
                chosen = {"transition": {"id": str(one.get("id"))}}
                self._bot.write(path, chosen, what=what, ticket=str(ticket.get("id")))
                return
        step = "Close it by hand; it is the one called 'Access check'."
        yield Check("canary-closed", Outcome.UNKNOWN, "the canary ticket has no way to be closed", step)


def _comment() -> Json:
    block = {"type": "codeBlock", "content": [{"type": "text", "text": _TEXT}]}
    return {"type": "doc", "version": 1, "content": [block]}


def _is_shown(client: JiraAdmin, path: str) -> bool:
    try:
        client.read(path, what="read as somebody without rights")
    except HostGone:
        return False
    return True

"""Calls that take an admin's credential: at set-up and for proofs, never by the running service.

The credential lives in memory for as long as the command runs. Every list is read to its end, and one whose end is
not clear counts as unread: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#pagination
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from integration.errors import HostGone, HostRefused, HostRejected
from integration.jira.client import ANSWER_SECONDS, CONNECT_SECONDS, JiraClient
from integration.jira.space import JiraLogin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

_PAGE = 50
_MOST_PAGES = 200
HOOKS = "/rest/webhooks/1.0/webhook"


@dataclass(frozen=True, slots=True)
class Credential:
    """An account of the site and its API token."""

    email: str
    token: str = field(repr=False)


def login(space: JiraSpace | JiraLogin, credential: Credential) -> JiraLogin:
    """The same site and project for another account."""
    return JiraLogin(space.name, space.site, space.project, credential.email)


class JiraAdmin(JiraClient):
    """A client with what only set-up and proofs need: lists in pages, and changes of the site's set-up."""

    def __init__(self, space: JiraSpace | JiraLogin, credential: Credential) -> None:
        super().__init__(login(space, credential), token=credential.token)
        self.project = space.project

    def read_pages(
        self, path: str, *, what: str, query: Mapping[str, str | int] | None = None, page: int = _PAGE
    ) -> list[Json]:
        """All values of a list that comes in pages.

        Raises:
            HostUnavailable: Jira's ways to say where the list ends do not agree: somebody may be missing.
        """
        found: list[Json] = []
        for _ in range(_MOST_PAGES):
            asked = {**(query or {}), "startAt": len(found), "maxResults": page}
            answer = self.read(path, what=what, query=asked)
            values, total, is_last = (
                self.objects(answer.get("values"), what),
                answer.get("total"),
                answer.get("isLast"),
            )
            found += values
            ends = len(found) >= total if isinstance(total, int) else is_last
            if not isinstance(ends, bool) or (isinstance(is_last, bool) and is_last != ends):
                raise self.unreadable(what)
            if ends:
                return found
            if not values:
                break
        raise self.unreadable(what)

    def read_only_one(self, path: str, *, what: str, query: Mapping[str, str | int]) -> Json:
        """The one value of a list that must hold one.

        Raises:
            HostUnavailable: it holds none, or several.
        """
        found = self.read_pages(path, what=what, query=query)
        if len(found) != 1:
            raise self.unreadable(what)
        return found[0]

    def level_members(self, scheme_id: str, level_id: str) -> list[Json]:
        """The members of one security level; Jira's filter adds up, so others' are left out here."""
        listed = self.read_pages(
            "issuesecurityschemes/level/member",
            what="read who is in the security level",
            query={"schemeId": scheme_id, "levelId": level_id},
            page=100,
        )
        return [one for one in listed if str(one.get("issueSecurityLevelId")) == level_id]

    def change(self, path: str, payload: Json, *, what: str) -> None:
        """PUT once."""
        self.put(path, payload, what=what, ticket="set-up")

    def read_or_none(
        self, path: str, *, what: str, query: Mapping[str, str | int] | None = None
    ) -> Json | None:
        """GET; None if there is no such thing."""
        try:
            return self.read(path, what=what, query=query)
        except HostGone:
            return None

    def must_be_admin(self) -> str:
        """The account id of whoever this is.

        Raises:
            HostRefused: the token is not accepted, or its account is no Jira admin.
        """
        account = self.account()
        held = self.read(
            "mypermissions", what="read the admin's own rights", query={"permissions": "ADMINISTER"}
        )
        if not holds(held, "ADMINISTER"):
            raise HostRefused(
                f"The account {account} is no Jira admin of {self.host}.",
                meaning="Schemes, fields and webhooks are set up by Jira admins only. Nothing was changed.",
                next_step="Use the token of an account that holds the global permission Administer Jira.",
            )
        return account

    def account(self) -> str:
        """The account id behind the token.

        Raises:
            HostRefused: the token is not accepted.
        """
        what = "say whose token this is"
        try:
            account = self.read("myself", what=what).get("accountId")
        except HostRefused:
            raise HostRefused(
                f"{self.host} does not accept the mail address and token.",
                meaning="The token is mistyped, revoked or expired, or it belongs to another account. Nothing was changed.",
                next_step="Make one at https://id.atlassian.com/manage-profile/security/api-tokens (without scopes), "
                "and give the mail address of the same account.",
            ) from None
        if not isinstance(account, str) or not account:
            raise self.unreadable(what)
        return account

    def classic_project(self) -> Json:
        """The project.

        Raises:
            HostGone: it is not there.
            HostRejected: it is team-managed, archived or in the trash.
        """
        try:
            project = self.read(f"project/{self.project}", what="read the project")
        except HostGone:
            raise HostGone(
                f"There is no project {self.project} on {self.host}.",
                meaning="Nothing was changed.",
                next_step="Make it in Jira: Projects, Create project, a template such as Kanban, then "
                f'"Select a company-managed project", the key {self.project}, and access limited to yourself. Then try again.',
            ) from None
        if project.get("simplified") is not False or project.get("style") != "classic":
            raise HostRejected(
                f"The project {self.project} is team-managed.",
                meaning="Permission schemes and security levels do not apply to it, so it cannot be restricted. "
                "Nothing was changed.",
                next_step="Make a company-managed project, under another key or in place of this one. Jira cannot "
                "change the kind of a project.",
            )
        if project.get("archived") is True or project.get("deleted") is True:
            raise HostRejected(
                f"The project {self.project} is archived or in the trash.",
                meaning="Nothing was changed.",
                next_step="Restore it in Jira, or make another one.",
            )
        return project

    @property
    def host(self) -> str:
        """The site's name."""
        return self._space.host


def holds(answer: Json, permission: str) -> bool:
    """Whether an answer about one's own rights says that one is held."""
    one = (answer.get("permissions") or {}).get(permission)
    return isinstance(one, dict) and one.get("havePermission") is True


def status_for_strangers(space: JiraSpace | JiraLogin) -> int:
    """Jira's answer to somebody without any credential who asks for the project; 0 if there was none."""
    url = f"{space.address}/rest/api/3/project/{space.project}"
    try:
        answer = requests.get(
            url, auth=_nobody, allow_redirects=False, timeout=(CONNECT_SECONDS, ANSWER_SECONDS)
        )
    except requests.RequestException:
        return 0
    return answer.status_code


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps the library from looking for a login in a file of whoever runs this."""
    return request

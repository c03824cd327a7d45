"""Who can read the repository, as an owner of its organisation sees it: every account, with every path to it.

The service's own credential sees a list of people (:mod:`integration.github.audience`); only an owner also sees
where each one's access comes from, other Apps, and webhooks that carry tickets elsewhere. Rules of GitHub:
https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integration.audience import Audience, Principal
from integration.errors import HostGone, HostRefused
from integration.github.answers import Deed, Moved, objects, unusable
from integration.github.audience import KnownRepository, invitations, role_of
from integration.github.connection import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.github.answers import Json
    from integration.github.client import Client
    from integration.incident import SpaceName

ISSUE_EVENTS = frozenset({"*", "issues", "issue_comment", "sub_issues", "issue_dependencies"})
"""Events of a webhook that carry something of a ticket."""
_SECURITY = "security_manager"


def read_admin_audience(client: Client, *, space: SpaceName, own_login: str, hook_url: str) -> Audience:
    """Who can read the repository now, by an owner's credential.

    An account with several paths is named once for each. Other Apps are named as ``app:SLUG``; what GitHub does not
    list at all is named as ``unlisted:apps`` or ``unlisted:roles``, so that somebody who looked by hand can
    acknowledge it.

    ``complete`` needs the owner whose credential this is in the list of owners, and the service's own account in the
    list of readers (as an App: among the installed Apps). Deploy keys open code and no tickets, and are not named.

    Args:
        client: GitHub, with the credential of an owner of the organisation (or of the repository).
        space: which ticket space this is about.
        own_login: the account under which the service writes; an App's ends with ``[bot]``.
        hook_url: the address of our own webhook; empty if there is none.

    Raises:
        HostError: GitHub could not be read; that is no proof.
    """
    try:
        found, doors = KnownRepository(client).look()
    except Moved:
        found, doors = {}, ("the repository answers under another address: it was renamed or moved",)
    if not found:
        return Audience(space, (), doors, complete=False)
    reading = _Reading(client, own_login.casefold(), hook_url)
    given = found.get("owner")
    owner: Json = given if isinstance(given, dict) else {}
    in_organisation = owner.get("type") == "Organization"
    reading.doors += doors
    reading.repository(found, invited=not in_organisation)
    if in_organisation:
        reading.organisation(str(owner.get("login")))
    else:
        reading.add("unlisted:apps", "GitHub does not list the Apps that a user's account has installed")
    reading.unexplained()
    return Audience(
        space,
        tuple(dict.fromkeys(reading.principals)),
        tuple(dict.fromkeys(reading.doors)),
        complete=reading.is_whole(),
        space_id=str(found.get("id") or ""),
    )


class _Reading:
    """One reading under way."""

    def __init__(self, client: Client, own: str, hook_url: str) -> None:
        self._client = client
        self._own = own
        self._hook_url = hook_url
        self._readers: list[Json] = []
        self._owners: set[str] = set()
        self.principals: list[Principal] = []
        self.doors: list[str] = []

    def add(self, account: object, path: str) -> None:
        """Somebody, and the way by which they read."""
        self.principals.append(Principal(str(account or ""), path))

    # The repository ---------------------------------------------------------------------------------

    def repository(self, found: Json, *, invited: bool) -> None:
        """People with access of their own, open invitations, webhooks, Actions and Pages."""
        path = self._client.path
        what = "list who can read the repository"
        self._readers = self._list(f"{path}/collaborators", what, affiliation="all")
        outside = {_login(one) for one in self._list(f"{path}/collaborators", what, affiliation="outside")}
        for one in self._list(f"{path}/collaborators", what, affiliation="direct"):
            if invited and role_of(one) == "admin":
                self.add(one.get("login"), "being the owner of the repository")
                continue
            kind = "an outside collaborator" if _login(one) in outside else "a collaborator"
            self.add(one.get("login"), f"being {kind} of the repository ({role_of(one)})")
        people, doors = invitations(self._client)
        self.principals += people
        self.doors += doors
        self._webhooks(f"{path}/hooks", "repository's")
        actions = self._client.get_object(f"{path}/actions/permissions", "look at GitHub Actions")
        if actions.get("enabled") is not False:
            self.doors.append(
                "GitHub Actions are switched on: a workflow sees the events of tickets and can send them anywhere"
            )
        if found.get("has_pages") is True:
            self.doors.append("the repository has a GitHub Pages site, which may be public")

    def _webhooks(self, path: str, whose: str) -> None:
        """Webhooks that carry tickets to another address than ours. Only the address's host name is repeated."""
        for one in self._list(path, f"list the {whose} webhooks"):
            config = one.get("config")
            url = str(config.get("url", "")) if isinstance(config, dict) else ""
            events = one.get("events")
            carries = not isinstance(events, list) or bool(ISSUE_EVENTS & {str(event) for event in events})
            if one.get("active") is not False and carries and (not self._hook_url or url != self._hook_url):
                where = urlsplit(url).hostname or "an address that cannot be read"
                self.doors.append(f"the {whose} webhook {one.get('id')} sends tickets to {where}")

    # The organisation -------------------------------------------------------------------------------

    def organisation(self, org: str) -> None:
        """Owners, the base permission, teams, roles, Apps and the organisation's webhooks."""
        for one in self._list(f"/orgs/{org}/members", "list the organisation's owners", role="admin"):
            self._owners.add(_login(one))
            self.add(one.get("login"), f"being an owner of the organisation {org}")
        self._base_permission(org)
        for team in self._list(f"{self._client.path}/teams", "list the repository's teams"):
            if not isinstance(team.get("parent"), dict):  # child teams are reached through their parents
                self._team(org, team, f"the team {team.get('slug')}", set())
        self._roles(org)
        self._apps(org)
        self._webhooks(f"/orgs/{org}/hooks", "organisation's")

    def _base_permission(self, org: str) -> None:
        settings = self._client.get_object(f"/orgs/{org}", "look at the organisation")
        base = settings.get("default_repository_permission")
        if not isinstance(base, str):
            self.doors.append(
                "GitHub does not tell the organisation's base permission: the credential is not an owner's"
            )
        elif base != "none":
            for one in self._list(f"/orgs/{org}/members", "list the organisation's members", role="member"):
                self.add(one.get("login"), f"the base permission of the organisation {org} ({base})")

    def _team(self, org: str, team: Json, trail: str, seen: set[str]) -> None:
        """Members of a team, and of the teams below it, each with the way down to them."""
        slug = str(team.get("slug"))
        if slug in seen:
            return
        seen.add(slug)
        for one in self._list(f"/orgs/{org}/teams/{slug}/members", "list a team's members"):
            if one.get("inherited") is not True:
                self.add(one.get("login"), trail)
        for child in self._list(f"/orgs/{org}/teams/{slug}/teams", "list a team's child teams"):
            self._team(org, child, f"{trail} / {child.get('slug')}", seen)

    def _roles(self, org: str) -> None:
        """Roles of the organisation that read all of its repositories.

        https://docs.github.com/en/organizations/managing-peoples-access-to-your-organization-with-roles
        """
        path = f"/orgs/{org}/organization-roles"
        try:
            listed = objects(self._client.get_object(path, "list the organisation's roles").get("roles"))
        except (HostGone, HostRefused):
            self.add("unlisted:roles", f"the roles of the organisation {org}, which GitHub does not list")
            return
        for role in listed:
            name = str(role.get("name"))
            if not role.get("base_role") and name.casefold().replace(" ", "_") != _SECURITY:
                continue
            trail = f"the role {name} of the organisation {org}"
            number = role.get("id")
            for one in self._list(f"{path}/{number}/users", "list who has a role"):
                self.add(one.get("login"), trail)
            for team in self._list(f"{path}/{number}/teams", "list which teams have a role"):
                self._team(org, team, f"{trail}, through the team {team.get('slug')}", set())

    def _apps(self, org: str) -> None:
        """Apps that may read issues, or give themselves access.

        GitHub does not tell an owner in which repositories an App is installed that is not in all of them.
        """
        for one in pages(
            self._client, f"/orgs/{org}/installations", "list the installed Apps", "installations"
        ):
            given = one.get("permissions")
            rights = given if isinstance(given, dict) else {}
            slug = str(one.get("app_slug"))
            if one.get("suspended_at") or not (
                rights.get("issues") or rights.get("administration") == "write"
            ):
                continue
            if f"{slug}[bot]".casefold() == self._own:
                self.add(f"{slug}[bot]", "being our own App")
                continue
            everywhere = one.get("repository_selection") == "all"
            where = "all repositories" if everywhere else "chosen repositories, GitHub does not say which"
            self.add(f"app:{slug}", f"a GitHub App with access to issues in {where}")

    # Whether it is all ------------------------------------------------------------------------------

    def unexplained(self) -> None:
        """Whoever GitHub lists as a reader, and to whom none of the paths above leads."""
        known = {one.account.casefold() for one in self.principals}
        for one in self._readers:
            if _login(one) not in known:
                self.add(
                    one.get("login"),
                    f"the role {role_of(one)} in the repository, GitHub does not say by what",
                )

    def is_whole(self) -> bool:
        """Whether everybody is there who must be; an empty list is not a proof."""
        accounts = {one.account.casefold() for one in self.principals}
        me = self._client.own_login().casefold()
        admins = {_login(one) for one in self._readers if role_of(one) == "admin"}
        return "" not in accounts and self._own in accounts and me in admins and self._owners <= admins

    def _list(self, path: str, what: str, **parameters: str | int) -> list[Json]:
        return list(self._client.get_list(path, what, **parameters))


def pages(client: Client, path: str, what: str, name: str) -> Iterator[Json]:
    """The objects of a list that GitHub wraps into an object with a count."""
    page, so_far = 1, 0
    before: list[Json] = []
    while True:
        answer = client.get(path, what, per_page=PAGE, page=page)
        found = objects(answer.get(name)) if isinstance(answer, dict) else []
        if found and found == before:  # as in Client.get_list
            raise unusable(Deed(what, client.where))
        yield from found
        so_far += len(found)
        total = answer.get("total_count") if isinstance(answer, dict) else None
        if not found or not isinstance(total, int) or so_far >= total:
            return
        page, before = page + 1, found


def _login(one: Json) -> str:
    return str(one.get("login") or "").casefold()

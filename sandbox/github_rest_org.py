"""GitHub's REST calls on an organization as its owners see it: teams, roles, Apps, outside collaborators, fields.

To everybody else these answer 404, or 403 where GitHub's description has no 404.
https://docs.github.com/en/rest/orgs and https://docs.github.com/en/rest/teams
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sandbox.github_access import holders, is_member, owns
from sandbox.github_calls import Calls, Reply, body, paged, text
from sandbox.github_json import role
from sandbox.github_refusal import Refused, invalid
from sandbox.github_state import IssueField, Option, Organization, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.github_access import Caller
    from sandbox.github_json import Json
    from sandbox.github_owner_state import OrganizationRole
    from sandbox.github_state import Team

_FIELD_TYPES = frozenset({"text", "date", "single_select", "multi_select", "number"})
_FLAGS = ("has_issues", "has_projects", "has_wiki")


class OrgCalls(Calls):
    """Everything under ``/orgs/{org}`` that needs an owner, and what else belongs to teams."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "GET /orgs/<login>/outside_collaborators": "outside_collaborators",
        "GET /orgs/<login>/teams/<slug>/members": "team_members",
        "GET /orgs/<login>/teams/<slug>/teams": "child_teams",
        "GET /orgs/<login>/organization-roles": "roles",
        "GET /orgs/<login>/organization-roles/<int:role_id>/users": "role_users",
        "GET /orgs/<login>/organization-roles/<int:role_id>/teams": "role_teams",
        "GET /orgs/<login>/installations": "org_installations",
        "POST /orgs/<login>/issue-fields": "create_field",
        "POST /orgs/<login>/repos": "create_repo",
    }

    def _call_outside_collaborators(self, caller: Caller, login: str) -> Reply:
        org = self._owned(caller, login, 403)
        given = {who for repo in self._repos(org) for who in repo.collaborators}
        people = [self._state.account(who) for who in sorted(given)]
        return paged([self._show.user(one) for one in people if not is_member(one, org)], self._show.root)

    # Teams

    def _call_team_members(self, caller: Caller, login: str, slug: str) -> Reply:
        """Members of its child teams are among them, marked as inherited."""
        team = self._team(caller, login, slug)
        shown = [
            {
                **self._show.user(self._state.account(who)),
                "role": "member",
                "inherited": who not in team.members,
            }
            for who in sorted(team.everyone())
        ]
        return paged(shown, self._show.root)

    def _call_child_teams(self, caller: Caller, login: str, slug: str) -> Reply:
        team, org = self._team(caller, login, slug), self._org(login)
        return paged([self._show.team(child, org) for child in team.children], self._show.root)

    def _team(self, caller: Caller, login: str, slug: str) -> Team:
        org = self._org(login)
        inside = owns(caller, org) or (caller.token is not None and is_member(caller.account, org))
        found = next((team for team in self._teams(org) if team.slug == slug), None) if inside else None
        if found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return found

    def _teams(self, org: Organization) -> Iterator[Team]:
        for top in [
            *(team for repo in self._repos(org) for team in repo.teams),
            *(team for one in org.roles for team in one.teams),
        ]:
            yield from top.family()

    # Roles

    def _call_roles(self, caller: Caller, login: str) -> Reply:
        org = self._owned(caller, login)
        shown: list[Json] = [
            {
                "id": one.id,
                "name": one.name,
                "description": None,
                "permissions": [],
                "organization": self._show.user(org),
                "created_at": "2020-01-01T00:00:00Z",
                "updated_at": "2020-01-01T00:00:00Z",
                "source": one.source,
                **({"base_role": role(one.base)} if one.base else {}),
            }
            for one in org.roles
        ]
        return Reply({"total_count": len(shown), "roles": shown})

    def _call_role_users(self, caller: Caller, login: str, role_id: int) -> Reply:
        org = self._owned(caller, login)
        one = self._role(org, role_id)
        shown: list[Json] = []
        for who in sorted(holders(one)):
            by = [team for team in one.teams if who in team.everyone()]
            how = ("mixed" if by else "direct") if who in one.users else "indirect"
            entry = {**self._show.user(self._state.account(who)), "assignment": how}
            if by:
                entry["inherited_from"] = [self._simple(team, org) for team in by]
            shown.append(entry)
        return paged(shown, self._show.root)

    def _call_role_teams(self, caller: Caller, login: str, role_id: int) -> Reply:
        org = self._owned(caller, login)
        teams = self._role(org, role_id).teams
        return paged(
            [{**self._show.team(team, org), "assignment": "direct"} for team in teams], self._show.root
        )

    def _simple(self, team: Team, org: Organization) -> Json:
        whole = self._show.team(team, org)
        return {name: one for name, one in whole.items() if name not in {"permissions", "parent"}}

    @staticmethod
    def _role(org: Organization, role_id: int) -> OrganizationRole:
        found = next((one for one in org.roles if one.id == role_id), None)
        if found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return found

    # Apps, fields, repositories

    def _call_org_installations(self, caller: Caller, login: str) -> Reply:
        org = self._owned(caller, login, 403)
        apps = [app for app in self._state.apps.values() if app.owner is org and app.installed]
        page = paged([self._show.installation(app) for app in apps], self._show.root)
        return Reply({"total_count": len(apps), "installations": page.data}, 200, page.headers)

    def _call_create_field(self, caller: Caller, login: str) -> Reply:
        org, sent = self._owned(caller, login), body()
        name, kind = text(sent, "name", "IssueField"), text(sent, "data_type", "IssueField")
        options = sent.get("options") or []
        if kind not in _FIELD_TYPES or (kind.endswith("_select") and not options):
            raise Refused(422, "Data type is invalid, or options are missing")
        if any(one.name.lower() == name.lower() for one in org.issue_fields):
            raise Refused(422, "Name has already been taken")
        state = self._state
        made = state.keep(
            IssueField(
                state.new_id(),
                name,
                kind,
                [state.keep(Option(state.new_id(), one["name"], one["color"])) for one in options],
            )
        )
        org.issue_fields.append(made)
        return Reply(self._show.field(made))

    def _call_create_repo(self, caller: Caller, login: str) -> Reply:
        org, sent = self._owned(caller, login), body()
        name = text(sent, "name", "Repository")
        if self._state.repo(login, name) is not None:
            raise invalid("Repository", "name", "name already exists on this account")
        visibility = sent.get("visibility") or ("private" if sent.get("private") else "public")
        state = self._state
        repo = Repository(state.new_id(), org, name, visibility, self._do.now(), actions=True)
        flags = {flag: bool(sent.get(flag, True)) for flag in _FLAGS}
        others = {"has_pages": False, "has_discussions": False, "has_downloads": False}
        repo.flags = {**flags, **others, "allow_forking": False}
        state.repos[repo.id] = state.keep(repo)
        return Reply(self._show.full_repo(repo, caller), 201)

    # Helpers

    def _repos(self, org: Organization) -> list[Repository]:
        return [repo for repo in self._state.repos.values() if repo.owner is org]

    def _org(self, login: str) -> Organization:
        account = self._state.account(login)
        if not isinstance(account, Organization):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return account

    def _owned(self, caller: Caller, login: str, otherwise: int = 404) -> Organization:
        org = self._org(login)
        if not owns(caller, org):
            raise Refused(otherwise, "Not Found" if otherwise == 404 else "Must be an organization owner")
        return org

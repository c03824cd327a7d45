"""GitHub's REST calls on repositories, people and organizations: what is there and who can read it.

https://docs.github.com/en/rest/repos and https://docs.github.com/en/rest/orgs
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from flask import request

from sandbox.github_access import is_member, level_of, people_with_access, rank
from sandbox.github_calls import Calls, Reply, paged
from sandbox.github_json import flags, role
from sandbox.github_refusal import Refused
from sandbox.github_state import Organization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github_access import Caller
    from sandbox.github_state import Level, Repository


_FAR_AWAY = 4_102_444_800  # when a limit starts anew; nobody waits for it here


class PlaceCalls(Calls):
    """Repositories, users, organizations and the rate limit."""

    in_a_repository: ClassVar[Mapping[str, str]] = {
        "GET ": "get_repo",
        "GET /collaborators": "collaborators",
        "GET /collaborators/<login>/permission": "permission",
        "GET /invitations": "invitations",
        "GET /teams": "teams",
        "GET /issue-types": "repo_types",
    }
    elsewhere: ClassVar[Mapping[str, str]] = {
        "GET /user": "user",
        "GET /users/<login>": "person",
        "GET /rate_limit": "rate_limit",
        "GET /orgs/<login>": "org",
        "GET /orgs/<login>/members": "members",
        "GET /orgs/<login>/issue-fields": "org_fields",
        "GET /orgs/<login>/issue-types": "org_types",
        "GET /installation/repositories": "installation_repos",
    }

    # The repository and who can read it

    def _call_get_repo(self, caller: Caller, repo: Repository) -> Reply:
        return Reply(self._show.full_repo(repo, caller))

    def _call_collaborators(self, caller: Caller, repo: Repository) -> Reply:
        """People with access from any source, organization owners among them; write access is needed."""
        if caller.app is None and rank(caller.level(repo)) < rank("push"):
            raise Refused(403, "Must have push access to view repository collaborators.", kind="FORBIDDEN")
        which, least = request.args.get("affiliation", "all"), request.args.get("permission")
        org = repo.organization
        shown = []
        for account, level, direct in people_with_access(self._state, repo):
            outside = direct and not (org and is_member(account, org))
            wanted = {"all": True, "direct": direct, "outside": outside}.get(which, False)
            if wanted and (least is None or flags(level).get(least)):
                shown.append(self._show.collaborator(account, level))
        return paged(shown, self._show.root)

    def _call_permission(self, caller: Caller, repo: Repository, login: str) -> Reply:
        """One person's level. Somebody without access is an answer too: none."""
        if caller.app is None and rank(caller.level(repo)) < rank("push"):
            raise Refused(403, "Must have push access to view collaborator permission.", kind="FORBIDDEN")
        account = self._state.account(login)
        level: Level = level_of(account, repo)
        coarse = {"triage": "read", "maintain": "write"}
        name = role(level)
        shown = self._show.collaborator(account, level)
        return Reply({"permission": coarse.get(name, name), "role_name": name, "user": shown})

    def _call_invitations(self, caller: Caller, repo: Repository) -> Reply:
        self._require_administration(caller, repo)
        return paged([self._show.invitation(one, repo) for one in repo.invitations], self._show.root)

    def _call_teams(self, caller: Caller, repo: Repository) -> Reply:
        caller.require("administration")
        org = repo.organization
        family = [one for team in repo.teams for one in team.family()]
        return paged([self._show.team(team, org) for team in family] if org else [], self._show.root)

    def _require_administration(self, caller: Caller, repo: Repository) -> None:
        caller.require("administration")
        if caller.app is None:
            caller.require_level(repo, "admin")

    def _call_repo_types(self, _caller: Caller, repo: Repository) -> Reply:
        org = repo.organization
        return Reply([self._show.type(kind) for kind in (org.issue_types if org else ())])

    def _call_org_types(self, caller: Caller, login: str) -> Reply:
        return Reply([self._show.type(kind) for kind in self._inside(caller, login).issue_types])

    def _call_org_fields(self, caller: Caller, login: str) -> Reply:
        """The definitions; every member sees them."""
        return Reply([self._show.field(one) for one in self._inside(caller, login).issue_fields])

    # People and organizations

    def _call_user(self, caller: Caller) -> Reply:
        if caller.app is not None:
            raise caller.forbidden()
        return Reply(self._show.private_user(caller.account))

    def _call_person(self, _caller: Caller, login: str) -> Reply:
        whole = self._show.private_user(self._state.account(login))
        private = (
            "private_gists",
            "disk_usage",
            "total_private_repos",
            "owned_private_repos",
            "collaborators",
        )
        hidden = {*private, "two_factor_authentication"}
        shown = {name: value for name, value in whole.items() if name not in hidden}
        return Reply({**shown, "user_view_type": "public"})

    def _call_org(self, caller: Caller, login: str) -> Reply:
        org = self._org(login)
        owner = caller.token is not None and caller.app is None and caller.account.login.lower() in org.owners
        by_app = (
            caller.app is not None
            and caller.app.owner is org
            and caller.allows("organization_administration")
        )
        return Reply(self._show.organization(org, inside=owner or by_app))

    def _call_members(self, caller: Caller, login: str) -> Reply:
        org = self._inside(caller, login)
        if caller.app is not None:
            caller.require("members")
        which = request.args.get("role", "all")
        chosen = {"admin": org.owners, "member": org.members, "all": org.owners | org.members}.get(
            which, set()
        )
        return paged([self._show.user(self._state.account(one)) for one in sorted(chosen)], self._show.root)

    def _call_installation_repos(self, caller: Caller) -> Reply:
        if caller.app is None:
            raise Refused(
                403,
                "You must authenticate with an installation access token in order to list repositories for an installation.",
            )
        seen = [
            self._show.repo(repo, caller)
            for repo in self._state.repos.values()
            if caller.level(repo) == "push"
        ]
        selected = caller.token is not None and caller.token.repositories is not None
        return Reply(
            {
                "total_count": len(seen),
                "repositories": seen,
                "repository_selection": "selected" if selected else "all",
            }
        )

    def _call_rate_limit(self, caller: Caller) -> Reply:
        used = caller.token.used if caller.token else 0
        limit = self._state.limits.hourly_requests
        rate = {"limit": limit, "used": used, "remaining": max(limit - used, 0), "reset": _FAR_AWAY}
        return Reply({"resources": {"core": rate, "graphql": rate, "search": rate}, "rate": rate})

    def _org(self, login: str) -> Organization:
        account = self._state.account(login)
        if not isinstance(account, Organization):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return account

    def _inside(self, caller: Caller, login: str) -> Organization:
        org = self._org(login)
        if caller.token is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        if (caller.app.owner is not org) if caller.app else not is_member(caller.account, org):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return org

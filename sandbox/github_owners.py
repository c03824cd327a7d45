"""What an owner does on the GitHub stand-in's pages, where tests need it done: install an App, nest teams, give roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github_owner_state import DeployKey, OrganizationRole
from sandbox.github_state import Organization, Team

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sandbox.github_state import Level, Repository, State


class OwnersOrders:
    """A part of :class:`sandbox.github_com.GitHubCom`."""

    state: State
    repo: Callable[[str], Repository]
    _now: Callable[[], datetime]

    def install_app(self, slug: str, repositories: Sequence[str] | None) -> None:
        """An owner installs an App in these repositories of its organization, or in all of them."""
        app = next(app for app in self.state.apps.values() if app.slug == slug)
        names = None if repositories is None else [f"{app.owner.login}/{name}" for name in repositories]
        app.repositories = None if names is None else frozenset(self.repo(name).id for name in names)

    def add_child_team(self, full_name: str, above: str, slug: str, members: Sequence[str]) -> Team:
        """A team below one that has access to a repository; it has the same access."""
        family = (one for team in self.repo(full_name).teams for one in team.family())
        parent = next(team for team in family if team.slug == above)
        people = frozenset(member.lower() for member in members)
        team = Team(self.state.new_id(), slug, parent.level, people, parent=parent)
        parent.children.append(team)
        return team

    def add_role(
        self,
        org: str,
        name: str,
        *,
        base: Level | None,
        users: Sequence[str] = (),
        teams: Mapping[str, Sequence[str]] | None = None,
    ) -> OrganizationRole:
        """A role of an organization, given to people and to teams of their own."""
        owner = self.state.account(org)
        if not isinstance(owner, Organization):
            raise TypeError("only organizations have roles")
        made = OrganizationRole(self.state.new_id(), name, base, users={one.lower() for one in users})
        for slug, members in (teams or {}).items():
            people = frozenset(member.lower() for member in members)
            made.teams.append(Team(self.state.new_id(), slug, "none", people))
        owner.roles.append(made)
        return made

    def add_deploy_key(self, full_name: str, title: str, *, read_only: bool = True) -> DeployKey:
        """A key that opens a repository's code."""
        key = DeployKey(self.state.new_id(), title, read_only, self._now())
        self.repo(full_name).deploy_keys.append(key)
        return key

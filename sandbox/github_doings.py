"""What people with the right to it do on GitHub's settings pages, where our API calls do not lead: with the webhooks of it.

They publish a repository, hand it on, rename, archive or delete it, let people and teams in, and move an issue. Each
method names who does it (an owner, unless said otherwise) and asks no rights: the tests are about what follows.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github_access import Caller
from sandbox.github_state import Organization, Team, Token

if TYPE_CHECKING:
    from sandbox.github_json import Json, Show
    from sandbox.github_state import Issue, Level, Repository, State
    from sandbox.github_webhooks import Webhooks


_NOT_IN_EVENTS = frozenset({"permissions"})


class Doings:
    """Changes of repositories and of who can read them."""

    def __init__(self, state: State, *, show: Show, tell: Webhooks) -> None:
        self._state = state
        self._show = show
        self._tell = tell

    # The repository

    def set_visibility(self, full_name: str, visibility: str, *, by: str = "") -> None:
        """Make a repository public, private or internal. That it became public is told twice."""
        repo = self._repo(full_name)
        was_private, repo.visibility = repo.private, visibility
        if was_private == repo.private:
            return
        if not repo.private:
            self._tell.about(self._caller(by, repo), repo, "public", {})
        self._news(repo, "privatized" if repo.private else "publicized", by)

    def archive(self, full_name: str, *, archived: bool = True, by: str = "") -> None:
        """Let nobody write to a repository, or let them again."""
        repo = self._repo(full_name)
        repo.archived = archived
        self._news(repo, "archived" if archived else "unarchived", by)

    def rename(self, full_name: str, new_name: str, *, by: str = "") -> None:
        """Another name; the old one redirects from now on."""
        repo = self._repo(full_name)
        self._state.renamed[repo.full_name.lower()] = repo
        before, repo.name = repo.name, new_name
        self._news(repo, "renamed", by, changes={"repository": {"name": {"from": before}}})

    def transfer(self, full_name: str, to: str, *, by: str = "") -> None:
        """Another owner; the old address redirects from now on. An App's installation stays behind."""
        repo = self._repo(full_name)
        caller = self._caller(by, repo)
        self._state.renamed[repo.full_name.lower()] = repo
        before, repo.owner = repo.owner, self._state.account(to)
        kind = "organization" if isinstance(before, Organization) else "user"
        shown = (
            self._show.organization_simple(before)
            if isinstance(before, Organization)
            else self._show.user(before)
        )
        changes = {"owner": {"from": {kind: shown}}}
        self._tell.about(caller, repo, "repository", {"action": "transferred", "changes": changes})

    def delete(self, full_name: str, *, by: str = "") -> None:
        """Nothing finds the repository or anything in it any more; its name is free."""
        repo = self._repo(full_name)
        self._news(repo, "deleted", by)
        for issue in list(repo.issues.values()):
            self._state.forget(issue)
        del self._state.repos[repo.id], self._state.nodes[repo.node_id]

    # Who can read it

    def add_collaborator(self, full_name: str, login: str, level: Level, *, by: str = "") -> None:
        """Give a person access of their own, as if the invitation was accepted at once."""
        repo, person = self._repo(full_name), self._state.account(login)
        repo.collaborators[person.login.lower()] = level
        payload: Json = {
            "action": "added",
            "member": self._show.user(person),
            "changes": {"permission": {"to": "write"}, "role_name": {"to": level}},
        }
        self._tell.about(self._caller(by, repo), repo, "member", payload)

    def remove_collaborator(self, full_name: str, login: str, *, by: str = "") -> None:
        """Take that access away."""
        repo, person = self._repo(full_name), self._state.account(login)
        del repo.collaborators[person.login.lower()]
        payload: Json = {"action": "removed", "member": self._show.user(person)}
        self._tell.about(self._caller(by, repo), repo, "member", payload)

    def add_team(
        self, full_name: str, slug: str, level: Level, members: tuple[str, ...], *, by: str = ""
    ) -> None:
        """Give a team access."""
        repo = self._repo(full_name)
        team = Team(self._state.new_id(), slug, level, frozenset(one.lower() for one in members))
        repo.teams.append(team)
        if (org := repo.organization) is not None:
            shown = {
                name: value
                for name, value in self._show.team(team, org).items()
                if name not in _NOT_IN_EVENTS
            }
            self._tell.about(self._caller(by, repo), repo, "team_add", {"team": shown})

    # Issues

    def transfer_issue(self, full_name: str, number: int, *, to: str, by: str = "") -> Issue:
        """Move an issue to another repository of the same owner: new ids, the old address redirects.

        https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/transferring-an-issue-to-another-repository
        """
        old, target = self._repo(full_name), self._repo(to)
        issue, caller = old.issues.pop(number), self._caller(by, old)
        was = self._show.issue(issue)
        del self._state.issues[issue.id], self._state.nodes[issue.node_id]
        issue.id, issue.repo, issue.number = self._state.new_id(), target, target.next_number()
        issue.__post_init__()
        issue.labels = [label for one in issue.labels if (label := target.label(one.name)) is not None]
        self._state.issues[issue.id] = self._state.keep(issue)
        target.issues[issue.number] = old.moved[number] = issue
        del was["closed_by"]
        shown = {name: value for name, value in self._show.issue(issue).items() if name != "closed_by"}
        new = {"new_issue": shown, "new_repository": self._show.repo(target)}
        self._tell.about(caller, old, "issues", {"action": "transferred", "issue": was, "changes": new})
        changes = {"old_issue": was, "old_repository": self._show.repo(old)}
        self._tell.issue(caller, issue, "opened", changes=changes)
        return issue

    # Helpers

    def _repo(self, full_name: str) -> Repository:
        found = self._state.repo(*full_name.split("/"))
        if found is None:
            raise KeyError(full_name)
        return found

    def _news(self, repo: Repository, action: str, by: str, **more: object) -> None:
        self._tell.about(self._caller(by, repo), repo, "repository", {"action": action, **more})

    def _caller(self, login: str, repo: Repository) -> Caller:
        org = repo.organization
        name = login or (min(org.owners) if org is not None else repo.owner.login)
        return Caller(Token(self._state.account(name)))

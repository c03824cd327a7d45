"""How the GitHub stand-in shows people, organizations, repositories and Apps in JSON.

Links start with the address of the latest request, so that a client which insists on one host and port
can follow them.
https://docs.github.com/en/rest
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github_access import Caller, client_id, rank
from sandbox.github_state import LEVELS

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.github_state import Account, App, Invitation, Level, Organization, Repository, State, Team

Json = dict[str, Any]

_WEB_ROLE = {
    "none": "none",
    "pull": "read",
    "triage": "triage",
    "push": "write",
    "maintain": "maintain",
    "admin": "admin",
}
# Links that no client of ours follows, but every repository has: name, end of the address.
_REPO_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
# What members of an organization may do, as the stand-in's organizations are made.
_MEMBERS_MAY = {
    "members_can_change_repo_visibility": False,
    "members_can_invite_outside_collaborators": False,
    "members_can_delete_issues": False,
    "members_can_fork_private_repositories": False,
}
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def stamp(time: datetime | None) -> str | None:
    """A time as GitHub writes it: seconds, ``Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def flags(level: Level) -> dict[str, bool]:
    """A level as the five yes-or-no permissions."""
    return {name: rank(level) >= rank(name) for name in LEVELS[1:]}


def role(level: Level) -> str:
    """A level's name in the web pages."""
    return _WEB_ROLE[level]


class ShowPlaces:
    """Makes JSON of places and people, as seen at one address."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def root(self) -> str:
        """Where links lead."""
        return self._state.root

    def user(self, account: Account) -> Json:
        """A simple user."""
        url = f"{self.root}/users/{account.login}"
        return {
            "login": account.login,
            "id": account.id,
            "node_id": account.node_id,
            "avatar_url": f"{self.root}/avatars/{account.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.root}/{account.login}",
            **{name: url + end for name, end in _USER_LINKS.items()},
            "type": account.kind,
            "site_admin": False,
            "user_view_type": "public",
        }

    def private_user(self, account: Account) -> Json:
        """The user behind the token, as GET /user shows them."""
        empty = ("name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username")
        counts = ("public_repos", "public_gists", "followers", "following", "private_gists", "disk_usage")
        return {
            **self.user(account),
            "user_view_type": "private",
            **dict.fromkeys(empty),
            **dict.fromkeys((*counts, "total_private_repos", "owned_private_repos", "collaborators"), 0),
            "two_factor_authentication": True,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
        }

    def collaborator(self, account: Account, level: Level) -> Json:
        """A person with access, and which."""
        return {**self.user(account), "permissions": flags(level), "role_name": role(level)}

    def organization(self, org: Organization, *, inside: bool) -> Json:
        """An organization; its settings only for those inside."""
        url = f"{self.root}/orgs/{org.login}"
        shown: Json = {
            "login": org.login,
            "id": org.id,
            "node_id": org.node_id,
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": url + "/members{/member}",
            "public_members_url": url + "/public_members{/member}",
            "avatar_url": f"{self.root}/avatars/{org.id}",
            "html_url": f"{self.root}/{org.login}",
            "description": None,
            "has_organization_projects": True,
            "has_repository_projects": True,
            **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
            "type": "Organization",
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "archived_at": None,
        }
        if inside:
            shown["default_repository_permission"] = role(org.default_permission)
            shown["two_factor_requirement_enabled"] = True
            shown |= {**_MEMBERS_MAY, **org.settings}
        return shown

    def organization_simple(self, org: Organization) -> Json:
        """An organization in a webhook."""
        names = ("login", "id", "node_id", "url", "repos_url", "events_url", "hooks_url", "issues_url")
        more = ("members_url", "public_members_url", "avatar_url", "description")
        whole = self.organization(org, inside=False)
        return {name: whole[name] for name in (*names, *more)}

    def repo(self, repo: Repository, caller: Caller | None = None) -> Json:
        """A repository; with a caller, also what the caller may do in it."""
        url, html = f"{self.root}/repos/{repo.full_name}", f"{self.root}/{repo.full_name}"
        open_issues = sum(issue.state == "open" for issue in repo.issues.values())
        shown: Json = {
            "id": repo.id,
            "node_id": repo.node_id,
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.user(repo.owner),
            "html_url": html,
            "description": None,
            "fork": False,
            "url": url,
            **{name: url + end for name, end in _REPO_LINKS.items()},
            "git_url": f"{html}.git",
            "ssh_url": f"{html}.git",
            "clone_url": f"{html}.git",
            "svn_url": html,
            **dict.fromkeys(("homepage", "language", "license", "mirror_url")),
            **dict.fromkeys(
                ("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size"), 0
            ),
            "open_issues": open_issues,
            "open_issues_count": open_issues,
            "default_branch": "main",
            "is_template": False,
            "topics": [],
            **repo.flags,
            "archived": repo.archived,
            "disabled": False,
            "visibility": repo.visibility,
            "web_commit_signoff_required": False,
            "pushed_at": stamp(repo.created_at),
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
        }
        if caller is not None:
            shown["permissions"] = flags(caller.level(repo))
        return shown

    def full_repo(self, repo: Repository, caller: Caller) -> Json:
        """A repository as GET /repos/{owner}/{repo} shows it."""
        shown = {**self.repo(repo, caller), "network_count": 0, "subscribers_count": 0}
        if repo.organization is not None:
            shown["organization"] = self.user(repo.owner)
        return shown

    def team(self, team: Team, org: Organization) -> Json:
        """A team and what it may do in a repository."""
        url = f"{self.root}/organizations/{org.id}/team/{team.id}"
        shown: Json = {
            "id": team.id,
            "node_id": team.node_id,
            "name": team.slug,
            "slug": team.slug,
            "description": None,
            "privacy": "closed",
            "notification_setting": "notifications_enabled",
            "permission": team.level,
            "permissions": flags(team.level),
            "url": url,
            "html_url": f"{self.root}/orgs/{org.login}/teams/{team.slug}",
            "members_url": url + "/members{/member}",
            "repositories_url": f"{url}/repos",
            "type": "organization",
            "organization_id": org.id,
            "parent": None,
        }
        if team.parent is not None:
            above = self.team(team.parent, org)
            shown["parent"] = {
                name: one for name, one in above.items() if name not in {"permissions", "parent"}
            }
        return shown

    def invitation(self, invitation: Invitation, repo: Repository) -> Json:
        """An invitation that is open."""
        return {
            "id": invitation.id,
            "node_id": invitation.node_id,
            "repository": self.repo(repo),
            "invitee": self.user(invitation.invitee),
            "inviter": self.user(repo.owner),
            "permissions": role(invitation.level),
            "created_at": stamp(invitation.created_at),
            "expired": False,
            "url": f"{self.root}/user/repository_invitations/{invitation.id}",
            "html_url": f"{self.root}/{repo.full_name}/invitations",
        }

    def app(self, app: App) -> Json:
        """An App."""
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": app.node_id,
            "client_id": client_id(app),
            "owner": self.user(app.owner),
            "name": app.slug,
            "description": None,
            "external_url": f"{self.root}/apps/{app.slug}",
            "html_url": f"{self.root}/apps/{app.slug}",
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": app.permissions,
            "events": list(app.events),
        }

    def installation(self, app: App) -> Json:
        """Where an App is installed, and with which permissions."""
        return {
            "id": app.installation_id,
            "account": self.user(app.owner),
            "repository_selection": "all" if app.repositories is None else "selected",
            "access_tokens_url": f"{self.root}/app/installations/{app.installation_id}/access_tokens",
            "repositories_url": f"{self.root}/installation/repositories",
            "html_url": f"{self.root}/organizations/{app.owner.login}/settings/installations/{app.installation_id}",
            "app_id": app.id,
            "client_id": client_id(app),
            "app_slug": app.slug,
            "target_id": app.owner.id,
            "target_type": "Organization",
            "permissions": app.permissions,
            "events": list(app.events),
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": None,
            "suspended_at": None,
        }

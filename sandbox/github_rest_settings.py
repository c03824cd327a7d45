"""GitHub's REST calls on a repository's settings: flags, collaborators, Actions, Pages, deploy keys.

https://docs.github.com/en/rest/repos/repos and https://docs.github.com/en/rest/collaborators
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, get_args

from sandbox.github_access import is_member
from sandbox.github_calls import Calls, Reply, body, paged
from sandbox.github_json import stamp
from sandbox.github_refusal import Refused, invalid
from sandbox.github_state import Invitation, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github_access import Caller
    from sandbox.github_json import Json
    from sandbox.github_owner_state import DeployKey
    from sandbox.github_state import Repository

_FLAGS = ("has_issues", "has_projects", "has_wiki", "allow_forking")
_GIVEN = frozenset(get_args(Level)) - {"none"}


class SettingCalls(Calls):
    """For who administers the repository."""

    in_a_repository: ClassVar[Mapping[str, str]] = {
        "PATCH ": "edit_repo",
        "PUT /collaborators/<login>": "add_collaborator",
        "DELETE /collaborators/<login>": "remove_collaborator",
        "GET /actions/permissions": "actions",
        "PUT /actions/permissions": "set_actions",
        "DELETE /pages": "delete_pages",
        "GET /keys": "deploy_keys",
    }

    def _call_edit_repo(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo, write=True)
        sent = body()
        for flag in _FLAGS:
            if flag in sent:
                repo.flags[flag] = bool(sent[flag])
        if "visibility" in sent or "private" in sent:
            repo.visibility = sent.get("visibility") or ("private" if sent["private"] else "public")
        if "archived" in sent:
            repo.archived = bool(sent["archived"])
        return Reply(self._show.full_repo(repo, caller))

    def _call_add_collaborator(self, caller: Caller, repo: Repository, login: str) -> Reply:
        """Who is a member of the organization or a collaborator already is let in at once, others are invited."""
        self._administers(caller, repo, write=True)
        level = body().get("permission", "push")
        if level not in _GIVEN:
            raise invalid("Repository", "permission", code="invalid")
        account, org = self._state.account(login), repo.organization
        known = account.login.lower()
        if known in repo.collaborators or (org is not None and is_member(account, org)):
            repo.collaborators[known] = level
            return Reply(status=204)
        repo.invitations = [one for one in repo.invitations if one.invitee is not account]
        made = Invitation(self._state.new_id(), account, level, self._do.now())
        repo.invitations.append(made)
        shown = self._show.invitation(made, repo)
        shown["repository"] = _minimal(shown["repository"])
        return Reply(shown, 201)

    def _call_remove_collaborator(self, caller: Caller, repo: Repository, login: str) -> Reply:
        self._administers(caller, repo, write=True)
        repo.collaborators.pop(login.lower(), None)
        return Reply(status=204)

    def _call_actions(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo)
        if not repo.actions:
            return Reply({"enabled": False})
        return Reply({"enabled": True, "allowed_actions": "all", "sha_pinning_required": False})

    def _call_set_actions(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo, write=True)
        enabled = body().get("enabled")
        if not isinstance(enabled, bool):
            raise invalid("Repository", "enabled", code="missing_field")
        repo.actions = enabled
        return Reply(status=204)

    def _call_delete_pages(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo, write=True)
        if not repo.flags["has_pages"]:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        repo.flags["has_pages"] = False
        return Reply(status=204)

    def _call_deploy_keys(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo)
        return paged([self._key(key, repo) for key in repo.deploy_keys], self._show.root)

    def _key(self, key: DeployKey, repo: Repository) -> Json:
        return {
            "id": key.id,
            "key": "ssh-ed25519 AAAA",
            "url": f"{self._show.root}/repos/{repo.full_name}/keys/{key.id}",
            "title": key.title,
            "verified": True,
            "created_at": stamp(key.created_at),
            "read_only": key.read_only,
            "added_by": None,
            "last_used": None,
            "enabled": True,
        }

    @staticmethod
    def _administers(caller: Caller, repo: Repository, *, write: bool = False) -> None:
        caller.require("administration", write=write)
        if caller.app is None:
            caller.require_level(repo, "admin")


def _minimal(repository: Json) -> Json:
    """A repository as an invitation shows it."""
    left_out = {"forks", "open_issues", "watchers", "license"}
    return {name: one for name, one in repository.items() if name not in left_out}

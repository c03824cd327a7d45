"""Set-up of a GitHub repository as ticket space: what is lacking, shown first and done on request.

It works with the token of an owner of the organisation, which stays in memory. Whatever concerns more than the
repository (the organisation's own settings) is left to a person, with exact words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integration.errors import HostGone, HostRefused, HostRejected
from integration.github.admin_audience import pages
from integration.github.client import Client
from integration.github.credential import AppCredential
from integration.github.hook_settings import find_hook, settings, wrong_with
from integration.github.setup_fields import Fields
from integration.github.setup_people import People
from integration.setup import Deed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integration.github.answers import Json
    from integration.github.credential import TokenCredential
    from integration.github.space import GitHubSpace

_CREATE = "make the repository"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the ticket space shall be like.

    Args:
        space: name, owner and repository.
        accounts: the GitHub logins of the roster's members.
        aliases: their aliases, for the fields lead and secondary.
        bot: the runtime credential, and the file that holds its secret, as the configuration names it.
        hook_url: where GitHub shall send events; empty for nowhere.
        hook_secret: the secret they are signed with; an App has one of its own.
        hook_secret_is_new: whether GitHub may not have it yet; it never shows which one it has.
        hook_secret_file: where that secret is kept, as the configuration names it.
        issue_fields: whether incidents show in issue fields of the organisation, and not in labels. Then members need
            the role *write*, and a locked conversation does not keep them from commenting.
    """

    space: GitHubSpace
    accounts: frozenset[str]
    aliases: frozenset[str]
    bot: AppCredential | TokenCredential
    bot_file: str
    hook_url: str = ""
    hook_secret: str = field(default="", repr=False)
    hook_secret_is_new: bool = False
    hook_secret_file: str = ""
    issue_fields: bool = False

    @property
    def role(self) -> str:
        """The least role in which members can work: ``triage``, or ``push`` (*write*), in the API's words."""
        return "push" if self.issue_fields else "triage"


class GitHubSetup:
    """A :class:`integration.setup.Setup` for one repository.

    Args:
        wanted: what there shall be.
        owner_token: a short-lived token of an owner of the organisation (or of the repository, if a user owns it). A
            classic one needs ``repo`` and ``admin:org``; it is kept in memory only.
        pause: seconds between two writes; by default as GitHub asks for.
    """

    def __init__(self, wanted: Wanted, owner_token: TokenCredential, *, pause: float | None = None) -> None:
        space = wanted.space
        self._wanted = wanted
        self._admin = Client(
            base_url=space.base_url,
            owner=space.owner,
            repository=space.repository,
            credential=owner_token,
            pause=pause,
        )
        self._bot = Client(
            base_url=space.base_url,
            owner=space.owner,
            repository=space.repository,
            credential=wanted.bot,
            pause=pause,
        )
        self._secret_is_new = wanted.hook_secret_is_new
        self._web = web_address(space.base_url)
        self._fields = Fields(self._admin, space.owner, wanted.aliases, self._web)

    def deeds(self) -> Sequence[Deed]:
        """What is lacking, in the order in which it must be done. Reads only.

        Raises:
            HostError: GitHub could not be read, or the token is not an owner's.
        """
        try:
            repository = self._admin.get_object(self._admin.path, "look at the repository")
        except HostGone:
            return self._missing()
        in_organisation = _is_organisation(repository)
        found: list[Deed] = [*self._visibility(repository), *self._flags(repository)]
        if in_organisation:
            found += self._organisation()
        found += self._fields.deeds(
            in_organisation=in_organisation, as_issue_fields=self._wanted.issue_fields
        )
        if self._bot.is_app:
            found += self._app(in_organisation=in_organisation)
        else:
            found += self._bot_account(in_organisation=in_organisation)
            found += self._hook()
        people = People(self._admin, in_organisation=in_organisation)
        found += people.deeds(self._wanted.accounts, self._wanted.role)
        return found

    def settings(self) -> str:
        """The ``[spaces.NAME]`` table of the configuration. Secrets stand in files; their names are given here."""
        wanted, space = self._wanted, self._wanted.space
        lines = [f"[spaces.{space.name}]", 'host = "github"', f"owner = {_toml(space.owner)}"]
        lines.append(f"repository = {_toml(space.repository)}")
        if self._web != "https://github.com":
            lines.append(f"base_url = {_toml(space.base_url)}")
        if isinstance(wanted.bot, AppCredential):
            lines += [f"app_id = {_toml(wanted.bot.app_id)}", f"private_key_file = {_toml(wanted.bot_file)}"]
        else:
            lines.append(f"token_file = {_toml(wanted.bot_file)}")
            hook = self._hook_now()
            if hook is not None:
                lines.append(
                    f"# hook_id = {hook['id']}  # only if the bot may administer webhooks (docs/hosts/github.md)"
                )
        if wanted.hook_secret_file:
            lines.append(f"webhook_secret_file = {_toml(wanted.hook_secret_file)}")
        return "\n".join(lines) + "\n"

    # The repository ---------------------------------------------------------------------------------

    def _missing(self) -> list[Deed]:
        owner = self._wanted.space.owner
        what = f"Make the private repository {self._admin.where}, with issues and without wiki and projects"
        try:
            self._admin.get_object(f"/orgs/{owner}", "look at the organisation")
        except HostGone:
            return [
                Deed(
                    "repository",
                    what,
                    by_hand=f"Make it at {self._web}/new, as {owner}: Private, nothing in it.",
                )
            ]
        return [Deed("repository", f"{what}; {self._afterwards()}", self._create)]

    def _afterwards(self) -> str:
        """What a repository that is not there yet will lack, so that the plan names it before anything is done."""
        values = "issue fields" if self._wanted.issue_fields else "labels"
        people = ", ".join(["the service's account", *sorted(self._wanted.accounts)])
        hook = f", make the webhook to {self._wanted.hook_url}" if self._wanted.hook_secret_file else ""
        return f"then switch Actions off, make the {values}, let in {people}{hook}"

    def _create(self) -> None:
        try:
            self._admin.get_object(self._admin.path, "look at the repository")
        except HostGone:
            body: Json = {"name": self._wanted.space.repository, "private": True, "has_issues": True}
            body |= {"has_wiki": False, "has_projects": False}
            self._admin.write("POST", f"/orgs/{self._wanted.space.owner}/repos", body, _CREATE)

    def _visibility(self, repository: Json) -> Iterator[Deed]:
        if repository.get("visibility") != "private" or repository.get("private") is not True:
            yield Deed(
                "visibility",
                f"{self._admin.where} is not private",
                by_hand="Take another, new repository: of this one anybody may have a copy. "
                f"If you know that nobody has: {self._settings()} → Danger Zone → Change visibility → Private.",
            )
        if repository.get("archived") is True:
            yield Deed(
                "archived",
                f"{self._admin.where} is archived, so that nothing can be written",
                by_hand=f"{self._settings()} → Danger Zone → Unarchive this repository.",
            )

    def _flags(self, repository: Json) -> Iterator[Deed]:
        wrong: Json = {}
        for flag, right in (("has_issues", True), ("has_wiki", False), ("has_projects", False)):
            if repository.get(flag) is not right:
                wrong[flag] = right
        if repository.get("allow_forking") is True:
            wrong["allow_forking"] = False
        if wrong:
            names = ", ".join(f"{name} = {str(value).lower()}" for name, value in wrong.items())
            yield Deed("flags", f"Set in {self._admin.where}: {names}", lambda: self._patch(wrong))
        if repository.get("has_pages") is True:
            yield Deed("pages", f"Take the GitHub Pages site of {self._admin.where} down", self._unpublish)
        if repository.get("has_discussions") is True:
            yield Deed(
                "discussions",
                "Discussions are switched on: what is written there is plain",
                by_hand=f"{self._settings()} → Features → untick Discussions. The API cannot.",
            )
        actions = self._admin.get_object(f"{self._admin.path}/actions/permissions", "look at GitHub Actions")
        if actions.get("enabled") is not False:
            yield Deed("actions", f"Switch GitHub Actions off in {self._admin.where}", self._no_actions)

    def _patch(self, wrong: Json) -> None:
        self._admin.write("PATCH", self._admin.path, wrong, "set the repository's features")

    def _unpublish(self) -> None:
        try:
            self._admin.write("DELETE", f"{self._admin.path}/pages", None, "take the Pages site down")
        except HostGone:
            return  # it is not there any more

    def _no_actions(self) -> None:
        path = f"{self._admin.path}/actions/permissions"
        self._admin.write("PUT", path, {"enabled": False}, "switch GitHub Actions off")

    def _settings(self) -> str:
        return f"{self._web}/{self._admin.where}/settings"

    # The organisation -------------------------------------------------------------------------------

    def _organisation(self) -> Iterator[Deed]:
        """Settings that concern all of the organisation's repositories are never changed from here.

        https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/setting-base-permissions-for-an-organization
        """
        org = self._wanted.space.owner
        found = self._admin.get_object(f"/orgs/{org}", "look at the organisation")
        if "default_repository_permission" not in found:
            raise HostRefused(
                f"GitHub does not show the settings of the organisation {org}.",
                meaning="The token is not one of its owners, or may not see them. Nothing was changed.",
                next_step="Use an owner's token: a classic one with repo and admin:org, or a fine-grained one with "
                "Administration of the repository and of the organisation.",
            )
        page = f"{self._web}/organizations/{org}/settings/member_privileges"
        if found["default_repository_permission"] != "none":
            yield Deed(
                "base-permission",
                f"The base permission of {org} is {found['default_repository_permission']}: every member reads {self._admin.where}",
                by_hand=f"{page} → Base permissions → No permission. It concerns every repository of {org}: who reads "
                "others only by it needs a team first. Otherwise take an organisation of its own for the team.",
            )
        if found.get("members_can_change_repo_visibility") is not False:
            yield Deed(
                "visibility-change",
                "Admins of a repository may make it public",
                by_hand=f"{page} → Repository visibility change → untick "
                '"Allow members to change repository visibilities for this organization".',
            )
        if found.get("members_can_invite_outside_collaborators") is not False:
            yield Deed(
                "outside-collaborators",
                "Admins of a repository may invite people from outside",
                by_hand=f"{page} → Repository invitations → untick "
                '"Allow members to invite outside collaborators to repositories for this organization".',
            )

    # Who writes -------------------------------------------------------------------------------------

    def _app(self, *, in_organisation: bool) -> Iterator[Deed]:
        """An App is installed by a person; the API has no call for it."""
        login = self._bot.own_login()
        slug = login.removesuffix("[bot]")
        org = self._wanted.space.owner
        name = self._wanted.space.repository
        try:
            self._bot.get_object(self._bot.path, "look at the repository as the App")
        except (HostGone, HostRejected, HostRefused):
            yield Deed(
                "app-installed",
                f"The App {slug} is not installed in {self._admin.where}, or lacks the rights Issues: write, Metadata: read",
                by_hand=f"{self._web}/apps/{slug}/installations/new → {org} → Only select repositories → {name} → Install.",
            )
            return
        path, what = f"/orgs/{org}/installations", "list the installed Apps"
        for one in pages(self._admin, path, what, "installations") if in_organisation else ():
            if one.get("app_slug") == slug and one.get("repository_selection") != "selected":
                yield Deed(
                    "app-everywhere",
                    f"The App {slug} is installed in all repositories of {org}: its key opens them too",
                    by_hand=f"{self._web}/organizations/{org}/settings/installations/{one.get('id')} → "
                    f"Only select repositories → {name}.",
                )

    def _bot_account(self, *, in_organisation: bool) -> Iterator[Deed]:
        """The account of the token needs the role write; GitHub lists readers for members of the organisation only.

        https://docs.github.com/en/rest/collaborators/collaborators
        """
        login, org = self._bot.own_login(), self._wanted.space.owner
        if in_organisation:
            listed = self._admin.get_list(f"/orgs/{org}/members", "list the organisation's members")
            if login.casefold() not in {str(one.get("login", "")).casefold() for one in listed}:
                yield Deed(
                    "bot-member",
                    f"The account {login} is not a member of {org}, and GitHub tells who can read only to members",
                    by_hand=f"{self._web}/orgs/{org}/people → Invite member → {login}, role Member; then accept as {login}.",
                )
        yield from People(self._admin, in_organisation=in_organisation).deeds({login}, "push", bot=True)

    # The webhook ------------------------------------------------------------------------------------

    def _hook(self) -> Iterator[Deed]:
        url = self._wanted.hook_url
        if not url:
            return
        hook = find_hook(self._admin, url)
        if hook is None:
            yield Deed("webhook", f"Make a webhook to {url}, signed with our secret", self._make_hook)
            return
        wrong = [
            *wrong_with(hook),
            *(["it may have another secret than ours"] if self._secret_is_new else []),
        ]
        if wrong:
            yield Deed("webhook", f"Put the webhook to {url} right: {'; '.join(wrong)}", self._make_hook)

    def _make_hook(self) -> None:
        """Make it or put it right, then read it back."""
        wanted, hooks = self._wanted, f"{self._admin.path}/hooks"
        hook = find_hook(self._admin, wanted.hook_url)
        body = settings(wanted.hook_url, wanted.hook_secret)
        if hook is None:
            self._admin.write("POST", hooks, {"name": "web", **body}, "make the webhook")
        elif wrong_with(hook) or self._secret_is_new:
            self._admin.write("PATCH", f"{hooks}/{hook['id']}", body, "put the webhook right")
        hook = find_hook(self._admin, wanted.hook_url)
        wrong = ["it is not there"] if hook is None else wrong_with(hook)
        if wrong:
            raise HostRejected(
                f"GitHub did not keep the webhook of {self._admin.where} as it was sent: {'; '.join(wrong)}.",
                fields=("config", "events"),
                meaning="Events of the host may not reach the service, or not signed.",
                next_step=f"Look at {self._settings()}/hooks and run the set-up again.",
            )
        self._secret_is_new = False

    def _hook_now(self) -> Json | None:
        try:
            return find_hook(self._admin, self._wanted.hook_url) if self._wanted.hook_url else None
        except HostGone:
            return None  # the repository is still to be made


def web_address(base_url: str) -> str:
    """Where people find what the API at this address is about."""
    if urlsplit(base_url).hostname == "api.github.com":
        return "https://github.com"
    return base_url.removesuffix("/").removesuffix("/api/v3")


def _is_organisation(repository: Json) -> bool:
    owner = repository.get("owner")
    return isinstance(owner, dict) and owner.get("type") == "Organization"


def _toml(text: str) -> str:
    """A TOML string; JSON's is one."""
    return json.dumps(text, ensure_ascii=False)

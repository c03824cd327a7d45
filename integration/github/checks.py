"""What ``coc-server doctor`` finds out about a GitHub repository: each assumption of ours, tried on the GitHub in use.

What an owner alone can see is UNKNOWN without an owner's token; what nobody could try yet is UNKNOWN always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.errors import CoCError, HostError, HostGone, HostRefused
from integration.github import fields
from integration.github.answers import objects
from integration.github.audience import KnownRepository, read_audience
from integration.github.canary import look_at_canary
from integration.github.checks_hook import hook_checks
from integration.github.client import Client
from integration.github.never_tried import NEVER_TRIED
from integration.github.setup import web_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.github.answers import Json
    from integration.github.credential import AppCredential, TokenCredential
    from integration.github.space import GitHubSpace

_ENOUGH = {"issues": "write", "metadata": "read", "members": "read"}
"""All that our App may have; ``members`` only for the events of teams."""
_GIVE_OWNER = "Run this with an owner's token."


def github_checks(
    space: GitHubSpace,
    *,
    admin: TokenCredential | None,
    bot: AppCredential | TokenCredential,
    outsider: TokenCredential | None,
    hook_url: str = "",
) -> Iterator[Check]:
    """Every assumption about the repository, one after another, as each is found out.

    It writes one issue (a canary), looks at it with the outsider's credential, and closes it; an owner's token deletes it
    too. Nothing of a report is touched. Errors of the host become UNKNOWN; none is raised.

    Args:
        space: which repository.
        admin: a short-lived token of an owner of the organisation; without it, much is UNKNOWN.
        bot: the service's own credential.
        outsider: a token of an account that must not see the repository; without it, the canary proves nothing.
        hook_url: the address of our webhook, if it is known.
    """
    look = _Look(space, admin, bot)
    yield from _safely("repository", look.repository)
    yield from _safely("readers", look.readers)
    yield from _safely("bot-rights", look.bot_rights)
    yield from _safely("issue-fields", look.issue_fields)
    for key, checks in (
        ("features", look.features),
        ("actions", look.actions),
        ("deploy-keys", look.deploy_keys),
        ("organisation", look.organisation),
    ):
        yield from _safely(key, checks) if admin is not None else [_unseen(key)]
    yield from _safely("webhook", lambda: hook_checks(look.bot, look.admin, space.hook_id, hook_url))
    yield from _safely(
        "canary", lambda: look_at_canary(look.bot, look.admin, _client(space, outsider) if outsider else None)
    )
    yield from NEVER_TRIED


@dataclass(frozen=True, slots=True)
class _Rule:
    """A setting, what it must be, and what to say and do if it is not."""

    key: str
    name: str
    wrong: str
    next_step: str
    right: object = False


_RUN = "Run coc-server setup github."
_FEATURES = (
    _Rule("issues", "has_issues", "issues are switched off", "Settings → Features → Issues.", right=True),
    _Rule("wiki", "has_wiki", "the wiki is switched on", _RUN),
    _Rule("pages", "has_pages", "there is a GitHub Pages site", _RUN),
    _Rule("discussions", "has_discussions", "discussions are on", "Settings → Features → Discussions."),
    _Rule("forking", "allow_forking", "it may be forked", _RUN),
)
_ORGANISATION = (
    _Rule(
        "base-permission",
        "default_repository_permission",
        "every member of the organisation reads it by the base permission",
        "Member privileges → Base permissions → No permission.",
        right="none",
    ),
    _Rule(
        "visibility-change",
        "members_can_change_repo_visibility",
        "admins of a repository may make it public",
        "Member privileges → Repository visibility change.",
    ),
    _Rule(
        "outside-collaborators",
        "members_can_invite_outside_collaborators",
        "admins of a repository may invite people from outside",
        "Member privileges → Repository invitations.",
    ),
)


class _Look:
    """The looks, each giving its checks."""

    def __init__(
        self, space: GitHubSpace, admin: TokenCredential | None, bot: AppCredential | TokenCredential
    ) -> None:
        self._space = space
        self.bot = _client(space, bot)
        self.admin = _client(space, admin) if admin is not None else None
        self._where = f"{web_address(space.base_url)}/{self.bot.where}"

    # With the service's credential ------------------------------------------------------------------

    def repository(self) -> Iterator[Check]:
        """Private, in its place, not archived."""
        _, doors = KnownRepository(self.bot).look()
        if doors:
            yield _fail("repository", "; ".join(doors), f"Put it right at {self._where}/settings.")
        else:
            yield _pass("repository", f"{self.bot.where} is private, in its place and not archived")

    def readers(self) -> Iterator[Check]:
        """Whether the service can list who can read: without that nothing is ever written."""
        audience = read_audience(
            self.bot,
            KnownRepository(self.bot),
            space=self._space.name,
            own_login=self.bot.own_login,
        ).whole()
        if audience.complete:
            yield _pass("readers", f"the service can list who can read: {len(audience.principals)} accounts")
            return
        yield _fail(
            "readers",
            "the list of readers that the service sees lacks an account that must be in it",
            "Make the service's account a member of the organisation, with the role write in the repository.",
        )

    def bot_rights(self) -> Iterator[Check]:
        """Enough, and no more."""
        yield from self._app_rights() if self.bot.is_app else self._account_rights()

    def _app_rights(self) -> Iterator[Check]:
        found = self.bot.get_as_app(f"{self.bot.path}/installation", "look at the App's installation")
        given = found.get("permissions")
        rights: Json = given if isinstance(given, dict) else {}
        if rights.get("issues") == "write":
            yield _pass("bot-rights", "the App has Issues: write")
        else:
            yield _fail(
                "bot-rights", "the App lacks Issues: write", "Give it on the App's page, and accept it."
            )
        more = [
            f"{name}: {level}" for name, level in rights.items() if _ENOUGH.get(name) not in {level, "write"}
        ]
        if found.get("repository_selection") != "selected":
            more.append("all repositories of the organisation")
        yield self._not_more(more, "Take it away on the App's page, or in its installation.")

    def _account_rights(self) -> Iterator[Check]:
        found = self.bot.get_object(self.bot.path, "look at the repository")
        given = found.get("permissions")
        rights: Json = given if isinstance(given, dict) else {}
        if rights.get("push") is True:
            yield _pass("bot-rights", "the service's account has the role write")
        else:
            yield _fail("bot-rights", "the service's account lacks the role write", _RUN)
        more = []
        if rights.get("admin") is True and self._space.hook_id is None:
            more.append("the role admin in the repository")
        if self.admin is not None and self._is_organisation(found):
            listed = self.admin.get_list(
                f"/orgs/{self._space.owner}/members", "list the owners", role="admin"
            )
            if self.bot.own_login().casefold() in {str(one.get("login")).casefold() for one in listed}:
                more.append("the ownership of the whole organisation")
        yield self._not_more(more, "Take it away: whoever steals the service's key would have it.")

    @staticmethod
    def _not_more(more: list[str], next_step: str) -> Check:
        if more:
            return _fail(
                "bot-least-rights", f"the service has more than it needs: {', '.join(more)}", next_step
            )
        return _pass(
            "bot-least-rights", "the service has no right that it does not need, as far as GitHub tells"
        )

    def issue_fields(self) -> Iterator[Check]:
        """Whether the service sees the issue fields that the organisation has for us."""
        seen = self._fields(self.bot)
        known = self._fields(self.admin) if self.admin is not None else None
        if known and seen != known:
            yield _fail(
                "issue-fields",
                "the organisation has issue fields for incidents, and the service does not see all of them",
                "Nothing breaks: labels are used instead. To use the fields, let the service's account be a member.",
            )
        elif seen:
            yield _pass(
                "issue-fields", f"incidents show in {len(seen)} issue fields: {', '.join(sorted(seen))}"
            )
        else:
            yield _pass("issue-fields", "incidents show in labels")

    def _fields(self, client: Client) -> frozenset[str]:
        try:
            listed = client.get(f"/orgs/{self._space.owner}/issue-fields", "list the issue fields")
        except (HostGone, HostRefused):
            return frozenset()
        return frozenset(one.key for one in fields.read_definitions(objects(listed)))

    # With an owner's --------------------------------------------------------------------------------

    def features(self) -> Iterator[Check]:
        """Places in the repository where something could be written in plain text, or be copied."""
        found = self._owner.get_object(self._owner.path, "look at the repository")
        yield from _ruled(_FEATURES, found, "in the repository")

    def actions(self) -> Iterator[Check]:
        """Workflows would see the events of tickets."""
        path = f"{self._owner.path}/actions/permissions"
        if self._owner.get_object(path, "look at GitHub Actions").get("enabled") is False:
            yield _pass("actions", "GitHub Actions are switched off")
        else:
            yield _fail("actions", "GitHub Actions are switched on", _RUN)

    def deploy_keys(self) -> Iterator[Check]:
        """They open the code only, but nobody needs one here."""
        listed = list(self._owner.get_list(f"{self._owner.path}/keys", "list the deploy keys"))
        if not listed:
            yield _pass("deploy-keys", "there are no deploy keys")
            return
        numbers = ", ".join(str(one.get("id")) for one in listed)
        what = f"there are deploy keys (ids {numbers}); they open the code and no tickets"
        yield _fail("deploy-keys", what, f"Delete them at {self._where}/settings/keys.")

    def organisation(self) -> Iterator[Check]:
        """Its settings that reach into the repository."""
        if not self._is_organisation(self._owner.get_object(self._owner.path, "look at the repository")):
            yield _pass("organisation", "the repository is a user's; no organisation reaches into it")
            return
        found = self._owner.get_object(f"/orgs/{self._space.owner}", "look at the organisation")
        yield from _ruled(_ORGANISATION, found, "in the organisation")

    @property
    def _owner(self) -> Client:
        if self.admin is None:
            raise TypeError("needs an owner's credential")
        return self.admin

    @staticmethod
    def _is_organisation(repository: Json) -> bool:
        owner = repository.get("owner")
        return isinstance(owner, dict) and owner.get("type") == "Organization"


def _ruled(rules: tuple[_Rule, ...], found: Json, where: str) -> Iterator[Check]:
    for rule in rules:
        if rule.name not in found:
            yield Check(rule.key, Outcome.UNKNOWN, f"GitHub does not show {rule.name} {where}", _GIVE_OWNER)
        elif found[rule.name] == rule.right:
            yield _pass(rule.key, f"{rule.name} is {str(rule.right).lower()} {where}")
        else:
            yield _fail(rule.key, rule.wrong, rule.next_step)


def _safely(key: str, looks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """What could not be looked at is UNKNOWN, with the error's own next step."""
    try:
        yield from looks()
    except HostError as error:
        yield Check(key, Outcome.UNKNOWN, error.what, error.next_step)
    except CoCError as error:
        yield Check(key, Outcome.FAIL, error.what, error.next_step)


def _unseen(key: str) -> Check:
    return Check(key, Outcome.UNKNOWN, "only an owner's credential can look at this", _GIVE_OWNER)


def _client(space: GitHubSpace, credential: AppCredential | TokenCredential) -> Client:
    return Client(
        base_url=space.base_url, owner=space.owner, repository=space.repository, credential=credential
    )


def _pass(key: str, what: str) -> Check:
    return Check(key, Outcome.PASS, what)


def _fail(key: str, what: str, next_step: str) -> Check:
    return Check(key, Outcome.FAIL, what, next_step)

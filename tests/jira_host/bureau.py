"""A Jira site with a project fresh from the template, and with the same project set up: once, then restored for each test."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integration.incident import Alias, SpaceName
from integration.jira.admin import Credential
from integration.jira.fields import JiraFieldIds
from integration.jira.setup import JiraSetup, Plan
from integration.jira.space import JiraLogin, JiraSpace
from sandbox.jira_cloud import JiraCloud
from sandbox.jira_registered_hook import RegisteredHook

if TYPE_CHECKING:
    from integration.setup import Deed
    from sandbox.jira_state import CustomField, Project

TEAM = {Alias("Heron"): "acc-heron", Alias("Wren"): "acc-wren"}
BOT = "acc-bot"
PEOPLE = (*TEAM.values(), BOT, "acc-olga", "acc-sam")
SECRET = "hOoK-sEcReT-0d6f1c2b9a7e4f53"
HOOK_PATH = "/from/jira"


def credential(account: str) -> Credential:
    """Somebody's mail address and token."""
    return Credential(f"{account}@acme.example", f"token-of-{account}")


@dataclass
class Bureau:
    """The site, and what an admin does on it."""

    cloud: JiraCloud
    url: str
    problems: list[str] = field(default_factory=list)
    _saved: dict[str, Any] = field(default_factory=dict)
    _hooks: list[RegisteredHook] = field(default_factory=list)
    _settings: str = ""

    @property
    def project(self) -> Project:
        return self.cloud.site.projects["COC"]

    @property
    def hook(self) -> RegisteredHook:
        return next(one for one in self.cloud.hooks if isinstance(one, RegisteredHook))

    def setup(self, who: str = "acc-sam", **changed: Any) -> JiraSetup:  # noqa: ANN401 - as Plan
        given: dict[str, Any] = {
            "space": JiraLogin(SpaceName("conduct"), self.url, "COC", f"{who}@acme.example"),
            "bot_email": f"{BOT}@acme.example",
            "bot_account": BOT,
            "members": TEAM,
            "hook_url": self.url + HOOK_PATH,
            "hook_secret": SECRET,
            **changed,
        }
        return JiraSetup(Plan(**given), credential(who))

    def apply(self, setup: JiraSetup | None = None) -> list[str]:
        """Carry out what is lacking, once; the keys."""
        deeds = (setup or self.setup()).deeds()
        do(deeds)
        return [deed.key for deed in deeds]

    def space(self) -> JiraSpace:
        """The ticket space as the settings that set-up gave describe it."""
        return space_of(self._settings)

    def save(self) -> None:
        """Remember how everything is."""
        setup = self.setup()
        assert setup.deeds() == []
        self._settings = setup.settings()
        self._saved = deepcopy({key: value for key, value in vars(self.cloud.site).items() if key != "_ids"})
        self._hooks = [one for one in self.cloud.hooks if isinstance(one, RegisteredHook)]
        self._hook_states = [dict(vars(one)) for one in self._hooks]

    def restore(self) -> None:
        """As it was."""
        vars(self.cloud.site).update(deepcopy(self._saved))
        for hook, state in zip(self._hooks, self._hook_states, strict=True):
            vars(hook).update(state)
        self.cloud.hooks[:] = self._hooks
        self.cloud.wire.heal()


def the_field(bureau: Bureau, name: str) -> CustomField:
    """A custom field of the site by its name."""
    return next(one for one in bureau.cloud.site.fields.values() if one.name == name)


def do(deeds: Any) -> None:  # noqa: ANN401 - what deeds() gives
    """Carry these out."""
    for deed in deeds:
        one: Deed = deed
        if one.do is not None:
            one.do()


def fresh_cloud() -> JiraCloud:
    """A site whose project everybody works in."""
    cloud = JiraCloud()
    for account in PEOPLE:
        cloud.add_user(
            account_id=account,
            email=f"{account}@acme.example",
            token=f"token-of-{account}",
            name=account.title(),
            site_admin=account == "acc-sam",
        )
    cloud.fresh_project("COC", lead_account="acc-sam")
    return cloud


def space_of(settings: str) -> JiraSpace:
    """The ticket space that settings describe."""
    table = tomllib.loads(settings)["spaces"]["conduct"]
    fields = JiraFieldIds(**table.pop("fields"))
    roles = frozenset(table.pop("browse_roles"))
    del table["host"], table["token_file"]
    return JiraSpace(name=SpaceName("conduct"), fields=fields, browse_roles=roles, **table)

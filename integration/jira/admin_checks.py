"""The part of ``doctor``'s checks of a Jira project that only a Jira admin's credential can make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.jira.admin import HOOKS
from integration.jira.admin_audience import other_hooks
from integration.jira.audience import kind_and_id
from integration.jira.findings import found
from integration.jira.setup_hook import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.jira.admin import JiraAdmin
    from integration.jira.space import JiraSpace


class AdminChecks:
    """Security level, contexts, webhooks."""

    def __init__(self, admin: JiraAdmin, space: JiraSpace, hook_url: str | None) -> None:
        self._admin = admin
        self._space = space
        self._hook_url = hook_url

    def all(self) -> Iterator[tuple[str, Callable[[], Iterator[Check]]]]:
        """Each with its key, in the order in which they are told."""
        yield "admin-login", self._login
        yield "security-level-members", self._members
        yield "field-contexts", self._contexts
        yield "webhook", self._hook
        yield "other-webhooks", self._others

    def _login(self) -> Iterator[Check]:
        account = self._admin.must_be_admin()
        yield Check("admin-login", Outcome.PASS, f"the admin's token is that of the Jira admin {account}")

    def _members(self) -> Iterator[Check]:
        scheme = self._admin.read_or_none(
            f"project/{self._space.project}/issuesecuritylevelscheme",
            what="read the project's security scheme",
        )
        allowed = {("projectRole", one) for one in self._space.browse_roles}
        allowed |= {("group", one) for one in self._space.browse_groups}
        members = (
            self._admin.level_members(str(scheme.get("id")), self._space.security_level_id) if scheme else []
        )
        there = [kind_and_id(one.get("holder")) for one in members]
        wrong = [
            f"{kind} {holder}".rstrip() + " is in the security level and is not configured"
            for kind, holder in there
            if (kind, holder) not in allowed
        ]
        if not there:
            wrong.append("nobody is in the security level, or the project has no security scheme")
        yield found(
            "security-level-members",
            wrong,
            "only the configured roles and groups are in the security level",
            "Take them out of the level: coc-server setup jira does it.",
        )

    def _contexts(self) -> Iterator[Check]:
        wide = []
        for field in self._space.fields.ids():
            contexts = self._admin.read_pages(f"field/{field}/context", what="read what a field is for")
            if any(one.get("isGlobalContext") is True for one in contexts):
                wide.append(
                    f"the field {self._space.our_names()[field]} is there for every project of the site"
                )
        yield found(
            "field-contexts",
            wide,
            "the fields are there for chosen projects only",
            "Limit the field to the project: coc-server setup jira does it, or says how.",
        )

    def _hook(self) -> Iterator[Check]:
        hooks = self._admin.read_list(HOOKS, what="list the webhooks")
        name = f"coc-mirror {self._space.project}"
        ours = [
            one
            for one in hooks
            if (one.get("url") == self._hook_url if self._hook_url is not None else one.get("name") == name)
        ]
        wrong = (
            list(faults(ours[0], self._space.project))
            if ours
            else ["Jira does not tell the service what happens in the project: it has no webhook"]
        )
        yield found(
            "webhook",
            wrong,
            "the webhook is there, is signed, and is for this project alone",
            "Make it with coc-server setup jira. Until then, changes in Jira are noticed once a night.",
        )

    def _others(self) -> Iterator[Check]:
        yield found(
            "other-webhooks",
            (
                f"the webhook {str(one.get('self', '')).rpartition('/')[2]} may carry the project's events elsewhere"
                for one in other_hooks(self._admin, self._space.project, self._hook_url)
            ),
            "no other webhook of the site gets the project's events",
            "In Jira: Settings, System, WebHooks; limit it by JQL to other projects, or acknowledge it "
            'as "webhook:NUMBER" with an end date.',
        )

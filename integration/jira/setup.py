"""Set-up of a Jira project as ticket space, by an admin's short-lived token.

:class:`JiraSetup` reads what is there, says what is lacking, and makes it on request. Each part of it (people, schemes,
fields, webhook) reads before it writes, every time, so that a deed done twice changes nothing. What Jira's API does not
let anybody do is said as an exact instruction for a person.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from integration.errors import ConfigError, HostRejected
from integration.jira.admin import JiraAdmin
from integration.jira.setup_fields import FieldsPart, ScreensPart, TypesPart
from integration.jira.setup_hook import HookPart
from integration.jira.setup_parts import Found, Lack, Part, Plan
from integration.jira.setup_people import NoticesPart, RightsPart, RolesPart, SecurityPart
from integration.jira.wanted import LEVEL, STEP_TYPE, TEAM_ROLE, TICKET_TYPE, wanted_fields
from integration.setup import Deed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.jira.admin import Credential

__all__ = ["JiraSetup", "Plan"]


class JiraSetup:
    """The :class:`integration.setup.Setup` of one Jira Cloud project.

    Args:
        plan: what is wanted.
        admin: a Jira admin's mail address and token; kept in memory only.
    """

    def __init__(self, plan: Plan, admin: Credential) -> None:
        self._plan = plan
        self._admin = JiraAdmin(plan.space, admin)
        self._found = Found()
        self._parts: tuple[Part, ...] = tuple(
            part(self._admin, plan, self._found)
            for part in (
                RolesPart,
                RightsPart,
                SecurityPart,
                NoticesPart,
                TypesPart,
                FieldsPart,
                ScreensPart,
                HookPart,
            )
        )

    def deeds(self) -> Sequence[Deed]:
        """What is lacking, in order. Some fifty reads; nothing is written.

        Raises:
            HostRefused: the token is not accepted, or its account is no Jira admin.
            HostGone: there is no such project.
            HostRejected: the project is team-managed, archived or in the trash.
            HostError: something could not be read.
        """
        self._admin.must_be_admin()
        project = self._admin.classic_project()
        self._found.project_id = str(project.get("id", ""))
        return [self._deed(part, lack) for part in self._parts for lack in part.lacks()]

    def _deed(self, part: Part, lack: Lack) -> Deed:
        do = partial(self._do, part, lack.key) if lack.write is not None else None
        return Deed(lack.key, lack.what, do, lack.by_hand)

    def _do(self, part: Part, key: str) -> None:
        for lack in part.lacks_of(key):
            if lack.key == key and lack.write is not None:
                lack.write()
                return

    def settings(self) -> str:
        """The ``[spaces.NAME]`` table with the ids that :meth:`deeds` found when it was asked last.

        Raises:
            ConfigError: something that the table names is not there yet.
        """
        found, plan = self._found, self._plan
        fields = {one.key: found.fields.get(one.name, "") for one in wanted_fields(plan.aliases)}
        ids = {
            f"the type {TICKET_TYPE}": found.types.get(TICKET_TYPE, ""),
            f"the type {STEP_TYPE}": found.types.get(STEP_TYPE, ""),
            f"the level {LEVEL}": found.level_id,
            f"the role {TEAM_ROLE}": found.roles.get(TEAM_ROLE, ""),
            **{f"the field for {key}": value for key, value in fields.items()},
        }
        if lacking := [what for what, value in ids.items() if not value]:
            raise ConfigError(
                f"[spaces.{plan.space.name}]",
                [f"{what} is not in Jira yet, or not in the project" for what in lacking],
            )
        ticket, step, level, team = list(ids.values())[:4]
        lines = [
            f"[spaces.{plan.space.name}]",
            'host = "jira"',
            f'site = "{plan.space.address}"',
            f'project = "{plan.space.project}"',
            f'email = "{plan.bot_email}"',
            'token_file = "jira.token"',
            *([f'webhook_secret_file = "{plan.hook_secret_file}"'] if plan.hook_secret_file else []),
            f'issue_type_id = "{ticket}"',
            f'subtask_type_id = "{step}"',
            f'security_level_id = "{level}"',
            f'browse_roles = ["{team}"]',
            "",
            f"[spaces.{plan.space.name}.fields]",
            *(f'{key} = "{value}"' for key, value in fields.items()),
        ]
        return "\n".join(lines) + "\n"


def find_account(admin: JiraAdmin, email: str) -> str:
    """The account id behind a mail address.

    Raises:
        HostRejected: Jira shows none, or several; people may hide their address.
    """
    found = admin.read_list("user/search", what="look for the service's account", query={"query": email})
    accounts = [one.get("accountId") for one in found if one.get("accountType", "atlassian") == "atlassian"]
    if len(accounts) == 1 and isinstance(accounts[0], str):
        return accounts[0]
    raise HostRejected(
        f"Jira finds {len(accounts)} accounts for the mail address of the service's account.",
        meaning="It must be exactly one. Nothing was changed.",
        next_step="Give the account's id with --bot-account; it stands at the end of the address of its profile page.",
    )

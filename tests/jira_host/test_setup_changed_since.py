"""A set-up that somebody changed since: what a program may put right is put right, the rest is an instruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.jira.admin import JiraAdmin
from integration.jira.setup_hook import HookPart
from integration.jira.setup_parts import Found
from sandbox.jira_cloud import Holder
from sandbox.jira_state import FieldContext, Grant, IssueType, NotificationScheme, Option
from tests.jira_host.bureau import SECRET, credential, the_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.jira_host.bureau import Bureau


def take_a_right_away(bureau: Bureau) -> None:
    grants = bureau.project.grants
    grants[:] = [one for one in grants if one.permission != "SET_ISSUE_SECURITY"]


def let_everybody_browse(bureau: Bureau) -> None:
    bureau.project.grants.append(Grant(99001, "BROWSE_PROJECTS", Holder("applicationRole")))


def let_the_team_comment(bureau: Bureau) -> None:
    bureau.project.grants.append(Grant(99002, "ADD_COMMENTS", Holder("projectRole", "CoC team")))


def let_the_bot_delete_tickets(bureau: Bureau) -> None:
    bureau.project.grants.append(Grant(99003, "DELETE_ISSUES", Holder("projectRole", "CoC mirror")))


def actors(bureau: Bureau) -> list[str]:
    role = bureau.cloud.site.role_named("CoC team")
    assert role is not None
    return bureau.project.actors[role.id]


def put_a_stranger_into_the_role(bureau: Bureau) -> None:
    actors(bureau).append("acc-olga")


def put_a_group_into_the_role(bureau: Bureau) -> None:
    bureau.cloud.add_group("everyone", ["acc-olga"])
    actors(bureau).append("group:everyone")


def take_a_member_out(bureau: Bureau) -> None:
    actors(bureau).remove("acc-wren")


def put_a_stranger_into_the_level(bureau: Bureau) -> None:
    bureau.project.levels[0].holders.append(Holder("user", "acc-olga"))


def no_default_level(bureau: Bureau) -> None:
    bureau.project.default_level = None


def another_security_scheme(bureau: Bureau) -> None:
    bureau.project.security_scheme_id = None


def mail_everybody(bureau: Bureau) -> None:
    loud = NotificationScheme("99004", "Loud", ["Issue Created"])
    bureau.cloud.site.notification_schemes[loud.id] = loud
    bureau.project.notification_scheme = loud.id


def take_an_option_away(bureau: Bureau) -> None:
    del the_field(bureau, "CoC stage").contexts[0].options[2]


def let_a_field_be_everywhere(bureau: Bureau) -> None:
    name = "Default Configuration Scheme for CoC risk"
    the_field(bureau, "CoC risk").contexts.append(FieldContext("99005", name, [], []))


def take_a_field_off_the_screen(bureau: Bureau) -> None:
    bureau.project.default_screen.remove(the_field(bureau, "CoC risk").id)


def take_a_type_out(bureau: Bureau) -> None:
    bureau.project.types[:] = [one for one in bureau.project.types if one.name != "Step"]


def switch_the_hook_off(bureau: Bureau) -> None:
    bureau.hook.enabled = False


def unlimit_the_hook(bureau: Bureau) -> None:
    bureau.hook.jql = ""


def take_events_off_the_hook(bureau: Bureau) -> None:
    bureau.hook.events = bureau.hook.events[:3]


def unsign_the_hook(bureau: Bureau) -> None:
    bureau.hook.secret = ""


@pytest.mark.parametrize(
    "spoiled",
    [
        {
            take_a_member_out: "members:CoC team",
            put_a_stranger_into_the_role: "not-member:CoC team:acc-olga",
            take_a_right_away: "grant:SET_ISSUE_SECURITY:CoC mirror",
            let_everybody_browse: "no-grant:99001",
            let_the_team_comment: "no-grant:99002",
            let_the_bot_delete_tickets: "no-grant:99003",
            put_a_stranger_into_the_level: "no-level-member:user:acc-olga",
            no_default_level: "security-default",
            mail_everybody: "notification-scheme-used",
            take_an_option_away: "options:stage",
            switch_the_hook_off: "webhook",
        },
        {
            put_a_group_into_the_role: "not-member:CoC team:group-everyone",
            another_security_scheme: "security-scheme-used",
            take_a_type_out: "type-used:Step",
            let_a_field_be_everywhere: "context-for-all:risk",
            take_a_field_off_the_screen: "screen",
        },
    ],
    ids=["one", "two"],
)
def test_what_was_changed_since_is_put_right_and_nothing_else(
    bureau: Bureau, spoiled: dict[Callable[[Bureau], None], str]
) -> None:
    for spoil in spoiled:
        spoil(bureau)

    assert [named(bureau, key) for key in bureau.apply()] == list(spoiled.values())
    assert bureau.setup().deeds() == []


def named(bureau: Bureau, key: str) -> str:
    """A key without the ids that Jira gave."""
    group = bureau.cloud.site.groups.get("everyone")
    known = key.replace(group.id, "group-everyone") if group is not None else key
    return known.removesuffix(f":{bureau.project.id}")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (switch_the_hook_off, "it is switched off"),
        (unlimit_the_hook, "it is not limited to the project"),
        (unsign_the_hook, "it is not signed"),
        (take_events_off_the_hook, "it lacks events"),
    ],
)
def test_a_webhook_is_put_right_and_read_back(
    bureau: Bureau, spoil: Callable[[Bureau], None], said: str
) -> None:
    plan = bureau.setup()._plan
    part = HookPart(JiraAdmin(plan.space, credential("acc-sam")), plan, Found())
    spoil(bureau)

    (lack,) = part.lacks()

    assert said in lack.what
    assert lack.write is not None
    lack.write()
    assert list(part.lacks()) == []
    assert bureau.hook.secret == SECRET


def take_the_team_out_of_the_level(bureau: Bureau) -> None:
    del bureau.project.levels[0].holders[0]


def a_type_of_another_kind(bureau: Bureau) -> None:
    bureau.project.types[:] = [one for one in bureau.project.types if one.name != "Step"]
    bureau.cloud.site.types[:] = [IssueType("99006", "Step", subtask=False, screen=[])]


def a_context_that_somebody_made(bureau: Bureau) -> None:
    context = FieldContext("99007", "Ours", [], [Option("99008", "x")])
    the_field(bureau, "CoC type").contexts.append(context)


def a_field_of_another_kind(bureau: Bureau) -> None:
    field = the_field(bureau, "CoC risk")
    field.kind = "text"


def test_what_no_program_may_do_is_an_exact_instruction(bureau: Bureau) -> None:
    spoiled: dict[Callable[[Bureau], None], str] = {
        take_the_team_out_of_the_level: "level-member",
        a_type_of_another_kind: "type-kind:Step",
        a_context_that_somebody_made: "context-for-all:type",
        a_field_of_another_kind: "field-kind:risk",
    }
    for spoil in spoiled:
        spoil(bureau)

    by_hand = {deed.key: deed.by_hand for deed in bureau.setup().deeds() if deed.do is None}

    assert list(by_hand) == list(spoiled.values())
    assert all(one.startswith("In Jira: Settings, Issues, ") for one in by_hand.values())


def test_a_scheme_of_the_teams_own_that_is_right_is_kept(bureau: Bureau) -> None:
    bureau.project.scheme_name = "Our very own"
    assert bureau.setup().deeds() == []

    let_everybody_browse(bureau)
    assert [deed.key for deed in bureau.setup().deeds()] == ["permission-scheme-used"]

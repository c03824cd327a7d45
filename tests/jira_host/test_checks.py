"""What doctor finds out about a Jira project: PASS only for what was looked at, FAIL for each thing that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.checks import Check, Outcome
from integration.errors import ConfigError
from integration.jira.admin import Credential
from integration.jira.canary import LABEL
from integration.jira.checks import jira_checks
from sandbox.jira_cloud import Holder
from sandbox.jira_registered_hook import RegisteredHook
from sandbox.jira_state import FieldContext, Grant, NotificationScheme
from sandbox.wire import Fault
from tests.jira_host.bureau import BOT, HOOK_PATH, TEAM, credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.jira_state import CustomField
    from tests.jira_host.bureau import Bureau

UNTRIED = {"untried-apps", "untried-automation", "untried-copies", "untried-limits"}


def checked(
    bureau: Bureau, *, admin: str | None = "acc-sam", outsider: str | None = "acc-olga"
) -> list[Check]:
    return list(
        jira_checks(
            bureau.space(),
            admin=credential(admin) if admin else None,
            bot=credential(BOT),
            outsider=credential(outsider) if outsider else None,
            aliases=TEAM,
            hook_url=bureau.url + HOOK_PATH,
        )
    )


def with_outcome(checks: list[Check], outcome: Outcome) -> set[str]:
    return {one.key for one in checks if one.outcome is outcome}


def test_a_project_that_is_set_up_passes_everything_that_can_be_tried(bureau: Bureau) -> None:
    checks = checked(bureau)

    assert with_outcome(checks, Outcome.FAIL) == set()
    assert with_outcome(checks, Outcome.UNKNOWN) == UNTRIED
    assert len(with_outcome(checks, Outcome.PASS)) == 21
    assert [one.key for one in checks if not one.next_step and one.outcome is not Outcome.PASS] == []


def test_the_canary_is_made_once_restricted_closed_and_found_again(bureau: Bureau) -> None:
    checked(bureau)
    bureau.cloud.wire.journal.clear()
    checked(bureau)

    assert bureau.cloud.wire.writes() == []
    (ticket,) = bureau.cloud.site.issues.values()
    assert ticket.values["labels"] == [LABEL]
    assert ticket.level == bureau.project.levels[0].id
    assert ticket.status == "10002"


def test_what_only_an_admin_or_an_outsider_can_show_is_unknown_without_them(bureau: Bureau) -> None:
    checks = checked(bureau, admin=None, outsider=None)

    assert with_outcome(checks, Outcome.UNKNOWN) == {"admin", "canary-outsider"} | UNTRIED


def field(bureau: Bureau, name: str) -> CustomField:
    return next(one for one in bureau.cloud.site.fields.values() if one.name == name)


def grant(bureau: Bureau, right: str, holder: Holder) -> None:
    bureau.project.grants.append(Grant(99001, right, holder))


def let_the_bot_delete(bureau: Bureau) -> None:
    grant(bureau, "DELETE_ISSUES", Holder("projectRole", "CoC mirror"))


def let_the_team_comment(bureau: Bureau) -> None:
    grant(bureau, "ADD_COMMENTS", Holder("projectRole", "CoC team"))


def let_the_internet_browse(bureau: Bureau) -> None:
    grant(bureau, "BROWSE_PROJECTS", Holder("anyone"))


def let_all_users_browse(bureau: Bureau) -> None:
    grant(bureau, "BROWSE_PROJECTS", Holder("applicationRole"))


def take_rights(bureau: Bureau) -> None:
    bureau.project.grants[:] = [
        one for one in bureau.project.grants if one.permission != "CREATE_ATTACHMENTS"
    ]


def lose_the_default(bureau: Bureau) -> None:
    bureau.project.default_level = None


def mail(bureau: Bureau) -> None:
    loud = NotificationScheme("99004", "Loud", ["Issue Created"])
    bureau.cloud.site.notification_schemes[loud.id] = loud
    bureau.project.notification_scheme = loud.id


def take_off_screen(bureau: Bureau) -> None:
    bureau.project.default_screen.remove(field(bureau, "CoC risk").id)


def take_option(bureau: Bureau) -> None:
    del field(bureau, "CoC lead").contexts[0].options[0]


def add_to_level(bureau: Bureau) -> None:
    bureau.project.levels[0].holders.append(Holder("reporter"))


def widen_field(bureau: Bureau) -> None:
    field(bureau, "CoC type").contexts.append(FieldContext("99005", "All", [], []))


def unsign(bureau: Bureau) -> None:
    bureau.hook.secret = ""


def another_hook(bureau: Bureau) -> None:
    hook = RegisteredHook(
        "http://127.0.0.1:9/", "", "X-Hub-Signature", id="77", name="Chat", updated_by="acc-sam"
    )
    bureau.cloud.hooks.append(hook)


def make_the_bot_an_admin(bureau: Bureau) -> None:
    bureau.cloud.site.users[BOT].site_admin = True


@pytest.mark.parametrize(
    ("spoil", "failing"),
    [
        (take_rights, {"bot-rights"}),
        (let_the_bot_delete, {"bot-not-more"}),
        (make_the_bot_an_admin, {"bot-not-more"}),
        (let_the_team_comment, {"only-bot-comments"}),
        (let_the_internet_browse, {"browsing", "strangers", "canary-outsider"}),
        (let_all_users_browse, {"browsing", "canary-outsider"}),
        (lose_the_default, {"security-default"}),
        (mail, {"notification-scheme"}),
        (take_off_screen, {"screens"}),
        (take_option, {"options"}),
        (add_to_level, {"security-level-members"}),
        (widen_field, {"field-contexts"}),
        (unsign, {"webhook"}),
        (another_hook, {"other-webhooks"}),
    ],
)
def test_each_thing_that_is_wrong_fails_its_check_and_no_other(
    bureau: Bureau, spoil: Callable[[Bureau], None], failing: set[str]
) -> None:
    spoil(bureau)

    checks = checked(bureau)

    assert with_outcome(checks, Outcome.FAIL) == failing


def let_the_outsider_in(bureau: Bureau) -> None:
    role = bureau.cloud.site.role_named("CoC team")
    assert role is not None
    bureau.project.actors[role.id].append("acc-olga")


def test_an_outsider_who_is_shown_the_ticket_is_named_with_every_way(bureau: Bureau) -> None:
    let_the_outsider_in(bureau)

    (found,) = [one for one in checked(bureau) if one.key == "canary-outsider"]

    assert found.outcome is Outcome.FAIL
    assert "acc-olga" in found.what
    for way in ("the project", "the ticket", "its comments", "its property", "the search"):
        assert way in found.what


def test_whoever_the_level_lets_in_beside_the_roles_is_named_by_jiras_own_list(bureau: Bureau) -> None:
    bureau.project.levels[0].holders.append(Holder("user", "acc-olga"))
    bureau.project.grants.append(Grant(99009, "BROWSE_PROJECTS", Holder("user", "acc-olga")))

    (found,) = [one for one in checked(bureau) if one.key == "canary-viewers"]

    assert found.outcome is Outcome.FAIL
    assert found.what.endswith(": acc-olga")


def test_the_services_own_credential_is_no_outsider(bureau: Bureau) -> None:
    (found,) = [one for one in checked(bureau, outsider=BOT) if one.key == "canary-outsider"]
    assert found.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_jira_that_answers_nothing_passes_nothing(bureau: Bureau, status: int) -> None:
    space = bureau.space()
    bureau.cloud.wire.every = Fault("status", status=status, body=b'{"errorMessages": ["cAnArY"]}')

    checks = list(
        jira_checks(space, admin=credential("acc-sam"), bot=credential(BOT), outsider=credential("acc-olga"))
    )

    assert with_outcome(checks, Outcome.PASS) <= ({"strangers"} if status == 401 else set())
    assert with_outcome(checks, Outcome.FAIL) == set()
    assert "cAnArY" not in repr(checks)


def test_wrong_tokens_are_unknown_and_shown_nowhere(bureau: Bureau) -> None:
    wrong = Credential("acc-sam@acme.example", "wRoNg-tOkEn-5d2f")
    checks = list(jira_checks(bureau.space(), admin=wrong, bot=credential(BOT), outsider=wrong))

    assert {"admin-login", "webhook", "canary-outsider"} <= with_outcome(checks, Outcome.UNKNOWN)
    assert "wRoNg" not in repr(checks)
    assert "wRoNg" not in repr(wrong)


def test_a_credential_that_cannot_be_sent_is_a_mistake_of_whoever_gave_it(bureau: Bureau) -> None:
    with pytest.raises(ConfigError):
        list(
            jira_checks(
                bureau.space(), admin=None, bot=Credential("bot@acme.example", "two words"), outsider=None
            )
        )

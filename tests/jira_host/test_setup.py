"""Set-up of a project: everything named first, made once, nothing the second time, and each part healed by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import requests
from flask import Flask, Response, request

from integration.audience import prove
from integration.errors import (
    ConfigError,
    HostError,
    HostGone,
    HostRefused,
    HostRejected,
)
from integration.incident import Alias
from integration.jira.admin import JiraAdmin
from integration.jira.host import JiraHost
from integration.jira.setup import find_account
from integration.jira.setup_hook import HookPart
from integration.jira.setup_parts import Found
from integration.jira.space import JiraLogin
from integration.mirror import difference
from sandbox.jira_cloud import Holder
from sandbox.jira_state import FieldContext, Grant, IssueType, NotificationScheme, Option
from sandbox.wire import Fault, serving
from tests.jira_host.bureau import BOT, HOOK_PATH, SECRET, TEAM, credential, do, space_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.mirror import MirrorView
    from sandbox.jira_state import CustomField
    from tests.conftest import SetClock
    from tests.jira_host.bureau import Bureau
    from tests.jira_host.conftest import Leakless, Seal


def test_a_plan_names_everything_and_changes_nothing(fresh: Bureau) -> None:
    deeds = fresh.setup().deeds()

    assert len(deeds) == 23
    assert fresh.cloud.wire.writes() == []
    assert all(deed.do is not None and not deed.by_hand for deed in deeds)


def test_what_is_carried_out_once_is_not_lacking_the_second_time_and_done_again_writes_nothing(
    fresh: Bureau,
) -> None:
    setup = fresh.setup()
    deeds = setup.deeds()
    do(deeds)
    written = len(fresh.cloud.wire.writes())

    assert setup.deeds() == []
    do(deeds)

    assert len(fresh.cloud.wire.writes()) == written


@pytest.mark.parametrize(("kind", "skip"), [("drop-before", 40), ("drop-after", 80), ("drop-after", 120)])
def test_a_set_up_that_broke_off_is_finished_by_the_next(fresh: Bureau, kind: Any, skip: int) -> None:  # noqa: ANN401
    fresh.cloud.wire.fail_next(Fault(kind), skip=skip)

    with pytest.raises(HostError):
        fresh.apply()

    fresh.apply()
    assert fresh.setup().deeds() == []
    names = [one.name for one in fresh.cloud.site.fields.values()]
    assert len(set(names)) == len(names) == 7


def test_the_service_works_with_the_settings_and_the_team_with_the_ticket(
    bureau: Bureau, view: MirrorView, seal: Seal, clock: SetClock
) -> None:
    space = bureau.space()
    host = JiraHost(space, token=credential(BOT).token)
    allowed = frozenset({*TEAM.values(), BOT})
    assert prove(host.audience(), allowed=allowed, acknowledged=(), now=clock.now()).readers == allowed

    ref = host.open_ticket(view)
    comments = [seal(1), seal(2)]
    host.write(ref, view, difference(view, comments, host.read(ref, view)))

    assert not difference(view, comments, host.read(ref, view))
    member = ("acc-heron@acme.example", "token-of-acc-heron")
    at = f"{bureau.url}/rest/api/3/issue/{ref.id}"
    say = {"body": {"type": "doc", "version": 1, "content": []}}
    field = {"fields": {space.fields.lead: {"value": "Wren"}}}
    assert requests.put(at, json=field, auth=member, timeout=9).status_code == 204
    assert requests.post(f"{at}/comment", json=say, auth=member, timeout=9).status_code in {400, 403}
    assert requests.get(at, auth=("acc-olga@acme.example", "token-of-acc-olga"), timeout=9).status_code == 404
    assert requests.get(at, auth=("acc-sam@acme.example", "token-of-acc-sam"), timeout=9).status_code == 404


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


def the_field(bureau: Bureau, name: str) -> CustomField:
    return next(one for one in bureau.cloud.site.fields.values() if one.name == name)


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


def test_a_member_who_joined_gets_the_role_and_is_offered_as_lead(bureau: Bureau) -> None:
    joined = {**TEAM, Alias("Rook"): "acc-olga"}

    assert bureau.apply(bureau.setup(members=joined)) == [
        "members:CoC team",
        "options:lead",
        "options:secondary",
    ]
    assert bureau.setup(members=joined).deeds() == []


def test_a_member_who_left_loses_the_role_and_stays_on_the_tickets_they_led(bureau: Bureau) -> None:
    left = {Alias("Heron"): "acc-heron"}

    assert bureau.apply(bureau.setup(members=left)) == ["not-member:CoC team:acc-wren"]
    assert [one.value for one in the_field(bureau, "CoC lead").options] == ["Heron", "Wren"]


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


def test_settings_are_refused_while_something_they_name_is_not_there(fresh: Bureau) -> None:
    setup = fresh.setup()
    setup.deeds()
    with pytest.raises(ConfigError, match="the level CoC team only is not in Jira yet"):
        setup.settings()


def test_settings_are_what_the_configuration_takes(bureau: Bureau) -> None:
    setup = bureau.setup()
    setup.deeds()

    table = tomllib.loads(setup.settings())["spaces"]["conduct"]

    assert table["email"] == f"{BOT}@acme.example"
    assert set(table["fields"]) == {"type", "impact", "likelihood", "risk", "lead", "secondary", "stage"}
    assert space_of(setup.settings()).security_level_id == bureau.project.levels[0].id


def test_an_account_that_is_no_jira_admin_is_told_so(fresh: Bureau) -> None:
    with pytest.raises(HostRefused, match="acc-heron is no Jira admin"):
        fresh.setup("acc-heron").deeds()


def test_a_wrong_token_is_told_apart_and_shown_nowhere(fresh: Bureau, leakless: Leakless) -> None:
    fresh.cloud.site.users["acc-sam"].token = "renewed"
    with pytest.raises(HostRefused, match="does not accept the mail address and token") as caught:
        fresh.setup().deeds()
    leakless(caught.value)
    assert "token-of-acc-sam" not in str(caught.value)


def test_a_team_managed_project_is_refused_with_the_reason(fresh: Bureau) -> None:
    fresh.project.style = "next-gen"
    with pytest.raises(HostRejected, match="team-managed"):
        fresh.setup().deeds()


def test_an_archived_project_is_refused(fresh: Bureau) -> None:
    fresh.project.archived = True
    with pytest.raises(HostRejected, match="archived"):
        fresh.setup().deeds()


def test_a_project_that_is_not_there_is_made_by_a_person(fresh: Bureau) -> None:
    fresh.cloud.delete_project("COC")
    with pytest.raises(HostGone, match="company-managed project"):
        fresh.setup().deeds()


def test_neither_token_nor_secret_stands_in_what_a_set_up_prints_of_itself(fresh: Bureau) -> None:
    setup = fresh.setup()
    shown = repr([vars(setup), setup.deeds(), [vars(part) for part in setup._parts]])
    assert SECRET not in shown
    assert "token-of-acc-sam" not in shown


def test_the_services_account_is_found_by_its_address_or_asked_for(bureau: Bureau) -> None:
    admin = JiraAdmin(
        JiraLogin(bureau.space().name, bureau.url, "COC", "acc-sam@acme.example"), credential("acc-sam")
    )
    assert find_account(admin, f"{BOT}@acme.example") == BOT
    with pytest.raises(HostRejected, match="finds 0 accounts"):
        find_account(admin, "nobody@acme.example")
    with pytest.raises(HostRejected, match="--bot-account"):
        find_account(admin, "@acme.example")


def test_a_webhook_that_jira_did_not_sign_is_an_error(fresh: Bureau) -> None:
    with pytest.raises(HostRejected, match="it is not signed"):
        fresh.apply(fresh.setup(hook_secret=""))


def test_a_new_secret_replaces_one_that_nobody_knows_any_more(bureau: Bureau) -> None:
    setup = bureau.setup(hook_secret="another-secret", secret_is_new=True)

    assert bureau.apply(setup) == ["webhook"]
    assert bureau.hook.secret == "another-secret"
    assert setup.deeds() == []


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An address, and what arrives there."""
    app, arrived = Flask("receiver"), []

    @app.post(HOOK_PATH)
    def take() -> Response:
        arrived.append((dict(request.headers), request.get_data()))
        return Response(status=200)

    with serving(app) as url:
        yield url + HOOK_PATH, arrived


def test_events_of_the_project_arrive_signed_with_the_secret(
    bureau: Bureau, view: MirrorView, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    address, arrived = receiver
    bureau.hook.url = address
    JiraHost(bureau.space(), token=credential(BOT).token).open_ticket(view)
    bureau.hook.drain()

    ((headers, raw),) = arrived
    assert json.loads(raw)["webhookEvent"] == "jira:issue_created"
    assert (
        headers["X-Hub-Signature"] == "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    )

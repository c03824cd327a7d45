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
from integration.jira.space import JiraLogin
from integration.mirror import difference
from sandbox.wire import Fault, serving
from tests.jira_host.bureau import BOT, HOOK_PATH, SECRET, TEAM, credential, do, space_of, the_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.mirror import MirrorView
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

"""Set-up and doctor look at a repository full of canaries, and show nothing of a ticket and nothing of a token."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostError
from integration.github.admin_audience import read_admin_audience
from integration.github.checks import github_checks
from integration.github.client import Client
from integration.github.credential import TokenCredential
from integration.github.setup import GitHubSetup, Wanted
from integration.github.space import GitHubSpace
from integration.incident import SpaceName
from sandbox.github_com import GitHubCom
from sandbox.wire import Fault, serving

if TYPE_CHECKING:
    from tests.leaks.conftest import Canary

OWNER, BOT, OUTSIDER = "ghp_owner_0123456789", "ghp_bot_0123456789", "ghp_outsider_0123456789"


@pytest.mark.parametrize("broken", [False, True])
def test_nothing_of_a_ticket_and_no_token_is_shown_or_logged(
    canary: Canary,
    caplog: pytest.LogCaptureFixture,
    broken: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    caplog.set_level(logging.DEBUG)
    hub = GitHubCom()
    for login, token in (("ada", OWNER), ("coc-bot", BOT), ("mallory", OUTSIDER)):
        hub.add_user(login, token=token)
    hub.add_org("acme", owners=["ada"], members=["coc-bot"])
    hub.add_repo("acme", "conduct", collaborators={"coc-bot": "push"})
    told: list[object] = []
    with serving(hub.wire) as address:
        space = GitHubSpace(SpaceName("hub"), "acme", "conduct", address)
        client = Client(base_url=address, owner="acme", repository="conduct", credential=TokenCredential(BOT))
        ticket = {"title": canary.text("title"), "body": canary.text("body"), "labels": ["coc", "mine"]}
        issue = client.write("POST", "/repos/acme/conduct/issues", ticket, "write")
        client.write(
            "POST",
            f"/repos/acme/conduct/issues/{issue['number']}/comments",
            {"body": canary.text("c")},
            "write",
        )
        if broken:  # a host that says canaries in every answer
            hub.wire.every = Fault("status", status=422, body=canary.text("answer").encode())
        owner, bot = TokenCredential(OWNER), TokenCredential(BOT)
        wanted = Wanted(space, frozenset({"mallory"}), frozenset({"wren"}), bot, "github.token")
        try:
            told += [(deed.key, deed.what, deed.by_hand) for deed in GitHubSetup(wanted, owner).deeds()]
            admin = Client(base_url=address, owner="acme", repository="conduct", credential=owner)
            told.append(read_admin_audience(admin, space=space.name, own_login="coc-bot", hook_url=""))
        except HostError as error:
            assert broken
            told += [error, error.args, error.__cause__]
        told += github_checks(space, admin=owner, bot=bot, outsider=TokenCredential(OUTSIDER))
    shown = f"{told!r}{caplog.text}"
    assert len(shown) > 1000
    assert canary.found_in("shown or logged", shown.encode()) == []
    assert not any(token in shown for token in (OWNER, BOT, OUTSIDER))

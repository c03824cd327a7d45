"""Every request our hosts send and every reply of the stand-ins keeps to the vendors' API descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.form import NOAHS_REPORT
from sandbox.playground import playground
from sandbox.rehearsal import Server, SetClock

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.contract import OpenApiContract
    from sandbox.contract_graphql import GraphQLContract
    from sandbox.wire import Exchange

KNOWN = {"GET /repos/govdocs/conduct/invitations: the description does not have the status 403 here"}
"""GitHub answers 403 to whoever may not see invitations; its description does not say so."""


@pytest.mark.parametrize("issue_fields", [True, False], ids=["issue-fields", "labels"])
@pytest.mark.parametrize("github_app", [True, False], ids=["app", "token"])
def test_two_reports_on_both_hosts(
    tmp_path: Path, identities: dict[str, Identity], jira_contract: OpenApiContract, github_contract: OpenApiContract,
    github_graphql_contract: GraphQLContract, *, issue_fields: bool, github_app: bool,
) -> None:  # fmt: skip
    clock = SetClock()
    folder = tmp_path / "server"
    with playground(
        folder, now=clock.now, identities=identities, issue_fields=issue_fields, github_app=github_app
    ) as world:
        problems: list[str] = []

        def check_github(exchange: Exchange) -> None:
            graphql = exchange.path.endswith("/graphql")
            problems.extend((github_graphql_contract if graphql else github_contract).check(exchange))

        world.jira.wire.observer = lambda exchange: problems.extend(jira_contract.check(exchange))
        world.github.wire.observer = check_github
        server = Server(world, clock)

        for host in ("jira", "github"):
            first = server.report(host, NOAHS_REPORT, token="same")
            server.open_until_done(first)
            second = server.report(host, {**NOAHS_REPORT, "in_short": "one thing more"}, token="same")
            server.open_until_done(second)
            assert server.shown(host, server.incident_of(first).id).comments == [(1, 1), (2, 1), (3, 1)]
        server.close()

    assert [] == [problem for problem in problems if problem not in KNOWN]

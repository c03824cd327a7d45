"""The desk's commands against the real service and both hosts' stand-ins, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.rehearsal import HostName
    from tests.e2e.town import Town


@pytest.mark.parametrize("host", ["jira", "github"])
def test_a_team_works_on_an_incident_from_its_desks(town: Town, host: HostName) -> None:
    incident = town.report(host)
    name = incident.code_name

    first = town.coc("robert", "diary", "read", name)
    wrote = town.coc("robert", "diary", "write", name, "--kind", "meeting", "--file", "-", input="we met\n")
    cleared = town.coc("charlie", "clear", name, "rachel", "--yes")
    hers = town.coc("rachel", "diary", "read", name, "--format", "json")
    recused = town.coc("robert", "recuse", name, "charlie", "--reason", "knows Olivia")
    his = town.coc("charlie", "diary", "read", name)
    on_ticket = town.coc("robert", "diary", "verify", name, "--from-host")
    left = town.coc("rachel", "leave", "--yes")
    last = town.coc("robert", "diary", "read", name)

    for result in (first, wrote, cleared, hers, recused, on_ticket, left, last):
        assert result.exit_code == 0, result.output
    assert "They were renewed" in first.stderr
    assert "we met" in hers.stdout
    assert his.exit_code == 1
    assert "that you are cleared for" in his.stderr
    assert "The same diary stands on the ticket itself" in on_ticket.stdout
    assert f"{name}: you could read 3 entries" in left.stdout
    assert "knows Olivia" in last.stdout
    shown = "".join(town.server.shown(host, incident.id).texts)
    for word in ("we met", "knows Olivia", "rachel", "robert"):
        assert word not in shown


@pytest.mark.parametrize("host", ["jira", "github"])
def test_what_the_hosts_admin_deletes_is_found_and_restored(town: Town, host: HostName) -> None:
    incident = town.report(host)
    name = incident.code_name
    town.coc("robert", "diary", "write", name, "--file", "-", input="we met\n")
    town.delete_newest(host, incident)

    found = town.coc("robert", "diary", "verify", name, "--from-host")
    asked = town.coc("robert", "diary", "restore", name, "--from-host", "--wait", "0")
    after = town.coc("robert", "diary", "verify", name, "--from-host")

    assert found.exit_code == 3
    assert "not-on-ticket: The service shows entry 4" in found.stdout
    assert "missing-newest" in found.stdout
    assert asked.exit_code == 3  # nothing runs the service's jobs while the command waits
    assert after.exit_code == 0, after.output


@pytest.mark.parametrize("host", ["jira", "github"])
def test_an_outsider_who_owns_the_organisation_reads_nothing(town: Town, host: HostName) -> None:
    """Olivia is reported, and administers both hosts."""
    incident = town.report(host)
    town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input="we met\n")

    shown = "".join(town.server.shown(host, incident.id).texts)

    assert "CoC-Diary: v1" in shown
    assert "we met" not in shown
    assert "Olivia" not in shown

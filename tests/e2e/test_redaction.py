"""Lawful erasure from a desk to the ticket: it goes everywhere, it stays away, and the diary still verifies."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from integration.deskwork import restore
from integration.diary.comment import find_comments
from integration.errors import HostError
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY, playground
from sandbox.rehearsal import Killed, Server, SetClock, dying_at
from sandbox.wire import serving
from tests.e2e.town import Town
from tests.sampled import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.rehearsal import HostName
    from sandbox.wire import Exchange

HOSTS: list[HostName] = ["jira", "github"]
WORDS = "She lives at canary-home-address-51c8e2"


@pytest.fixture
def town(
    tmp_path: Path,
    identities: dict[str, Identity],
    elsewhere: str | None,
    request: pytest.FixtureRequest,
) -> Iterator[Town]:
    """A service that listens. Every call to a host, and each answer, is as the vendor describes it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SetClock(datetime.now(UTC))
    problems: list[str] = []
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(
            playground(
                tmp_path / "server",
                now=clock.now,
                identities=identities,
                service_port=port,
                database_url=elsewhere,
            )
        )
        if "checked" in request.fixturenames:
            _check(request, world.jira.wire, world.github.wire, problems)
        server = Server(world, clock)
        stack.callback(server.close)
        stack.enter_context(serving(server.parts.app, port=port))
        yield Town(server, tmp_path, identities)
    known = "GET /repos/govdocs/conduct/invitations: the description does not have the status 403 here"
    assert [one for one in problems if one != known] == []


@pytest.fixture
def checked(jira_contract: object, github_contract: object, github_graphql_contract: object) -> None:
    """Skips where the vendors' descriptions are not at hand."""
    del jira_contract, github_contract, github_graphql_contract


def _check(request: pytest.FixtureRequest, jira: object, github: object, problems: list[str]) -> None:
    contracts = {
        name: request.getfixturevalue(f"{name}_contract") for name in ("jira", "github", "github_graphql")
    }

    def github_observer(exchange: Exchange) -> None:
        graphql = exchange.path.endswith("/graphql")
        problems.extend(contracts["github_graphql" if graphql else "github"].check(exchange))

    jira.observer = lambda exchange: problems.extend(contracts["jira"].check(exchange))  # type: ignore[attr-defined]  # a Wire
    github.observer = github_observer  # type: ignore[attr-defined]  # a Wire


def written(town: Town, host: HostName) -> tuple[Incident, int]:
    """An incident whose entry 4 must go: 1 keyring, 2 report, 3 keyring of robert, 4 the words, 5 a note."""
    incident = town.report(host)
    town.coc("robert", "diary", "read", incident.code_name)
    town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input=WORDS)
    town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input="another note")
    return incident, 4


def redact(town: Town, incident: Incident, number: int) -> Result:
    return town.coc(
        "robert", "diary", "redact", incident.code_name, str(number), "--reason", "asked by her", "--yes"
    )


def places(town: Town, host: HostName, incident: Incident) -> Sequence[tuple[int, int]]:
    return town.server.shown(host, incident.id).comments


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize("host", HOSTS)
def test_a_redacted_entry_goes_from_store_and_ticket_and_everything_still_verifies(
    town: Town, host: HostName
) -> None:
    incident, number = written(town, host)
    database = town.server.parts.database
    armour = _armour(next(one.text for one in database.comments(incident.id) if one.id.seq == number))

    done = redact(town, incident, number)

    assert done.exit_code == 0, done.output
    assert "erased from the service, as entry 6 says" in done.stderr
    assert "Old backups" in done.stderr
    assert places(town, host, incident) == [(1, 1), (2, 1), (3, 1), (5, 1), (6, 1)]
    for who in ("robert", "charlie"):
        read = town.coc(who, "diary", "read", incident.code_name)
        verified = town.coc(who, "verify", incident.code_name, "--from-host")
        assert (read.exit_code, verified.exit_code) == (0, 0), read.output + verified.output
        assert "canary-home-address" not in read.stdout
        assert "asked by her" in read.stdout
        assert "redacted: Removed by the team: entry 4." in verified.stdout
    world = town.server.world
    stored = b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())
    on_ticket = "".join(town.server.shown(host, incident.id).texts).encode()
    assert [] == [line for line in armour if line in stored or line in on_ticket]


def _armour(text: str) -> list[bytes]:
    lines = text.split("\n")
    first = lines.index("-----BEGIN AGE ENCRYPTED FILE-----") + 1
    return [line.encode() for line in lines[first : lines.index("-----END AGE ENCRYPTED FILE-----")]][:-1]


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_brings_it_back(town: Town, host: HostName) -> None:
    """A later entry, a second report, a restore, a copy that somebody pastes, on a new ticket too."""
    incident, number = written(town, host)
    work = town.server.parts.work
    (copy,) = [text for text in town.server.shown(host, incident.id).texts if _seq(text) == number]
    redact(town, incident, number)

    def paste() -> None:
        _paste(town, host, incident, copy)
        found = town.coc("robert", "verify", incident.code_name, "--from-host")
        assert found.exit_code == 3
        assert f"not-erased: Entry {number} was redacted, and still stands here." in found.stdout
        assert "not-served" not in found.stdout
        town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input="later")

    def restored() -> None:
        restore(incident.id, new_ticket=False, work=work)
        for job in town.server.parts.database.unfinished_jobs():
            town.server.open_until_done(job.inbox_id)

    steps: list[Callable[[], object]] = [paste, restored]
    for step in steps:
        step()
        assert number not in {seq for seq, _ in places(town, host, incident)}
        verified = town.coc("robert", "verify", incident.code_name, "--from-host")
        assert verified.exit_code == 0, verified.output


def _seq(text: str) -> int:
    return next((one.id.seq for one in find_comments(text)), 0)


def _paste(town: Town, host: HostName, incident: Incident, text: str) -> None:
    """A member of the ticket space puts the old text into the host's own comment box."""
    ref = town.server.parts.database.ticket(incident.id).ref
    assert ref is not None
    world = town.server.world
    if host == "github":
        answer = requests.post(
            f"{world.github_url}/repos/{ORG}/{REPOSITORY}/issues/{ref.id}/comments",
            json={"body": f"look:\n{text}"}, timeout=10,
            headers={"Authorization": f"Bearer {world.token('robert')}"},
        )  # fmt: skip
    else:
        lines = [
            {"type": "paragraph", "content": [{"type": "text", "text": line}]}
            for line in text.split("\n")
            if line
        ]
        answer = requests.post(
            f"{world.jira_url}/rest/api/3/issue/{ref.id}/comment",
            json={"body": {"type": "doc", "version": 1, "content": lines}}, timeout=10,
            auth=("robert@team.example", world.token("robert")),
        )  # fmt: skip
    answer.raise_for_status()


@pytest.mark.parametrize("host", HOSTS)
def test_killed_between_any_two_steps_running_again_ends_the_same(town: Town, host: HostName) -> None:
    """At each call of the desk and of the job, before its request or after its answer in turns."""
    town.server.world.jira.write_limits = False
    for tried, call in enumerate(sampled(80)):
        if tried % 6 == 0:  # a diary that grows with each would take ever longer
            incident, _ = written(town, host)
            name = incident.code_name
            gone: list[int] = []
        town.coc("robert", "diary", "write", name, "--file", "-", input=f"{WORDS} {call}")
        number = town.server.parts.database.head(incident.id).seq
        gone.append(number)
        finished = False
        with dying_at(call, after=call % 2 == 1), contextlib.suppress(Killed, HostError):
            finished = redact(town, incident, number).exit_code == 0
        if finished:
            break

        again = redact(town, incident, number)

        assert again.exit_code == 0, again.output
        assert not {seq for seq, _ in places(town, host, incident)} & set(gone)
        assert {place.seq for place in town.server.parts.database.erased(incident.id)} == set(gone)
        assert town.server.parts.database.head(incident.id).seq == number + 1, "one redaction, not two"
    assert call > 15, "the desk's and the jobs' calls"
    assert finished, "the loop reached past the last call"
    verified = town.coc("robert", "verify", name, "--from-host")
    assert verified.exit_code == 0, verified.output


def test_a_file_goes_from_the_jira_ticket_with_its_entry(town: Town, tmp_path: Path) -> None:
    incident, _ = written(town, "jira")
    path = tmp_path / "log.txt"
    path.write_text(WORDS)
    town.coc("robert", "diary", "attach", incident.code_name, str(path))
    ref = town.server.parts.database.ticket(incident.id).ref
    assert ref is not None
    files = town.server.world.jira.site.issues[ref.id].attachments
    assert [one.filename for one in files] == ["0006.age"]

    done = redact(town, incident, 6)

    assert done.exit_code == 0, done.output
    assert town.server.world.jira.site.issues[ref.id].attachments == []
    assert "no files" in town.coc("robert", "diary", "files", incident.code_name).stdout
    assert town.coc("robert", "verify", incident.code_name, "--from-host").exit_code == 0


@pytest.mark.parametrize("host", HOSTS)
def test_only_an_entry_of_an_incident_one_is_cleared_for_is_redacted(town: Town, host: HostName) -> None:
    incident, number = written(town, host)
    name = incident.code_name
    before = town.server.parts.database.head(incident.id)

    refused = {
        "a keyring": redact(town, incident, 3),
        "no such entry": redact(town, incident, 99),
        "not cleared": town.coc("rachel", "diary", "redact", name, str(number), "--yes", "--reason", "x"),
        "no answer": town.coc("robert", "diary", "redact", name, str(number), input="n\n"),
    }
    assert [what for what, result in refused.items() if result.exit_code == 0] == []
    assert "is a keyring" in refused["a keyring"].stderr
    assert town.server.parts.database.head(incident.id) == before
    redact(town, incident, number)
    again = redact(town, incident, number + 2)
    assert again.exit_code != 0
    assert "is a redaction" in again.stderr
    assert town.server.parts.database.erased(incident.id).keys() == {(number, 1)}


def test_a_second_report_is_added_after_a_redaction(town: Town) -> None:
    inbox_id = town.server.report("jira", NOAHS_REPORT, token="same")
    town.server.open_until_done(inbox_id)
    incident = town.server.incident_of(inbox_id)
    town.coc("robert", "diary", "read", incident.code_name)
    assert redact(town, incident, 2).exit_code == 0

    later = town.server.report("jira", {**NOAHS_REPORT, "in_short": "one thing more"}, token="same")
    town.server.open_until_done(later)

    assert places(town, "jira", incident) == [(1, 1), (3, 1), (4, 1), (5, 1)]
    read = town.coc("charlie", "diary", "read", incident.code_name)
    assert read.exit_code == 0, read.output
    assert "one thing more" in read.stdout


@pytest.mark.parametrize("host", HOSTS)
def test_a_redacted_diary_is_restored_to_a_new_ticket_without_what_was_redacted(
    town: Town, host: HostName
) -> None:
    incident, number = written(town, host)
    name = incident.code_name
    redact(town, incident, number)
    before = town.server.shown(host, incident.id)
    town.delete_ticket(host, incident)

    done = town.desk("robert", "diary", "restore", name, "--new-ticket", "--from-host")
    read = town.desk("robert", "diary", "read", name)

    assert done.exit_code == 0, done.output
    assert (read.exit_code, "another note" in read.stdout, WORDS in read.stdout) == (0, True, False)
    after = town.server.shown(host, incident.id)
    moved = (before.comments[-1][0] + 1, 1)  # the entry that says which ticket it is now
    assert (after.tickets, after.comments) == (1, [*before.comments, moved])

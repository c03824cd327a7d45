"""The Incident board on GitHub, on the stand-in: one pinned, locked issue that is right or is made right."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.board import BoardRecord, Standing, make_board
from integration.code_name import CodeName
from integration.errors import BudgetSpent, HostNotRestricted, HostRefused, HostRejected
from integration.github.board_text import bars_by_month, board_body, is_board, pie_by_type
from integration.github.credential import TokenCredential
from integration.github.host import GitHubHost
from integration.github.text import MAX_COMMENT, find_marker, marker
from integration.incident import Alias, Incident, IncidentType, SpaceName
from integration.mirror import TicketName, TicketRef, mirror
from integration.process import default_process, parse_process
from integration.risk import Level
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from integration.board import Board
    from integration.mirror import MirrorView
    from integration.ports import Pace
    from integration.process import Process

World = Any  # the stand-in with its organisation, from conftest.py
PlayedGitHub = Any  # GitHub as a test plays it, from conftest.py
MARKER = "<!-- coc:board v1 -->"

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PROCESS = default_process()


def standing(number: int, *, process: Process | None = None, **changes: Any) -> Standing:  # noqa: ANN401 - any field of an incident
    given: dict[str, Any] = {
        "id": new_incident_id(),
        "code_name": CodeName(f"AMBER-HERON-{number}"),
        "type": IncidentType.CONDUCT_ENFORCEMENT,
        "space": SpaceName("hub"),
        "opened_at": NOW - timedelta(days=30),
        **changes,
    }
    view = mirror(Incident(**given), process or PROCESS)
    ref = TicketRef(TicketName(f"github:acme/conduct#{number}"), str(number), f"#{number}", "")
    return Standing(view, {view.steps[0].key: process is None}, ref)


@pytest.fixture
def board() -> Board:
    return make_board([standing(12, impact=Level.HIGH, likelihood=Level.HIGH, lead=Alias("wren"))], NOW)


@pytest.fixture
def played(host: GitHubHost) -> GitHubHost:
    """A host on a GitHub that the test plays (``github``)."""
    return host


@pytest.fixture
def real(world: World) -> GitHubHost:
    """A host on the stand-in."""
    made: GitHubHost = world.with_token()
    return made


# The text ---------------------------------------------------------------------------------------------


def test_the_text_shows_where_each_open_incident_stands(board: Board) -> None:
    text = board_body(board)

    row = "| #12 | AMBER-HERON-12 | Conduct Enforcement | Reported | 3 × 3 = 9 | **yes** | wren | – | "
    assert re.search(re.escape(row) + r"\d+ \| 2026-10-26 \|\n", text)
    assert (
        "| #12 | AMBER-HERON-12 | 2. Tell the rest of the team; 3. Choose a lead and a secondary; 4. " in text
    )
    assert re.search(r"; and \d+ more \|\n", text)
    assert "| **impact 3** | – | – | 1 |" in text
    assert "Open in all: **1**" in text


def test_the_text_mentions_nobody_links_nowhere_and_names_no_other_ticket() -> None:
    hostile = _process_with_title("Ask [them](x) about `it` | ** ~ <b> now")
    text = board_body(make_board([standing(7, process=hostile, lead=Alias("wr_en"))], NOW))

    assert "@" not in text
    assert "://" not in text
    assert ["#7", "#7"] == re.findall(r"(?<![#\w])#\d+", text)
    assert r"Ask \[them\]\(x\) about \`it\` \| \*\* \~ &lt;b&gt; now" in text
    assert r"| wr\_en |" in text


def test_the_boards_marker_is_no_tickets_marker(board: Board) -> None:
    assert is_board(board_body(board))
    assert find_marker(board_body(board)) is None
    assert not is_board(marker(new_incident_id()))


def test_a_table_row_is_never_the_marker(board: Board) -> None:
    text = board_body(board)

    assert not is_board(text.removesuffix(f"{MARKER}\n") + f"| {MARKER} |")
    assert not is_board(None)


def test_a_thousand_open_incidents_fit_and_the_text_says_how_many_are_left_out() -> None:
    many = [
        standing(number, lead=Alias("wren"), opened_at=NOW - timedelta(days=number % 300))
        for number in range(1, 1001)
    ]
    text = board_body(make_board(many, NOW))

    shown = len(re.findall(r"^\| #\d+ \|.* \d{4}-\d\d-\d\d \|$", text, re.MULTILINE))
    assert len(text) <= MAX_COMMENT
    assert 60_000 < len(text)
    assert f"**{1000 - shown} of 1000 incidents are not in this table**" in text
    assert "Open in all: **1000**" in text
    assert is_board(text)


def test_an_unchanged_board_is_the_same_text(board: Board, host: GitHubHost) -> None:
    assert board_body(board) == board_body(board)
    assert host.board.digest(board) == host.board.digest(board)


def test_a_label_in_a_chart_cannot_end_its_quotation() -> None:
    board = make_board([standing(3), standing(4, type=IncidentType.CONFLICT_RESOLUTION)], NOW)

    for chart in (pie_by_type(board), bars_by_month(board)):
        for line in chart.splitlines():
            assert line.count('"') % 2 == 0
    assert '    "Conflict Resolution" : 1' in pie_by_type(board)


def test_without_recent_incidents_there_are_no_charts() -> None:
    assert "mermaid" not in board_body(make_board([], NOW))


# On GitHub --------------------------------------------------------------------------------------------


def test_the_first_time_it_is_opened_locked_and_pinned(world: World, real: GitHubHost, board: Board) -> None:
    shown = real.board.show(board, None)

    (issue,) = world.repo().issues.values()
    assert "Incident board" == issue.title
    assert board_body(board) == issue.body
    assert issue.locked
    assert [issue] == [pin.issue for pin in world.repo().pinned]
    assert shown.record == BoardRecord(str(issue.number), real.board.digest(board))
    assert 3 == len(shown.deeds)
    assert ["POST /repos/acme/conduct/issues", "PUT /repos/acme/conduct/issues/1/lock"] == [
        one for one in world.writes() if "graphql" not in one
    ]


def test_a_second_time_nothing_is_written(world: World, real: GitHubHost, board: Board) -> None:
    record = real.board.show(board, None).record
    world.forget_journal()

    shown = real.board.show(board, record)

    assert ((), record) == (tuple(shown.deeds), shown.record)
    assert {"POST /graphql"} >= set(world.writes())  # GraphQL asks by POST
    assert 2 == len(world.hub.wire.journal)
    assert 1 == len(world.repo().issues)


def test_another_server_that_knows_no_board_finds_it(world: World, real: GitHubHost, board: Board) -> None:
    real.board.show(board, None)

    assert () == tuple(world.with_token().board.show(board, None).deeds)
    assert 1 == len(world.repo().issues)


def test_a_change_is_one_write(world: World, real: GitHubHost, board: Board) -> None:
    record = real.board.show(board, None).record
    world.forget_journal()

    real.board.show(make_board([], NOW), record)

    assert ["PATCH /repos/acme/conduct/issues/1"] == [one for one in world.writes() if "graphql" not in one]
    assert board_body(make_board([], NOW)) == world.issue(1).body


@pytest.mark.parametrize(
    "harm", ["text", "title", "closed", "unlocked", "unpinned", "label", "label and pin", "all but the title"]
)
def test_what_was_changed_by_hand_is_put_right(
    world: World, real: GitHubHost, board: Board, harm: str
) -> None:
    record = real.board.show(board, None).record
    issue = world.issue(1)
    if harm == "text":
        issue.body = f"Everything is fine. @everyone\n{issue.body}"
    if harm == "title":
        issue.title = "Mallory did it"
    if harm == "closed":
        issue.closed_at = NOW
    if harm == "unlocked":
        issue.locked = False
    if harm == "all but the title":
        issue.body = "Nothing to see here."
    if harm in {"unpinned", "label and pin", "all but the title"}:
        world.repo().pinned.clear()
    if harm in {"label", "label and pin", "all but the title"}:
        issue.labels.clear()

    assert real.board.show(board, record).deeds

    assert ("Incident board", board_body(board), "open", True) == (
        issue.title, issue.body, issue.state, issue.locked,
    )  # fmt: skip
    assert [issue] == [pin.issue for pin in world.repo().pinned]
    assert ["coc-board"] == [label.name for label in issue.labels]
    assert 1 == len(world.repo().issues)


def test_a_deleted_board_is_opened_anew(world: World, real: GitHubHost, board: Board) -> None:
    record = real.board.show(board, None).record
    world.hub.state.forget(world.issue(1))
    world.repo().deleted.add(1)

    assert "2" == real.board.show(board, record).record.host_id


def test_a_ticket_under_the_boards_old_number_is_left_alone(
    world: World, real: GitHubHost, board: Board, view: MirrorView
) -> None:
    """As after a repository was made again: the number that we know is an incident's now."""
    ref = real.open_ticket(view)
    before = world.issue(ref.id).body

    shown = real.board.show(board, BoardRecord(ref.id, "x"))

    assert (before, "2") == (world.issue(ref.id).body, shown.record.host_id)


def test_an_app_makes_and_keeps_it_too(world: World, board: Board) -> None:
    real = world.with_app()

    record = real.board.show(board, None).record

    assert () == tuple(real.board.show(board, record).deeds)
    assert "coc-mirror[bot]" == world.issue(1).author.login


def test_three_pinned_issues_are_left_as_they_are(world: World, real: GitHubHost, board: Board) -> None:
    for number in range(3):
        issue = world.hub.repo("acme/conduct")
        made = real._client.write(
            "POST", f"/repos/{issue.full_name}/issues", {"title": f"Rules {number}"}, "x"
        )
        real._client.mutate(
            "mutation($b: ID!) { pinIssue(input: {issueId: $b}) { issue { isPinned } } }",
            {"b": made["node_id"]},
            "pin",
            writes=1,
        )

    shown = real.board.show(board, None)

    assert 3 == len(world.repo().pinned)
    assert any("did not pin" in deed for deed in shown.deeds)
    assert world.issue(4).locked


def test_nothing_is_written_to_a_repository_that_is_not_restricted(
    world: World, real: GitHubHost, board: Board
) -> None:
    world.repo().visibility = "public"

    with pytest.raises(HostNotRestricted):
        real.board.show(board, None)

    assert [] == world.writes()


def test_reports_go_first_when_the_budget_is_short(world: World, board: Board) -> None:
    class Short:
        """No room for a whole incident."""

        def reserve(self, name: str, pace: Pace, writes: int) -> float:
            del name, pace, writes
            raise AssertionError("nothing may be sent")

        def check(self, name: str, pace: Pace, writes: int) -> None:
            del name, pace
            assert writes > 10
            raise BudgetSpent("Not now.", meaning="", next_step="")

        def pause(self, name: str, seconds: float) -> None:
            del name, seconds

    real = GitHubHost(world.space(), TokenCredential(world.bot_token), budget=Short())

    with pytest.raises(BudgetSpent):
        real.board.show(board, None)

    assert {} == world.repo().issues


def test_without_graphql_it_says_what_to_do(github: PlayedGitHub, played: GitHubHost, board: Board) -> None:
    github.repository()
    refused = {"data": {"repository": None}, "errors": [{"type": "FORBIDDEN", "message": github.canary}]}
    github.answers("POST", "/graphql", refused)

    with pytest.raises(HostRefused, match="GraphQL would not look") as caught:
        played.board.show(board, None)

    assert github.canary not in str(caught.value)


def test_a_board_that_does_not_stay_as_it_was_written_is_said(
    github: PlayedGitHub, played: GitHubHost, board: Board
) -> None:
    node = {
        "id": "I_1", "number": 1, "title": "Incident board", "body": f"other words\n{MARKER}", "state": "OPEN",
        "locked": True, "isPinned": True, "labels": {"nodes": [{"name": "coc-board"}]},
    }  # fmt: skip
    github.repository()
    github.answers(
        "POST",
        "/graphql",
        {"data": {"repository": {"issues": {"nodes": [node]}, "pinnedIssues": {"nodes": []}}}},
    )
    github.answers("PATCH", "/repos/acme/conduct/issues/1", {"number": 1})

    with pytest.raises(HostRejected, match="does not show what was written"):
        played.board.show(board, None)


def test_a_board_is_no_ticket_of_any_incident(real: GitHubHost, board: Board) -> None:
    real.board.show(board, None)

    assert () == real.find(new_incident_id())


def _process_with_title(title: str) -> Process:
    """The shortest process, with one step of this title."""
    routes = "\n".join(f'"{kind.value}" = ["safety"]' for kind in IncidentType)
    scale = "\n".join(f"[scale.{name}]\n1 = 'a'\n2 = 'b'\n3 = 'c'" for name in ("impact", "likelihood"))
    step = f"[steps.safety]\ntitle = '{title}'\nguidance = 'x'\ndue_hours = 1\nstage = 'Reported'"
    return parse_process(f"version = 1\n[routes]\n{routes}\n{step}\n{scale}\n", where="a test's process")

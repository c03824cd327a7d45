"""When a board is renewed, by whom, and that nothing is written before the space is proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.board import BoardRecord, Renewed
from integration.errors import BudgetSpent, HostNotRestricted, HostUnavailable
from integration.incident import Stage
from integration.process import default_process
from tests.pg import both
from webhook_server.boards import Boards
from webhook_server.store import tables as t
from webhook_server.store.boards import BoardBook, chore_of
from webhook_server.store.chores import ChoreBook, ChoreTrouble
from webhook_server.store.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.board import Board
    from integration.incident import SpaceName
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


@dataclass
class MemoryBoard:
    """A board in memory; ``shown`` is what it was given each time it was looked at."""

    space: SpaceName
    shown: list[Board] = field(default_factory=list)
    trouble: Exception | None = None

    def digest(self, board: Board) -> str:
        return ",".join(row.view.stage for row in board.rows)

    def show(self, board: Board, known: BoardRecord | None) -> Renewed:
        if self.trouble is not None:
            raise self.trouble
        self.shown.append(board)
        record = BoardRecord("7", self.digest(board))
        return Renewed(record, [] if record == known else ["its text was renewed"])


@dataclass
class Office:
    """Boards of one ticket space, its chore, and who was asked for a proof."""

    board: MemoryBoard
    boards: Boards
    book: BoardBook
    chore: Callable[[], None]
    proofs: list[SpaceName]
    clock: SetClock

    def begin(self) -> None:
        """As ``coc-server board``, and the first night's look."""
        self.boards.renew(self.board.space, self.clock.now())
        self.chore()
        self.clock.forward(minutes=2)
        self.board.shown.clear()
        self.proofs.clear()


@pytest.fixture
def office(database: Database, host: MemoryHost, clock: SetClock) -> Office:
    board, book = MemoryBoard(host.space), BoardBook(database._engine)
    proofs: list[SpaceName] = []
    boards = Boards(
        {host.space: board}, book=book, process=default_process(), steps=book.steps, prove=proofs.append
    )
    chore = boards.chore(ChoreBook(database._engine))
    return Office(board, boards, book, lambda: chore(clock.now()), proofs, clock)


def test_nothing_is_made_before_somebody_asks_for_it(office: Office, take_in: Intake) -> None:
    take_in()

    office.chore()

    assert ([], []) == (office.board.shown, office.proofs)
    assert office.book.known(office.board.space) is None


@both
def test_the_command_makes_it_and_notes_where_it_stands(office: Office, take_in: Intake) -> None:
    take_in()

    assert ["its text was renewed"] == office.boards.renew(office.board.space, office.clock.now())

    assert BoardRecord("7", "Reported") == office.book.known(office.board.space)
    assert [office.board.space] == office.proofs


def test_an_unchanged_board_costs_no_request(office: Office, take_in: Intake) -> None:
    take_in()
    office.begin()

    for _ in range(5):
        office.chore()
        office.clock.forward(minutes=1)

    assert ([], []) == (office.board.shown, office.proofs)


def test_a_new_incident_is_shown_a_minute_later_at_most_once_a_minute(
    office: Office, take_in: Intake
) -> None:
    office.begin()

    take_in(submission="s1")
    office.chore()
    take_in(submission="s2")
    office.clock.forward(seconds=30)
    office.chore()
    assert [1] == [len(board.rows) for board in office.board.shown]

    office.clock.forward(seconds=30)
    office.chore()
    assert [1, 2] == [len(board.rows) for board in office.board.shown]


@both
def test_a_closed_incident_leaves_the_rows_and_stays_in_the_counts(
    office: Office, take_in: Intake, database: Database
) -> None:
    take_in()
    with database._engine.begin() as connection:
        connection.execute(t.incident.update().values(stage=Stage.CLOSED.value))

    board = office.boards.board(office.board.space, office.clock.now())

    assert ((), 1) == (board.rows, board.closed)


def test_incidents_of_another_space_are_not_counted(
    office: Office, take_in: Intake, database: Database
) -> None:
    take_in()
    with database._engine.begin() as connection:
        connection.execute(t.incident.update().values(space="elsewhere"))

    assert () == office.boards.board(office.board.space, office.clock.now()).rows


def test_once_a_night_it_is_looked_at_even_if_nothing_changed(office: Office) -> None:
    office.begin()

    for _ in range(30):
        office.chore()
        office.clock.forward(hours=1)

    assert 1 == len(office.board.shown)


@both
def test_of_two_servers_one_renews_it(office: Office, take_in: Intake, database: Database) -> None:
    office.begin()
    other = Boards(
        {office.board.space: office.board}, book=BoardBook(database._engine), process=default_process(),
        steps=office.book.steps, prove=office.proofs.append,
    )  # fmt: skip
    take_in()

    office.chore()
    other.chore(ChoreBook(database._engine))(office.clock.now())

    assert 1 == len(office.board.shown)


def test_nothing_is_written_to_a_space_that_is_not_proven(
    database: Database, host: MemoryHost, clock: SetClock
) -> None:
    def prove(_space: SpaceName) -> None:
        raise HostNotRestricted("x", meaning="x", next_step="x")

    board, book = MemoryBoard(host.space), BoardBook(database._engine)
    boards = Boards({host.space: board}, book=book, process=default_process(), steps=book.steps, prove=prove)

    with pytest.raises(HostNotRestricted):
        boards.renew(host.space, clock.now())

    assert [] == board.shown
    assert book.known(host.space) is None


def test_after_trouble_it_is_tried_again_a_quarter_of_an_hour_later_and_logged_by_code(
    office: Office, take_in: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    office.begin()
    take_in()
    office.board.trouble = HostUnavailable("x", meaning="x", next_step="x")
    office.chore()
    office.board.trouble = None

    office.clock.forward(minutes=14)
    office.chore()
    assert [] == office.board.shown

    office.clock.forward(minutes=2)
    office.chore()
    assert 1 == len(office.board.shown)
    assert "event=board-not-renewed space=conduct code=host-unavailable" in caplog.text


@both
def test_the_look_of_a_night_that_failed_is_noted_and_not_put_off_by_a_night(
    office: Office, take_in: Intake, database: Database
) -> None:
    take_in()
    office.begin()
    office.clock.forward(hours=25)
    office.board.trouble = HostUnavailable("x", meaning="x", next_step="x")
    failed_at = office.clock.now()
    for _ in range(20):
        office.chore()
        office.clock.forward(minutes=1)

    (trouble,) = Overview(database._engine).chore_troubles()
    assert ChoreTrouble("boards", office.board.space, failed_at, "host-unavailable") == trouble
    office.board.trouble = None
    office.clock.forward(minutes=15)
    office.chore()

    assert 1 == len(office.board.shown)
    assert [] == Overview(database._engine).chore_troubles()
    ChoreBook(database._engine).failed("boards", office.board.space, "store", failed_at)
    office.boards.renew(office.board.space, office.clock.now())
    assert [] == Overview(database._engine).chore_troubles(), "whoever did it by hand saw it succeed"


def test_an_error_nobody_foresaw_is_noted_and_the_other_boards_have_their_turn(
    office: Office, take_in: Intake, database: Database
) -> None:
    office.begin()
    take_in()
    office.board.trouble = ValueError("x")

    with pytest.raises(ValueError, match="x"):
        office.chore()
    office.chore()

    (trouble,) = Overview(database._engine).chore_troubles()
    assert ("boards", office.board.space, "unexpected") == (trouble.chore, trouble.part, trouble.code)


def test_waiting_for_our_own_budget_is_no_trouble(
    office: Office, take_in: Intake, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    office.begin()
    take_in()
    office.board.trouble = BudgetSpent("x", meaning="x", next_step="x")
    office.chore()
    assert [] == Overview(database._engine).chore_troubles()
    office.board.trouble = None
    office.clock.forward(minutes=1)

    office.chore()

    assert 1 == len(office.board.shown)
    assert "board-not-renewed" not in caplog.text


@both
def test_what_is_stopped_is_not_renewed_any_more(office: Office, take_in: Intake, database: Database) -> None:
    office.begin()
    take_in()
    ChoreBook(database._engine).failed("boards", office.board.space, "host-refused", office.clock.now())

    assert office.boards.forget(office.board.space)
    assert not office.boards.forget(office.board.space)
    office.chore()

    assert [] == office.board.shown
    assert [] == Overview(database._engine).chore_troubles()
    assert chore_of(office.board.space) not in Overview(database._engine).chores(), (
        "status would call it overdue"
    )


def test_a_thousand_incidents_are_read_in_three_queries(
    office: Office, take_in: Intake, database: Database
) -> None:
    for number in range(20):
        take_in(submission=f"s{number}")
    queries = []
    sa.event.listen(database._engine, "before_cursor_execute", lambda *args: queries.append(args[2]))

    assert 20 == len(office.boards.board(office.board.space, office.clock.now()).rows)

    assert 3 >= sum(query.startswith("SELECT") for query in queries)


def test_old_and_closed_incidents_are_not_read(office: Office, take_in: Intake, database: Database) -> None:
    take_in()
    with database._engine.begin() as connection:
        connection.execute(t.incident.update().values(stage=Stage.CLOSED.value))
    later = office.clock.now() + timedelta(days=500)

    assert [] == office.book.incidents(office.board.space, later)

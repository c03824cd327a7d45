"""Whom a notice did not reach that reached others gets it later: nobody twice, not for ever, whoever sends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.errors import HostRefused, NotifyError, StoreError
from integration.reconcile import Found
from tests.pg import both
from tests.server.jobs.conftest import always
from webhook_server.jobs import attempt
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks
from webhook_server.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

ROBERT, MIRIAM = (f"{name}@team.example.org" for name in ("robert", "miriam"))


@dataclass
class Post:
    """What sends the notices of one process, and who got which."""

    make: Callable[[], Teller]
    told: Told
    clock: SetClock

    def __post_init__(self) -> None:
        self.teller = self.make()

    def minutes(self, count: int, *, each: int = 1) -> None:
        for _ in range(0, count, each):
            self.teller.turn()
            self.clock.forward(minutes=each)

    def who_got(self) -> list[str]:
        return [one for addresses, _, _ in self.told.mails for one in addresses]


@pytest.fixture
def post(work: Casework, database: Database, told: Told, clock: SetClock) -> Post:
    return Post(lambda: Teller(work=work, jobs=database, notifier=told, operator=None), told, clock)


@pytest.fixture
def opened(take_in: Intake, work: Casework, database: Database) -> str:
    inbox_id = take_in().inbox_id
    attempt(inbox_id, work, database, Locks(database._engine))
    return inbox_id


def left(database: Database) -> int:
    with database._engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(t.notice_left)).scalar_one()


@both
def test_who_was_refused_gets_the_same_notice_later_and_nobody_else_again(
    post: Post, opened: str, told: Told, database: Database
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(2)
    assert [ROBERT] == post.who_got()

    told.refuses.clear()
    post.minutes(30)

    assert [ROBERT, MIRIAM] == post.who_got()
    assert told.mails[0][1:] == told.mails[1][1:]
    assert 0 == left(database)
    assert database.delivery(opened).finished


@both
def test_it_is_sent_also_by_a_server_that_is_started_meanwhile(
    post: Post, opened: str, told: Told, database: Database
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()

    post.teller = post.make()
    post.minutes(5)

    assert [ROBERT, MIRIAM] == post.who_got()
    assert database.delivery(opened).finished


@both
def test_a_mailbox_that_refuses_for_good_is_tried_a_few_times_and_then_left_alone(
    post: Post, opened: str, told: Told, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    code_name = database.job(opened).code_name

    post.minutes(26 * 60, each=3)

    assert [ROBERT] == post.who_got()
    assert 10 == caplog.text.count("event=notice-failed")
    assert 1 == caplog.text.count(f"event=notice-given-up incident={code_name} count=1")
    assert 0 == left(database)


def test_one_that_is_refused_holds_up_no_news(
    post: Post, opened: str, told: Told, take_in: Intake, work: Casework, database: Database
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(3)
    assert 1 == left(database)

    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    post.minutes(1)

    assert [ROBERT, ROBERT] == post.who_got()
    assert opened in {job.inbox_id for job in database.partly_told(post.clock.now() + timedelta(hours=1))}


@both
def test_news_goes_to_all_and_takes_the_place_of_what_was_left(
    post: Post, take_in: Intake, work: Casework, database: Database, host: MemoryHost, told: Told
) -> None:
    inbox_id = take_in().inbox_id
    host.trouble = always(HostRefused("No."))
    attempt(inbox_id, work, database, Locks(database._engine))
    told.refuses = {MIRIAM}
    post.minutes(1)
    host.trouble = lambda _call: None
    attempt(inbox_id, work, database, Locks(database._engine))
    told.refuses.clear()

    post.minutes(20)

    assert [ROBERT, ROBERT, MIRIAM] == post.who_got()
    assert ["a report has come in"] == [subject.partition(": ")[2] for _, subject, _ in told.mails[1:]]
    assert 0 == left(database)


def test_who_left_the_team_meanwhile_does_not_get_it(
    post: Post, opened: str, told: Told, database: Database, team: Team
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()
    team.members[:] = [one for one in team.members if one.alias != "miriam"]

    post.minutes(5)

    assert [ROBERT] == post.who_got()
    assert 0 == left(database)
    assert database.delivery(opened).finished


def test_a_database_that_takes_no_note_mails_nobody_each_turn(
    post: Post, opened: str, told: Told, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()

    def full(*_: object) -> int:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(database, "told_the_rest", full)
    post.clock.forward(minutes=1)
    with pytest.raises(StoreError):
        post.teller.turn()
    for _ in range(5):
        post.teller.turn()

    assert [ROBERT, MIRIAM] == post.who_got()
    assert database.delivery(opened).finished


def test_a_clock_that_is_put_back_puts_it_off_for_no_year(
    post: Post, opened: str, told: Told, database: Database
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()
    post.clock.forward(seconds=-timedelta(days=400).total_seconds())

    post.minutes(1)

    assert MIRIAM in post.who_got()
    assert database.delivery(opened).finished


def test_no_address_is_kept(post: Post, opened: str, told: Told, database: Database) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)

    with database._engine.connect() as connection:
        (row,) = connection.execute(sa.select(t.notice_left)).all()

    assert opened == row.inbox_id
    assert "miriam" not in repr(row)
    assert 32 == len(bytes.fromhex(row.address_digest))


@both
def test_what_was_found_on_a_ticket_stays_until_all_were_told(
    post: Post, opened: str, told: Told, database: Database, clock: SetClock
) -> None:
    post.minutes(1)
    told.mails.clear()
    database.note_found(database.job(opened).incident, [Found.REOPENED], clock.now())
    told.refuses = {MIRIAM}
    book = ChoreBook(database._engine)
    for _ in range(120):
        post.minutes(1)
        book.drop_done(clock.now())
    assert [ROBERT] == post.who_got()

    told.refuses.clear()
    for _ in range(6 * 60):
        post.minutes(1)
        book.drop_done(clock.now())

    assert [ROBERT, MIRIAM] == post.who_got()


@both
def test_while_the_mail_server_is_away_nobody_is_given_up(
    post: Post, opened: str, told: Told, database: Database
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()
    told.trouble = NotifyError("The mail server is away.")
    post.minutes(20 * 60, each=10)

    told.trouble = None
    post.minutes(31)

    assert [ROBERT, MIRIAM] == post.who_got()
    assert database.delivery(opened).finished


@both
def test_nobody_waits_for_ever_for_a_mail_server_that_is_away(
    post: Post, opened: str, told: Told, database: Database
) -> None:
    """It may be this very mail at which it ends each session."""
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.trouble = NotifyError("The mail server is away.")
    post.minutes(70 * 60, each=30)
    assert 1 == left(database)

    post.minutes(3 * 60, each=30)

    assert 0 == left(database)
    assert database.delivery(opened).finished


def test_a_notice_that_cannot_be_made_for_a_while_counts_as_got_by_nobody(
    post: Post, opened: str, told: Told, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.refuses = {MIRIAM}
    post.minutes(1)
    told.refuses.clear()

    def away(_job: object) -> None:
        raise StoreError("The database is away.")

    with monkeypatch.context() as while_away:
        while_away.setattr(post.teller, "_made", away)
        post.minutes(5)
    assert 1 == left(database)

    post.minutes(31)

    assert [ROBERT, MIRIAM] == post.who_got()
    assert database.delivery(opened).finished

"""From the inbox onto the host: in the right order, never twice, and never before the space is proven restricted."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration import notices
from integration.casework import SETTLE, Casework, is_retryable, open_incident, reopen
from integration.diary.comment import find_comments
from integration.diary.keys import new_service_key
from integration.diary.seal import EntryContent, EntryDraft, open_first_epoch
from integration.errors import (
    ConfigError,
    HostError,
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
    NoReaders,
    StoreError,
    UnknownDiary,
    WriteRefused,
)
from integration.incident import IncidentType
from integration.notices import notice
from integration.process import default_process
from integration.reconcile import NOT_KNOWN
from integration.report import Answer, Report
from integration.text import Untrusted
from tests.pg import both
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

STEPS = [step.key for step in default_process().route(IncidentType.CONDUCT_ENFORCEMENT)]


def assert_whole(receipt: Receipt, host: MemoryHost, database: Database, *, tickets: int = 1) -> None:
    """One ticket, each step once and in order, each comment of the diary once and in order, the report erased."""
    mine = [one for one in host.tickets if one.incident == receipt.incident]
    assert tickets == len(mine)
    assert STEPS == list(mine[0].steps)
    assert list(database.comments(receipt.incident)) == mine[0].comments
    assert mine[0].comments
    assert database.delivery(receipt.inbox_id).report is None
    assert database.delivery(receipt.inbox_id).finished


# The straight way -----------------------------------------------------------------------------------


def test_a_report_becomes_a_ticket_with_steps_and_diary(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, canary: str
) -> None:
    receipt = take_in()

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert ["audience", "find", "open_ticket", "read", "write", "read"] == host.calls
    assert canary not in repr(host)
    assert ["keyring", "entry"] == [comment.kind for comment in host.tickets[0].comments]
    assert [1] == [len(find_comments(comment.text)) for comment in host.tickets[0].comments][:1]


def test_no_report_waits_for_a_host_that_shapes_texts_its_own_way(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    host.own_texts = True
    receipt = take_in()

    open_incident(receipt.inbox_id, work)

    assert database.delivery(receipt.inbox_id).finished
    assert 1 == host.calls.count("write")


def test_a_finished_delivery_is_left_alone(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    host.calls.clear()

    open_incident(receipt.inbox_id, work)

    assert [] == host.calls


def test_ciphertext_is_committed_before_a_comment_is_posted(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    stored: list[int] = []

    def look(call: str) -> None:
        if call == "write":
            stored.append(len(database.comments(receipt.incident)))
            assert database.delivery(receipt.inbox_id).report is None

    host.trouble = look

    open_incident(receipt.inbox_id, work)

    assert [2] == stored


def test_an_attempt_is_noted_before_the_ticket_is_opened(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    noted: list[object] = []
    host.trouble = lambda call: (
        noted.append(database.ticket(receipt.incident).attempted_at) if call == "open_ticket" else None
    )

    open_incident(receipt.inbox_id, work)

    assert [clock.now()] == noted


# Restriction ----------------------------------------------------------------------------------------


def test_a_space_that_is_not_restricted_is_not_written_to(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.accounts.append("mallory")

    with pytest.raises(HostNotRestricted, match="mallory"):
        open_incident(receipt.inbox_id, work)

    assert ["audience"] == host.calls
    assert database.delivery(receipt.inbox_id).report is not None


def test_it_is_proven_anew_each_time(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    open_incident(take_in().inbox_id, work)
    host.open_doors.append("the repository is public")
    host.calls.clear()

    with pytest.raises(HostNotRestricted):
        open_incident(take_in().inbox_id, work)

    assert ["audience"] == host.calls


def test_the_rosters_accounts_may_read(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    host.accounts += ["robert-gh", "MIRIAM-GH"]

    open_incident(take_in().inbox_id, work)

    assert 1 == len(host.tickets)


def test_a_ticket_whose_fields_do_not_stay_gets_no_comment(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.stubborn_fields = True

    with pytest.raises(HostNotRestricted, match="do not stay"):
        open_incident(receipt.inbox_id, work)

    assert [] == host.tickets[0].comments
    assert database.delivery(receipt.inbox_id).report is not None


def test_wrong_fields_are_put_right_first(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.trouble = lambda call: (
        setattr(host.tickets[0], "fields_right", False)
        if host.calls == ["audience", "find", "open_ticket", "read"] and call == "read"
        else None
    )

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert ["audience", "find", "open_ticket", "read", "write", "read", "write", "read"] == host.calls


# Unknown outcomes -----------------------------------------------------------------------------------


class Once:
    """Raises an error at the first call of one name; before it or after its effect."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self.error, self.done = name, error, False

    def __call__(self, call: str) -> None:
        if call == self.name and not self.done:
            self.done = True
            raise self.error


LOST = HostUnknownOutcome("The answer was lost.")


def open_but_lose_the_answer(host: MemoryHost, monkeypatch: pytest.MonkeyPatch) -> None:
    real = host.open_ticket

    def lossy(view: Any) -> Any:  # noqa: ANN401 - the port's own types
        real(view)
        monkeypatch.setattr(host, "open_ticket", real)
        raise LOST

    monkeypatch.setattr(host, "open_ticket", lossy)


def test_a_ticket_whose_answer_was_lost_is_found(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()
    open_but_lose_the_answer(host, monkeypatch)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_while_the_search_may_lag_no_second_ticket_is_risked(
    take_in: Intake,
    work: Casework,
    host: MemoryHost,
    database: Database,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = take_in()
    host.lag = timedelta(minutes=2)
    open_but_lose_the_answer(host, monkeypatch)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    with pytest.raises(HostUnknownOutcome, match="not known yet") as raised:
        open_incident(receipt.inbox_id, work)
    assert 30 == raised.value.after
    clock.forward(minutes=2)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_after_the_search_has_settled_not_there_is_believed(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = Once("open_ticket", LOST)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    clock.forward(seconds=SETTLE.total_seconds() - 10)
    with pytest.raises(HostUnknownOutcome) as raised:
        open_incident(receipt.inbox_id, work)
    assert 10 == raised.value.after
    clock.forward(seconds=10)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


@pytest.mark.parametrize(
    "error", [HostUnavailable, HostLimited, HostRefused, HostRejected, HostGone, HostNotRestricted]
)
def test_after_a_definite_failure_the_next_try_does_not_wait(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, error: type[HostError]
) -> None:
    receipt = take_in()
    host.trouble = Once("open_ticket", error("No."))

    with pytest.raises(error):
        open_incident(receipt.inbox_id, work)
    assert database.ticket(receipt.incident).attempted_at is None
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


@pytest.mark.parametrize("lost", [1, 3, 5, 12])
def test_what_a_host_dropped_is_written_the_next_time(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, lost: int
) -> None:
    receipt = take_in()
    host.loses = lost

    with pytest.raises(HostUnknownOutcome, match="does not show yet"):
        open_incident(receipt.inbox_id, work)
    host.loses = 0
    open_incident(receipt.inbox_id, work)

    mine = host.tickets[0]
    assert set(STEPS) == set(mine.steps)
    assert list(database.comments(receipt.incident)) == sorted(mine.comments, key=lambda one: one.id)
    assert database.delivery(receipt.inbox_id).finished


def test_a_ticket_that_was_deleted_is_said_to_be_gone(
    take_in: Intake, work: Casework, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = Once("write", HostUnavailable("No."))
    with pytest.raises(HostUnavailable):
        open_incident(receipt.inbox_id, work)
    host.tickets.clear()

    with pytest.raises(HostGone):
        open_incident(receipt.inbox_id, work)


def test_a_space_that_left_the_configuration_is_named(take_in: Intake, work: Casework) -> None:
    receipt = take_in()

    with pytest.raises(HostGone, match=r"'conduct' of .* not in the configuration"):
        open_incident(receipt.inbox_id, replace(work, hosts={}))


# A database that was restored from a backup ---------------------------------------------------------


def forget_ticket_and_diary(database: Database) -> None:
    """As it was when the report still waited."""
    with database._engine.begin() as connection:
        for statement in ("DELETE FROM ticket", "DELETE FROM epoch", "DELETE FROM comment"):
            connection.exec_driver_sql(statement)


def test_a_ticket_that_the_database_forgot_is_found_and_not_opened_twice(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = Once("write", HostUnavailable("No."))
    with pytest.raises(HostUnavailable):
        open_incident(receipt.inbox_id, work)
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ticket")
    clock.forward(days=30)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def forget_all_after_the_report(database: Database, receipt: Receipt, report: bytes) -> None:
    """A backup that was made while the report waited is put back."""
    forget_ticket_and_diary(database)
    sealed = database._sealer.seal(report, table="inbox", column="sealed_report", row=receipt.inbox_id)
    with database._engine.begin() as connection:
        connection.execute(t.inbox.update().values(state="waiting", sealed_report=sealed))


def test_a_diary_that_the_database_forgot_is_taken_over_and_not_begun_twice(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    before, epoch = list(host.tickets[0].comments), database.epoch(receipt.incident)
    forget_all_after_the_report(database, receipt, report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert before == host.tickets[0].comments == list(database.comments(receipt.incident))
    assert epoch == database.epoch(receipt.incident)
    assert ["robert", "miriam", NOT_KNOWN] == list(database.readers(receipt.incident))
    assert database.posted(receipt.incident) == {comment.id for comment in before}


def test_a_keyring_without_its_report_is_taken_over_and_the_report_written_after_it(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    entry = host.tickets[0].comments.pop()
    forget_all_after_the_report(database, receipt, report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert entry.text != host.tickets[0].comments[1].text


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 27))
def test_after_a_crash_while_taking_over_there_is_one_whole_ticket(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, *, at: int, after: bool
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    before = list(host.tickets[0].comments)
    forget_all_after_the_report(database, receipt, report)
    mortal, _ = dying(work, host, at, after=after)

    with suppress(Crash):
        open_incident(receipt.inbox_id, mortal)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert before == host.tickets[0].comments


@pytest.mark.parametrize("wrong", ["gap", "fork", "foreign seal", "damaged"])
def test_what_does_not_surely_continue_the_diary_is_left_alone_and_said(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, team: Team, wrong: str
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    forget_all_after_the_report(database, receipt, report)
    if wrong == "gap":
        ticket.comments.pop(0)
    elif wrong == "fork":
        other = open_first_epoch(
            incident=receipt.incident, ticket=ticket.ref.name, recovery=[], roster_hash="0" * 64, roster_serial=1,
            readers=[one.reader() for one in team.members], service=work.service_key, now=work.clock.now(),
            entry=EntryDraft(EntryContent.REPORT, Untrusted("another"), None, work.clock.now()), part_bytes=44_000,
        )  # fmt: skip
        ticket.comments += other.comments
    elif wrong == "foreign seal":
        team.service_key = new_service_key("svc-test")
    else:
        ticket.damaged = {ticket.comments.pop().id}
    before = list(ticket.comments)
    host.calls.clear()

    for _ in range(2):
        with pytest.raises(UnknownDiary, match="does not know and cannot take over") as raised:
            open_incident(receipt.inbox_id, work)

    assert not is_retryable(raised.value)
    assert {"audience", "find", "read"} == set(host.calls)
    assert before == ticket.comments
    assert [] == list(database.comments(receipt.incident))
    assert report == database.delivery(receipt.inbox_id).report


@both
def test_a_later_report_that_a_restored_database_holds_again_is_written_again_and_read_by_nobody_unknown(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    first = take_in(submission="one")
    report = database.delivery(first.inbox_id).report
    assert report is not None
    open_incident(first.inbox_id, work)
    forget_all_after_the_report(database, first, report)
    second = take_in(a_later_report(), submission="one")

    for receipt in (first, second):
        open_incident(receipt.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert own != first.incident  # who reads the keyring that was taken over is not known
    assert_whole(first, host, database)
    assert_whole(replace(second, incident=own), host, database)


def a_later_report() -> Report:
    return Report(None, verbatim=Untrusted("and then"))


# A crash at every call ------------------------------------------------------------------------------


class Crash(BaseException):
    """The process died."""


class Dying:
    """Passes calls on to a part, and dies at one of them: before it has an effect, or after."""

    def __init__(self, part: object, count: Callable[[], bool], *, after: bool) -> None:
        self._part, self._count, self._after = part, count, after

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a port
        value = getattr(self._part, name)
        if not callable(value):
            return value

        def called(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - any method of a port
            dies = self._count()
            if dies and not self._after:
                raise Crash
            result = value(*args, **named)
            if dies:
                raise Crash
            return result

        return called


def dying(work: Casework, host: MemoryHost, at: int, *, after: bool) -> tuple[Casework, list[int]]:
    calls = [0]

    def count() -> bool:
        calls[0] += 1
        return calls[0] == at

    return replace(
        work,
        store=Dying(work.store, count, after=after),
        hosts={host.space: Dying(host, count, after=after)},
    ), calls


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 41))
def test_after_a_crash_at_any_call_there_is_one_whole_ticket(
    take_in: Intake,
    work: Casework,
    host: MemoryHost,
    database: Database,
    clock: SetClock,
    canary: str,
    at: int,
    *,
    after: bool,
) -> None:
    receipt = take_in()
    mortal, calls = dying(work, host, at, after=after)
    host.lag = timedelta(minutes=1)

    try:
        open_incident(receipt.inbox_id, mortal)
    except Crash:
        pass
    else:
        assert calls[0] < at, "every call of the straight way is tried"
    for _ in range(3):
        clock.forward(minutes=4)
        try:
            open_incident(receipt.inbox_id, work)
        except HostUnknownOutcome:
            continue

    assert_whole(receipt, host, database)
    assert canary not in repr(host)


def test_the_crashes_above_reach_every_call(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    mortal, calls = dying(work, host, 0, after=False)

    open_incident(take_in().inbox_id, mortal)

    assert 10 < calls[0] < 41


# A second report on the same incident ---------------------------------------------------------------


def test_a_second_report_becomes_the_next_entry(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="and then it went on"), submission="s1")

    open_incident(second.inbox_id, work)

    assert_whole(second, host, database)
    assert [(1, 1), (2, 1), (3, 1)] == [comment.id for comment in host.tickets[0].comments]
    keyring, entry, later = host.tickets[0].comments
    assert (keyring.link, entry.link) == (entry.prev, later.prev)
    assert ["robert", "miriam"] == list(database.readers(first.incident))


def test_a_second_report_that_may_mean_a_reader_becomes_an_incident_of_its_own(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert, I did not dare to say so."), submission="s1")

    open_incident(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert own != first.incident == second.incident
    assert_whole(first, host, database)
    assert_whole(replace(second, incident=own), host, database)
    assert [2, 2] == [len(ticket.comments) for ticket in host.tickets]
    assert ["miriam"] == list(database.readers(own))
    assert ("miriam@team.example.org",) == notice(second.inbox_id, own, None, work).addresses


def test_what_comes_later_still_goes_to_the_first_incident(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    open_incident(second.inbox_id, work)

    third = take_in(make_report(account="It was somebody else."), submission="s1")
    again = take_in(make_report(account="It was Robert."), submission="s1")

    assert first.incident == third.incident
    assert (True, database.delivery(second.inbox_id).incident) == (again.duplicate, again.incident)


@pytest.mark.parametrize("account", ["It was Robert.", "and then it went on"])
def test_a_reader_who_left_the_roster_still_holds_the_key_so_a_report_is_separated(
    take_in: Intake,
    work: Casework,
    database: Database,
    make_report: Callable[..., Report],
    team: Team,
    account: str,
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    team.members = team.members[1:]
    second = take_in(make_report(account=account), submission="s1")

    open_incident(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert first.incident != own
    assert ["miriam"] == list(database.readers(own))


def test_a_reader_whose_alias_changed_does_not_read_the_report_that_names_them(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report], team: Team
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    renamed = copy(team.members[0])
    renamed.alias = "bob"
    team.members = [renamed, *team.members[1:]]
    team.on_duty, team.names = {"bob", "miriam"}, {**team.names, "bob": ("Robert Kraus",)}
    second = take_in(make_report(account="It was Robert Kraus."), submission="s1")

    open_incident(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert first.incident != own
    assert ["miriam"] == list(database.readers(own))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 26, 2))
def test_after_a_crash_while_separating_both_tickets_are_whole(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock,
    make_report: Callable[..., Report], at: int, *, after: bool,
) -> None:  # fmt: skip
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    mortal, _ = dying(work, host, at, after=after)

    with suppress(Crash):
        open_incident(second.inbox_id, mortal)
    for _ in range(3):
        clock.forward(minutes=4)
        with suppress(HostUnknownOutcome):
            open_incident(second.inbox_id, work)

    assert_whole(first, host, database)
    assert_whole(replace(second, incident=database.delivery(second.inbox_id).incident), host, database)
    assert 2 == len(host.tickets)


# Readers --------------------------------------------------------------------------------------------


def test_who_may_be_meant_is_no_reader(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Miriam"))

    open_incident(receipt.inbox_id, work)

    assert ["robert"] == list(database.readers(receipt.incident))


def test_without_a_member_the_recovery_key_reads(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Miriam or Robert"))

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert [] == list(database.readers(receipt.incident))
    assert ("paper@board.example.org",) == notice(receipt.inbox_id, receipt.incident, None, work).addresses


def test_without_any_reader_nothing_is_sealed_away(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, team: Team
) -> None:
    team.on_duty, team.recovery = set(), []
    receipt = take_in()

    with pytest.raises(NoReaders):
        open_incident(receipt.inbox_id, work)

    assert [] == host.tickets
    assert database.delivery(receipt.inbox_id).report is not None
    team.on_duty = {"robert"}
    open_incident(receipt.inbox_id, work)
    assert_whole(receipt, host, database)


# The text that is sealed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    [
        Report(
            datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
            verbatim=Untrusted("{ not json\n? a forged question\r\n\x00"),
        ),
        Report(None, other=(Answer("q", Untrusted("two\nlines"), Untrusted("\ud800 half a pair \udfff")),)),
        Report(None, other=(Answer("q", Untrusted(""), Untrusted("x" * 120_000)),)),
        Report(None),
    ],
    ids=["verbatim", "surrogates", "long", "empty"],
)
def test_every_report_can_be_sealed(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, report: Report
) -> None:
    receipt = take_in(report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


# What members are told ------------------------------------------------------------------------------


def test_a_notice_holds_nothing_of_the_report(
    take_in: Intake, work: Casework, make_report: Callable[..., Report], canary: str
) -> None:
    receipt = take_in(make_report(subject=canary, do_not_show="no"))
    parked = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)
    open_incident(receipt.inbox_id, work)
    done = notice(receipt.inbox_id, receipt.incident, None, work)

    assert canary not in f"{parked}{done}"
    assert ("robert@team.example.org", "miriam@team.example.org") == parked.addresses == done.addresses
    assert "The host is away." in parked.text
    assert receipt.inbox_id in parked.text
    assert f"coc diary read {work.store.incident(receipt.incident).code_name}" in done.text


def test_who_may_be_meant_is_not_told(
    take_in: Intake, work: Casework, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Robert"))
    parked = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)
    open_incident(receipt.inbox_id, work)

    assert (
        ("miriam@team.example.org",)
        == parked.addresses
        == notice(receipt.inbox_id, receipt.incident, None, work).addresses
    )


def test_a_reader_who_left_the_roster_is_not_told(take_in: Intake, work: Casework, team: Team) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    team.members = team.members[1:]

    assert ("miriam@team.example.org",) == notice(receipt.inbox_id, receipt.incident, None, work).addresses


def test_an_unreadable_delivery_asks_for_the_form_to_be_checked(take_in: Intake, work: Casework) -> None:
    receipt = take_in(Report(None, verbatim=Untrusted("{")))

    assert "The form 'form' sent something" in notice(receipt.inbox_id, receipt.incident, None, work).text


def test_the_subject_does_not_tell_that_only_a_recovery_key_opens(
    take_in: Intake, work: Casework, make_report: Callable[..., Report]
) -> None:
    ordinary, nobody = take_in(), take_in(make_report(subject="Robert and Miriam"))
    subjects = []
    for receipt in (ordinary, nobody):
        open_incident(receipt.inbox_id, work)
        told = notice(receipt.inbox_id, receipt.incident, None, work)
        subjects.append(told.subject.partition(": ")[2])

    assert ("paper@board.example.org",) == told.addresses
    assert "recovery key" in told.text
    assert ["a report has come in"] * 2 == subjects


def swapped(database: Database, one: str, two: str) -> None:
    """Give a delivery the sealed report of another."""
    with database._engine.begin() as connection:
        sealed = connection.scalar(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == two))
        connection.execute(t.inbox.update().where(t.inbox.c.id == one).values(sealed_report=sealed))


def test_about_a_report_that_does_not_open_the_recovery_keys_holders_are_told(
    take_in: Intake, work: Casework, database: Database, team: Team
) -> None:
    receipt, other = take_in(), take_in()
    swapped(database, receipt.inbox_id, other.inbox_id)

    told = notice(receipt.inbox_id, receipt.incident, "It was moved.", work)
    team.recovery = []

    assert ("paper@board.example.org",) == told.addresses
    assert "cannot find out whom the report could mean" in told.text
    assert () == notice(receipt.inbox_id, receipt.incident, "It was moved.", work).addresses


def test_a_mistake_of_ours_does_not_keep_everybody_from_being_told(
    take_in: Intake, work: Casework, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()

    def fail(_report: object, _roster: object) -> None:
        raise KeyError(canary)

    monkeypatch.setattr(notices, "first_readers", fail)

    told = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)

    assert ("paper@board.example.org",) == told.addresses
    assert canary not in told.text


def test_while_the_database_is_away_nobody_else_is_told_instead(
    take_in: Intake, work: Casework, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()

    def away(_inbox_id: str) -> None:
        raise StoreError("The database had trouble.")

    monkeypatch.setattr(database, "delivery", away)

    with pytest.raises(StoreError):
        notice(receipt.inbox_id, receipt.incident, "The host is away.", work)


# A ticket was deleted -------------------------------------------------------------------------------


def ticket_without_diary(receipt: Receipt, host: MemoryHost, work: Casework) -> None:
    host.stubborn_fields = True
    with pytest.raises(HostNotRestricted):
        open_incident(receipt.inbox_id, work)
    host.stubborn_fields = False


@both
def test_a_report_whose_ticket_was_deleted_too_early_gets_a_new_one(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)
    host.tickets.clear()
    with pytest.raises(HostGone):
        open_incident(receipt.inbox_id, work)

    reopen(receipt.inbox_id, work)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_a_ticket_that_is_there_is_not_forgotten(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)

    with pytest.raises(WriteRefused, match="still there"):
        reopen(receipt.inbox_id, work)

    assert database.ticket(receipt.incident).ref is not None


def test_a_host_that_does_not_say_makes_nothing_forgotten(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)

    def away(_call: str) -> None:
        raise HostUnavailable("The host is away.")

    host.trouble = away

    with pytest.raises(HostUnavailable):
        reopen(receipt.inbox_id, work)

    assert database.ticket(receipt.incident).ref is not None


def test_what_has_no_ticket_has_none_to_forget(take_in: Intake, work: Casework) -> None:
    with pytest.raises(WriteRefused, match="No ticket"):
        reopen(take_in().inbox_id, work)


def test_once_there_is_a_diary_its_members_restore_it(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="more"), submission="s1")
    host.tickets.clear()

    for receipt in (first, second):
        with pytest.raises(WriteRefused, match="coc diary restore"):
            reopen(receipt.inbox_id, work)

    assert database.ticket(first.incident).ref is not None


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (HostUnavailable("x"), True),
        (HostLimited("x"), True),
        (HostUnknownOutcome("x"), True),
        (StoreError("x"), True),
        (HostRefused("x"), False),
        (HostNotRestricted("x"), False),
        (NoReaders("x"), False),
        (ConfigError("x", []), False),
        (KeyError("x"), False),
    ],
)
def test_what_passes_by_itself_is_tried_again(error: Exception, again: bool) -> None:  # noqa: FBT001 - the expectation
    assert again is is_retryable(error)

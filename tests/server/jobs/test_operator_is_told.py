"""When nobody on the team can be told, the operator is, and learns nothing of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.errors import NotifyError, StoreError
from tests.server.conftest import alone_on
from tests.server.jobs.conftest import OPERATOR, FakeEngine
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store.database import Database
from webhook_server.store.locks import Locks
from webhook_server.store.sealed import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told


def test_the_operator_is_told_when_no_member_can_be(
    watched: Dispatcher, take_in: Intake, make_report: Callable[..., Report], team: Team, work: Casework,
    database: Database, told: Told, clock: SetClock,
) -> None:  # fmt: skip
    team.recovery = []
    receipt = take_in(make_report(subject="Robert and Miriam"))
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    watched.turn()
    watched.turn()
    clock.forward(hours=24)
    watched.turn()

    assert 2 == len(told.mails)
    addresses, subject, text = told.mails[0]
    assert ((OPERATOR,), "A report waits, and nobody on the team could be told") == (addresses, subject)
    assert "coc-server jobs list" in text
    assert receipt.inbox_id in text
    assert database.job(receipt.inbox_id).code_name not in subject + text


def test_the_operator_is_told_of_a_diary_whose_readers_have_all_left(
    watched: Dispatcher, take_in: Intake, team: Team, work: Casework, database: Database, told: Told
) -> None:
    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    team.members, team.recovery = [], []

    watched.turn()
    watched.turn()

    assert [((OPERATOR,), "A report has come in, and nobody on the team could be told")] == [
        mail[:2] for mail in told.mails
    ]


def test_with_another_root_key_the_recovery_keys_holders_are_told(
    take_in: Intake, work: Casework, database: Database, engine: FakeEngine, told: Told
) -> None:
    receipt = take_in()
    other = Database(database._engine, Sealer(bytes(32)), database._inbox_keys)
    work = replace(work, store=other)
    attempt(receipt.inbox_id, work, other, Locks(other._engine))
    other.job_failed(
        other.job(receipt.inbox_id),
        parked=True,
        code="does-not-open",
        reason="Another key.",
        due_at=work.clock.now(),
    )

    Dispatcher(work=work, jobs=other, engine=engine, notifier=told, fellows=alone_on(other)).turn()  # type: ignore[arg-type]  # what it needs of an engine

    (mail,) = told.mails
    assert ("paper@board.example.org",) == mail[0]
    assert "Another key." in mail[2]
    assert "cannot find out whom the report could mean" in mail[2]


def test_the_operator_hears_that_members_cannot_be_mailed(
    watched: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    tell = told.tell

    def refusing(addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        if tuple(addresses) != (OPERATOR,):
            raise NotifyError("The mail server refused every address.")
        return tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", refusing)

    for _ in range(4):
        watched.turn()

    (mail,) = told.mails
    assert "takes no notice for members" in mail[2]


def who_leads_is_not_known() -> bool:
    raise StoreError("The database is away.")


@pytest.mark.parametrize("leads", [who_leads_is_not_known, lambda: False])
def test_an_alert_needs_neither_a_database_nor_the_lead(
    watched: Dispatcher, told: Told, leads: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched._fellows, "leads", leads)
    watched.alert("form", "intake")

    watched.turn()

    (mail,) = told.mails
    assert (OPERATOR,) == mail[0]
    assert "could not be stored" in mail[2]


def test_the_operator_is_told_what_to_do_about_a_root_key_file_that_is_not_taken(
    watched: Dispatcher, told: Told
) -> None:
    watched.alert("", "root-key")

    watched.turn()

    (mail,) = told.mails
    assert (OPERATOR,) == mail[0]
    assert "Put the right root.key back before you stop the server" in mail[2]

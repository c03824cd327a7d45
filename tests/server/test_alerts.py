"""Whoever can mend it hears that reports are refused; no stranger fills a mailbox; nothing but code names is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import NotifyError
from webhook_server.alerts import Alerts

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.mail import Told

OPERATOR = "operator@example.org"


def member(name: str, *, on_duty: bool) -> SimpleNamespace:
    return SimpleNamespace(email=f"{name}@team.example.org", on_duty=on_duty)


def roster() -> Any:  # noqa: ANN401 - what is needed of one
    return SimpleNamespace(members=(member("miriam", on_duty=True), member("robert", on_duty=False)))


@pytest.fixture
def alerts(told: Told, clock: SetClock) -> Alerts:
    return Alerts(roster=roster, clock=clock, notifier=told, operator=OPERATOR)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("intake", "could not be stored"),
        ("unauthenticated", "does not prove that it comes from the form tool"),
        ("too-large", "over 2 MB"),
        ("not-received", "had not come whole"),
        ("stale-delivery", "rightly signed"),
        ("unreadable-submission", "does not understand"),
        ("question-missing", "lacks a question"),
    ],
)
def test_each_refusal_names_the_form_and_what_to_do_and_is_told_at_once(
    alerts: Alerts, told: Told, code: str, said: str
) -> None:
    alerts.note("paper", code)
    alerts.send()

    ((addresses, subject, text),) = told.mails
    assert ((OPERATOR,), "coc-mirror: the server needs a look") == (addresses, subject)
    assert "'paper'" in text
    assert said in text


@pytest.mark.parametrize(
    ("code", "hours"),
    [
        ("intake", 1),
        ("stale-delivery", 1),
        ("unreadable-submission", 1),
        ("question-missing", 1),
        ("notify", 1),
        ("unauthenticated", 24),
        ("too-large", 24),
        ("not-received", 24),
    ],
)
def test_the_next_mail_comes_after_an_hour_and_about_what_strangers_can_do_after_a_day(
    alerts: Alerts, told: Told, clock: SetClock, code: str, hours: int
) -> None:
    for _ in range(3):
        alerts.note("paper", code)
        alerts.send()
    clock.forward(hours=hours, seconds=-1)
    alerts.note("paper", code)
    alerts.send()
    assert 1 == len(told.mails)

    clock.forward(seconds=1)
    alerts.send()
    alerts.send()

    assert 2 == len(told.mails)


def test_thousands_of_refusals_are_one_mail_and_one_line_of_the_log(
    alerts: Alerts, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5000):
        alerts.note("paper", "unauthenticated")
    alerts.send()

    assert 1 == len(told.mails)
    assert 1 == caplog.text.count("event=source-alert source=paper code=unauthenticated")


def test_a_strangers_rubbish_keeps_back_no_other_alert_and_no_other_forms(alerts: Alerts, told: Told) -> None:
    alerts.note("paper", "unauthenticated")
    alerts.send()

    alerts.note("paper", "intake")
    alerts.note("web", "unauthenticated")
    alerts.send()

    assert 3 == len(told.mails)
    assert ["'paper'" in text for _, _, text in told.mails] == [True, True, False]


def test_what_is_to_be_told_of_one_form_is_one_mail(alerts: Alerts, told: Told) -> None:
    alerts.note("paper", "intake")
    alerts.note("paper", "stale-delivery")
    alerts.send()

    ((_, _, text),) = told.mails
    assert "could not be stored" in text
    assert "rightly signed" in text


@pytest.mark.parametrize("trouble", [NotifyError("away"), OSError("canary-of-a-text")])
def test_what_could_not_be_sent_is_sent_a_minute_later_and_its_trouble_is_not_shown(
    alerts: Alerts, told: Told, clock: SetClock, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    told.trouble = trouble
    alerts.note("paper", "intake")
    alerts.send()
    told.trouble = None

    alerts.send()
    assert [] == told.mails, "it waits for a minute"
    clock.forward(minutes=1)
    alerts.send()
    alerts.send()

    assert 1 == len(told.mails)
    assert f"event=alert-failed error={type(trouble).__name__}" in caplog.text
    assert "canary" not in caplog.text


def test_a_clock_that_is_put_back_delays_no_alert(alerts: Alerts, told: Told, clock: SetClock) -> None:
    clock.forward(days=3000)
    alerts.note("paper", "intake")
    alerts.send()
    clock.forward(days=-3000)

    alerts.note("paper", "intake")
    alerts.send()

    assert 2 == len(told.mails)


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        ("intake", True),
        ("unauthenticated", True),
        ("too-large", True),
        ("not-received", True),
        ("stale-delivery", True),
        ("unreadable-submission", False),
        ("question-missing", True),
        ("notify", False),
    ],
)
def test_without_an_operator_members_on_duty_hear_of_what_no_notice_about_a_report_says(
    told: Told, clock: SetClock, code: str, *, is_told: bool
) -> None:
    alerts = Alerts(roster=roster, clock=clock, notifier=told, operator=None)
    alerts.note("paper", code)
    alerts.send()

    assert ([("miriam@team.example.org",)] if is_told else []) == [to for to, _, _ in told.mails]


def test_a_roster_that_cannot_be_read_keeps_the_alert_for_later(told: Told, clock: SetClock) -> None:
    away = [True]

    def sometimes() -> Any:  # noqa: ANN401 - what is needed of one
        if away:
            raise OSError
        return roster()

    alerts = Alerts(roster=sometimes, clock=clock, notifier=told, operator=None)
    alerts.note("paper", "intake")
    alerts.send()
    away.clear()
    clock.forward(minutes=1)
    alerts.send()

    assert 1 == len(told.mails)

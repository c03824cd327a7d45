"""What is done about a delivery that the server's door turned away before it had come whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook_server.intake.not_received import not_received

if TYPE_CHECKING:
    from collections.abc import Callable


class Heard:
    """Keeps what was told and counted."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, str]] = []
        self.counted: list[str] = []
        self.tell: Callable[[str, int], None] = not_received({"form"}, self._alert, self.counted.append)

    def _alert(self, source: str, code: str) -> None:
        self.alerts.append((source, code))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_delivery_that_was_turned_away_is_logged_counted_and_told(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    heard.tell("/in/form", 1234)

    assert ["event=intake source=form outcome=not-received size=1234"] == caplog.messages
    assert ["not-received"] == heard.counted
    assert [("form", "not-received")] == heard.alerts


@pytest.mark.parametrize("path", ["/in/nobody", "/in/", "/in/form/more", "/in/Noah did it\n"])
def test_of_an_unknown_form_nobody_is_told_and_its_name_is_not_logged(
    heard: Heard, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    heard.tell(path, 7)

    assert ["event=intake source=unknown outcome=not-received size=7"] == caplog.messages
    assert ["unknown-source"] == heard.counted
    assert [] == heard.alerts


@pytest.mark.parametrize("path", ["/from/space", "/api/v1/incidents", "/", "/inform", ""])
def test_what_is_no_delivery_is_not_taken_for_one(
    heard: Heard, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    heard.tell(path, 7)

    assert ([], [], []) == (heard.counted, heard.alerts, caplog.messages)


def test_an_alert_that_fails_is_a_line_in_the_log_and_reaches_no_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_source: str, _code: str) -> None:
        raise RuntimeError("Noah did it")

    not_received({"form"}, fail, lambda _outcome: None)("/in/form", 7)

    assert "event=alert-failed source=form code=not-received error=RuntimeError" == caplog.messages[1]
    assert "Noah" not in caplog.text

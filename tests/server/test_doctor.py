"""The doctor says PASS only of what it looked at, and names what to do about the rest."""

from __future__ import annotations

import socket
from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
import responses
from click.testing import CliRunner

from integration.checks import Check, Outcome
from integration.errors import ConfigError
from integration.incident import SpaceName
from tests.conftest import SetClock
from tests.server.memory_host import MemoryHost
from webhook_server import doctor
from webhook_server.admin_login import read_login
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.notify import MailSettings
from webhook_server.store.audiences import Audiences
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from integration.audience import Audience
    from tests.server.mail import MailServer

ORIGIN = "https://coc.example.org"
HOST = "https://api.github.com"


def outcome(check: Check) -> Outcome:
    assert bool(check.next_step) is (check.outcome is not Outcome.PASS)
    return check.outcome


# The public address ---------------------------------------------------------------------------------


@responses.activate
def test_the_public_address_must_answer_as_the_service_does() -> None:
    responses.get(f"{ORIGIN}/health/live", body="ok\n")
    assert Outcome.PASS is outcome(doctor._address(ORIGIN))


@responses.activate
@pytest.mark.parametrize(
    "answer",
    [{"body": "<html>Welcome to nginx</html>"}, {"status": 502}, {"status": 301, "body": "ok\n"}],
)
def test_another_answer_on_the_public_address_is_a_failure(answer: dict[str, str | int]) -> None:
    responses.get(f"{ORIGIN}/health/live", **answer)
    assert Outcome.FAIL is outcome(doctor._address(ORIGIN))


@responses.activate
def test_an_address_that_gives_no_answer_is_a_failure() -> None:
    assert Outcome.FAIL is outcome(doctor._address(ORIGIN))


@responses.activate
def test_an_address_on_this_machine_without_https_is_never_a_pass() -> None:
    responses.get("http://127.0.0.1:8800/health/live", body="ok\n")
    assert Outcome.UNKNOWN is outcome(doctor._address("http://127.0.0.1:8800"))


# Clocks ---------------------------------------------------------------------------------------------


def clocks(ours: datetime, theirs: str | None) -> Outcome:
    responses.get(HOST, headers={"Date": theirs} if theirs is not None else {}, status=404)
    return outcome(doctor._clock("conduct", HOST, SetClock(ours)))  # type: ignore[arg-type]


@responses.activate
@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, Outcome.PASS), (-59, Outcome.PASS), (61, Outcome.FAIL), (-61, Outcome.FAIL)]
)
def test_a_clock_that_is_off_by_over_a_minute_is_a_failure(
    clock: SetClock, seconds: int, expected: Outcome
) -> None:
    theirs = format_datetime(clock.now(), usegmt=True)
    clock.forward(seconds=seconds)
    assert expected is clocks(clock.now(), theirs)


@responses.activate
@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_host_that_does_not_tell_its_time_is_no_pass(clock: SetClock, date: str | None) -> None:
    assert Outcome.UNKNOWN is clocks(clock.now(), date)


# Mail, keys, credentials ----------------------------------------------------------------------------


def mail(port: int) -> MailSettings:
    return MailSettings("127.0.0.1", port, "conduct@example.org", starttls=False)


def test_a_mail_server_that_answers_passes_and_gets_no_mail(mail_server: MailServer) -> None:
    assert Outcome.PASS is outcome(doctor._mail(mail(mail_server.server_address[1])))
    assert [] == mail_server.mails


def test_a_mail_server_that_is_away_or_not_configured_is_a_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert Outcome.FAIL is outcome(doctor._mail(mail(port)))
    assert Outcome.FAIL is outcome(doctor._mail(None))


@pytest.mark.parametrize(("host", "password"), [("127.0.0.1", "pässwort"), ("mail..example.org", "x")])
def test_mail_settings_that_smtp_cannot_say_are_a_failure(
    mail_server: MailServer, host: str, password: str
) -> None:
    settings = replace(mail(mail_server.port), host=host, user="coc", password=password)

    assert Outcome.FAIL is outcome(doctor._mail(settings))


def test_a_check_that_breaks_is_a_failure_and_the_others_are_made(
    filled_in: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_mail: MailSettings | None) -> Check:
        raise LookupError("secret-canary")

    monkeypatch.setattr(doctor, "_mail", breaks)
    config = load_config(filled_in)
    sql = make_engine(config.database_url)

    found = {one.key: one for one in doctor.server_checks(config, (), sql, clock)}
    sql.dispose()

    assert ["roster", "database", "inbox-keys", "mail", "address"] == list(found)
    assert Outcome.FAIL is outcome(found["mail"])
    assert "LookupError" in found["mail"].what
    assert "canary" not in found["mail"].what


def test_a_host_whose_checks_break_is_a_failure_and_an_admin_still_proves(
    filled_in: Path, clock: SetClock
) -> None:
    """No report is written before an admin proved, so nothing beside that may keep them from it."""
    config = load_config(filled_in)
    sql = make_engine(config.database_url)
    migrate(sql)
    settings, host = config.spaces[SpaceName("conduct")], MemoryHost(clock)

    class Breaks:
        def checks(self) -> Iterator[Check]:
            yield Check("first", Outcome.PASS, "it holds")
            raise LookupError("secret-canary")

        def admin_audience(self) -> Audience | None:
            return host.audience()

    found = list(doctor.space_checks(host, Breaks(), settings, config, Audiences(sql), clock))
    sql.dispose()

    assert [Outcome.PASS, Outcome.PASS, Outcome.FAIL, Outcome.PASS] == [outcome(one) for one in found]
    assert "canary" not in found[2].what


def test_a_folder_of_keys_that_others_can_open_is_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "inbox-keys"
    assert Outcome.UNKNOWN is outcome(doctor._inbox_keys(folder))
    folder.mkdir(mode=0o700)
    assert Outcome.PASS is outcome(doctor._inbox_keys(folder))
    folder.chmod(0o750)
    assert Outcome.FAIL is outcome(doctor._inbox_keys(folder))


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret", encoding="ascii")
    file.chmod(0o604)

    with pytest.raises(Exception, match="chmod 600"):
        read_login("admin", file, "")
    file.chmod(0o600)
    login = read_login("admin", file, " olga@example.org ")
    assert login is not None
    assert ("secret", "olga@example.org") == (login.token, login.email)
    assert "secret" not in repr(login)


def test_a_token_file_with_more_than_a_token_is_refused_without_showing_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("\ufefftoken-canary", encoding="utf-8")

    with pytest.raises(ConfigError, match="begins with a byte order mark") as raised:
        read_login("admin", file, "")
    assert str(file) in str(raised.value)
    assert "canary" not in str(raised.value)


def test_mistakes_in_the_configuration_are_each_a_failure(tmp_path: Path) -> None:
    (tmp_path / "coc-server.toml").write_text("[server]\n[spaces]\n", encoding="utf-8")

    found = CliRunner().invoke(main, ["doctor", "--config", str(tmp_path / "coc-server.toml")])

    assert 1 == found.exit_code
    assert found.output.count("FAIL     configuration") > 1

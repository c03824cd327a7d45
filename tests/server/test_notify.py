"""Members get a mail each, without content; a mail server's refusal shows nothing."""

from __future__ import annotations

import socket
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

from integration.errors import NotifyError
from webhook_server.notify import LogNotifier, MailNotifier, MailSettings

if TYPE_CHECKING:
    from tests.server.mail import MailServer

TO = ("robert@team.example.org", "miriam@team.example.org")


THREE = (*TO, "odile@team.example.org")


def notifier(server: MailServer, *, starttls: bool = False, login: bool = False) -> MailNotifier:
    return MailNotifier(
        MailSettings(
            host="127.0.0.1",
            port=server.port,
            sender="conduct@example.org",
            starttls=starttls,
            user="coc" if login else None,
            password="secret-canary" if login else None,
        )
    )


def who_got(server: MailServer) -> list[str]:
    return [address for _, to, _ in server.mails for address in to]


def test_each_member_gets_a_mail_of_their_own(mail_server: MailServer) -> None:
    notifier(mail_server).tell(
        TO, subject="BLUE-JAY-27: a report has come in", text="Read it at your desk.\n"
    )

    assert [[TO[0]], [TO[1]]] == [to for _, to, _ in mail_server.mails]
    for (sender, to, raw), other in zip(mail_server.mails, reversed(TO), strict=True):
        mail = message_from_string(raw)
        assert "conduct@example.org" in sender
        assert (to[0], "conduct@example.org") == (mail["To"], mail["From"])
        assert "BLUE-JAY-27: a report has come in" == mail["Subject"]
        assert "auto-generated" == mail["Auto-Submitted"]
        assert mail["Message-ID"].endswith("@example.org>")
        assert "Read it at your desk." == str(mail.get_payload()).strip()
        assert other not in raw


def test_two_mails_have_two_ids(mail_server: MailServer) -> None:
    notifier(mail_server).tell(TO, subject="s", text="t")

    first, second = (message_from_string(raw)["Message-ID"] for _, _, raw in mail_server.mails)
    assert first != second


def test_a_refused_address_does_not_keep_others_from_their_mail(
    mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.refuses = {TO[0]}

    assert [TO[0]] == notifier(mail_server).tell(TO, subject="s", text="t")

    assert [[TO[1]]] == [to for _, to, _ in mail_server.mails]
    assert "event=addresses-refused count=1 of=2" in caplog.text
    assert TO[0] not in caplog.text


@pytest.mark.parametrize("mails", [1, 2])
def test_a_mail_server_that_ends_the_session_after_some_mails_gets_the_others_in_another(
    mail_server: MailServer, mails: int
) -> None:
    mail_server.mails_of_a_session = mails

    notifier(mail_server, login=True).tell(THREE, subject="s", text="t")

    assert [*THREE] == who_got(mail_server)
    assert 4 - mails == len(mail_server.logins)


def test_a_mail_on_which_the_mail_server_hangs_up_keeps_no_other_back(
    mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.hangs_up_on = {THREE[1]}

    notifier(mail_server).tell(THREE, subject="s", text="t")

    assert [THREE[0], THREE[2]] == who_got(mail_server)
    assert "event=addresses-refused count=1 of=3" in caplog.text


def test_a_notice_that_some_took_counts_as_sent(mail_server: MailServer) -> None:
    mail_server.mails_of_a_session = mail_server.closes_after = 1

    left = notifier(mail_server).tell(THREE, subject="s", text="t")

    assert [THREE[0]] == who_got(mail_server)
    assert [*THREE[1:]] == left


def test_a_mail_server_that_ends_each_session_at_once_is_left_alone(mail_server: MailServer) -> None:
    mail_server.mails_of_a_session = 0

    with pytest.raises(NotifyError, match="did not take a notice"):
        notifier(mail_server).tell([*THREE, "a@team.example.org"], subject="s", text="t")

    assert 2 == mail_server.commands.count("MAIL")


def test_if_every_address_is_refused_nobody_was_told(mail_server: MailServer) -> None:
    mail_server.refuses = set(TO)

    with pytest.raises(NotifyError) as raised:
        notifier(mail_server).tell(TO, subject="s", text="t")

    assert [] == [address for address in TO if address in str(raised.value)]


def test_nobody_to_tell_is_said(mail_server: MailServer) -> None:
    with pytest.raises(NotifyError, match="nobody to tell"):
        notifier(mail_server).tell((), subject="s", text="t")

    assert [] == mail_server.commands


def test_a_mail_server_that_is_away_is_said_without_its_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = MailSettings("127.0.0.1", free.getsockname()[1], "c@example.org", starttls=False)

        with pytest.raises(NotifyError, match=r"did not take a notice \(ConnectionRefusedError\)") as raised:
            MailNotifier(settings).tell(TO, subject="s", text="t")

    assert raised.value.__context__ is None


@pytest.mark.parametrize(("host", "password"), [("127.0.0.1", "pässwort"), ("mail..example.org", "x")])
def test_settings_that_smtp_cannot_say_are_a_notice_that_was_not_sent(
    mail_server: MailServer, host: str, password: str
) -> None:
    settings = MailSettings(
        host, mail_server.port, "c@example.org", starttls=False, user="coc", password=password
    )

    with pytest.raises(NotifyError, match=r"did not take a notice \(Unicode"):
        MailNotifier(settings).tell(TO, subject="s", text="t")


def test_without_starttls_no_mail_is_sent_that_should_be_encrypted(mail_server: MailServer) -> None:
    with pytest.raises(NotifyError, match="SMTPNotSupportedError"):
        notifier(mail_server, starttls=True).tell(TO, subject="s", text="t")

    assert [] == mail_server.mails


def test_a_user_is_logged_in(mail_server: MailServer) -> None:
    notifier(mail_server, login=True).tell(TO[:1], subject="s", text="t")

    assert ["AHNjb2M" not in mail_server.logins, 1] == [True, len(mail_server.logins)]
    assert "AUTH" in mail_server.commands


def test_the_password_is_not_shown() -> None:
    settings = MailSettings(
        "127.0.0.1", 25, "c@example.org", starttls=False, user="coc", password="secret-canary"
    )

    assert "secret-canary" not in repr(settings)


def test_an_address_that_the_server_cannot_take_does_not_stop_the_others(mail_server: MailServer) -> None:
    notifier(mail_server).tell(("jörg@team.example.org", TO[1]), subject="s", text="t")

    assert [[TO[1]]] == [to for _, to, _ in mail_server.mails]


def test_without_a_mail_server_the_log_gets_the_code_name_only(caplog: pytest.LogCaptureFixture) -> None:
    LogNotifier().tell(TO, subject="BLUE-JAY-27: a report has come in", text="canary-text")

    assert "event=notice-without-mail incident=BLUE-JAY-27 count=2" in caplog.text
    assert "canary" not in caplog.text
    assert TO[0] not in caplog.text

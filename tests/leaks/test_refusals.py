"""Reports that are refused: whoever can mend it is told, and nothing of a report or of a stranger's rubbish is in it."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from sandbox.form import QUESTIONS
from webhook_server.cli import main as coc_server
from webhook_server.door import make_door
from webhook_server.receiving import Bodies

if TYPE_CHECKING:
    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import Server
    from tests.leaks.conftest import Canary


def answers(canary: Canary) -> dict[str, str]:
    typed = {ref: canary.text(ref) for ref in QUESTIONS if ref not in {"not_for", "what_is_it"}}
    return {**typed, "what_is_it": "Somebody broke the Code of Conduct", "not_for": "nobody"}


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        ("no key", 503, b"could not be stored"),
        ("garbage", 503, b"could not be stored"),
        ("no proof", 401, b"does not prove"),
        ("too large", 413, b"over 2 MB"),
    ],
)
def test_a_refused_report_is_told_without_a_word_of_it(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, trouble: str, status: int,
    said: bytes,
) -> None:  # fmt: skip
    world = server.world
    body, headers = world.delivery(answers(canary))
    if trouble == "no key":
        (world.folder / "inbox-keys").touch()
    elif trouble == "garbage":
        server.parts.database.close()
        for file in world.folder.glob("coc.sqlite*"):
            file.unlink()
        (world.folder / "coc.sqlite").write_bytes(b"no database" * 1000)
    elif trouble == "no proof":
        headers = {**headers, "Typeform-Signature": canary.text("proof").encode().hex()}
    else:
        body += b" " * 2_000_000
    client = server.parts.app.test_client()

    answer = client.post("/in/form-jira", data=body, headers=headers)
    server.parts.dispatcher.turn()

    assert (answer.status_code, answer.data) == (status, b"")
    assert box.mails
    for _address, mail in box.mails:
        assert said in mail
        assert b"form-jira" in mail
        assert [] == canary.found_in("a mail", mail)
    shown = client.get("/health/ready").data
    shown += CliRunner().invoke(coc_server, ["status", "--config", str(world.config_path)]).output.encode()
    assert [] == canary.found_in("a page or the status", shown)
    assert [] == canary.found_in("the log", caplog.text.encode())
    for path in world.folder.rglob("*"):
        if path.is_file():
            assert [] == canary.found_in(path.name, path.read_bytes())


def test_a_strangers_name_for_a_form_is_told_to_nobody(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    name = canary.text("name").encode().hex()

    answer = server.parts.app.test_client().post(f"/in/{name}", data=canary.text("body").encode())
    server.parts.dispatcher.turn()

    assert answer.status_code == 401
    assert box.mails == []
    assert [] == canary.found_in("the log", caplog.text.encode())


def test_a_report_that_did_not_come_whole_is_told_without_a_word_of_it(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    body, _headers = server.world.delivery(answers(canary))
    door: Any = make_door(
        server.parts.app, "127.0.0.1", 0,
        turned_away=server.parts.turned_away, bodies=Bodies(others=len(body) // 2),
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", int(door.effective_port)), timeout=60) as peer:
        peer.sendall(
            f"POST /in/form-jira HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        peer.settimeout(0.01)
        answer = b""
        while not answer:
            door.asyncore.loop(timeout=0.01, map=door._map, count=1, use_poll=True)
            with suppress(TimeoutError):
                answer = peer.recv(10_000)
    door.task_dispatcher.shutdown()
    door.asyncore.close_all(door._map)
    server.parts.dispatcher.turn()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert box.mails
    for _to, mail in box.mails:
        assert b"form-jira" in mail
        assert b"had not come whole" in mail
        assert [] == canary.found_in("a mail", mail)
    for what, shown in (("the answer", answer), ("the log", caplog.text.encode())):
        assert [] == canary.found_in(what, shown)

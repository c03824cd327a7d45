"""A report that does not open is told, given up, and sent again: nothing of it shows on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from sandbox.form import QUESTIONS
from webhook_server.cli import main as coc_server
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    import pytest

    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import Server
    from tests.leaks.conftest import Canary


def test_of_a_report_that_is_given_up_and_sent_again_nothing_shows(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    said = {ref: canary.text(ref) for ref in QUESTIONS if ref not in {"not_for", "what_is_it"}}
    answers = {**said, "what_is_it": "Somebody broke the Code of Conduct", "not_for": "nobody"}
    world, database = server.world, server.parts.database
    inbox_id = server.report("github", answers, token="the-same")
    for key in (world.folder / "inbox-keys").iterdir():
        key.unlink()
    shown = ""

    def tried() -> str:
        return attempt(inbox_id, server.parts.work, database, Locks(database._engine))

    def coc(*arguments: str) -> str:
        config = ["--config", str(world.config_path)]
        return CliRunner().invoke(coc_server, [*arguments, *config], input="y\n").output

    assert "does-not-open" == tried()
    server.parts.dispatcher.tell_members()
    for command in (["list"], ["explain", inbox_id], ["give-up", inbox_id], ["explain", inbox_id]):
        shown += coc("jobs", *command)
    server.parts.dispatcher.tell_members()
    assert "It is given up" in shown
    assert 2 == len({mail for _, mail in box.mails})

    body, headers = world.delivery(answers, token="the-same")
    assert (
        200 == server.parts.app.test_client().post("/in/form-github", data=body, headers=headers).status_code
    )
    assert "event=report-kept-anew" in caplog.text
    found = [one for file in world.folder.rglob("*") if file.is_file()
             for one in canary.found_in(file.name, file.read_bytes())]  # fmt: skip
    assert "done" == tried()

    for where, what in (
        ("commands", shown.encode()),
        ("mails", b"".join(mail for _, mail in box.mails)),
        ("log", caplog.text.encode()),
        ("GitHub", world.github.text_of_everything()),
    ):
        found += canary.found_in(where, what)
    assert [] == found

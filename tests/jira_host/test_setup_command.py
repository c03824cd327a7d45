"""``coc-server setup jira``: shows first, carries out on request, keeps the secret in one file and the token nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.diary.keys import generate_identity
from integration.roster_chain import NAMESPACE
from integration.roster_files import signature_path
from sandbox.wire import Fault
from tests.jira_host.bureau import BOT, HOOK_PATH
from webhook_server.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from integration.diary.keys import Identity
    from tests.jira_host.bureau import Bureau

CANARY = "cAnArY-93d1c0f7a2be4d55b8"
TOKEN = "token-of-acc-sam"


@pytest.fixture(scope="module")
def members() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in ("Heron", "Wren")}


@pytest.fixture
def roster(tmp_path: Path, members: dict[str, Identity]) -> Path:
    """A roster that both of its members signed."""
    path = tmp_path / "roster.toml"
    lines = ["version = 1", "serial = 1", 'previous = ""']
    for alias, identity in members.items():
        lines += [
            "[[members]]",
            f'alias = "{alias}"',
            f'recipient = "{identity.recipient}"',
            f'signing_key = "{identity.signing_key}"',
            f'email = "{alias}@team.example"',
            "on_duty = true",
            "names = []",
            "handles = []",
            f'accounts = {{ jira = "acc-{alias.lower()}" }}',
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
    for alias, identity in members.items():
        signature_path(path, alias).write_text(identity.sign(NAMESPACE, path.read_bytes()), encoding="ascii")
    return path


def run(
    bureau: Bureau, roster: Path, *more: str, token: str = TOKEN, hook: bool = True, asked: str | None = None
) -> Result:
    secret: Sequence[str] = (
        ("--hook-url", bureau.url + HOOK_PATH, "--hook-secret-file", str(roster.with_name("hook.secret")))
        if hook
        else ()
    )
    arguments = [
        *("setup", "jira", "conduct", "--site", bureau.url, "--project", "COC"),
        *("--admin-email", "acc-sam@acme.example", "--bot-email", f"{BOT}@acme.example"),
        *("--roster", str(roster), *secret, *more),
    ]
    return CliRunner().invoke(main, arguments, env={"COC_ADMIN_TOKEN": token}, input=asked)


def test_without_apply_the_plan_is_shown_and_nothing_is_made(fresh: Bureau, roster: Path) -> None:
    result = run(fresh, roster)

    assert result.exit_code == 0
    assert " 23. make the signed webhook" in result.output
    assert "With --apply this is carried out." in result.output
    assert fresh.cloud.wire.writes() == []
    assert sorted(path.name for path in roster.parent.iterdir()) == [
        "roster.toml",
        "roster.toml.sig.Heron",
        "roster.toml.sig.Wren",
    ]


def test_with_apply_each_deed_and_the_settings_are_shown_and_the_second_run_changes_nothing(
    fresh: Bureau, roster: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    first = run(fresh, roster, "--apply")
    written = len(fresh.cloud.wire.writes())
    second = run(fresh, roster, "--apply")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output.count("... done") == 23
    assert "Read again: nothing is lacking any more." in first.output
    assert "Nothing is lacking." in second.output
    assert len(fresh.cloud.wire.writes()) == written
    assert "[spaces.conduct.fields]" in first.output
    assert f'webhook_secret_file = "{roster.with_name("hook.secret")}"' in second.output
    secret_file = roster.with_name("hook.secret")
    assert secret_file.stat().st_mode & 0o777 == 0o600
    secret = secret_file.read_text(encoding="ascii").strip()
    assert fresh.hook.secret == secret
    for hidden in (secret, TOKEN):
        assert hidden not in first.output + second.output + caplog.text
    assert not roster.with_name("hook.secret.new").exists()


def test_a_secret_that_did_not_reach_jira_is_given_to_it_again(bureau: Bureau, roster: Path) -> None:
    waiting = roster.with_name("hook.secret.new")
    waiting.write_text("left-over-secret\n", encoding="ascii")

    result = run(bureau, roster, "--apply")

    assert result.exit_code == 0, result.output
    assert bureau.hook.secret == "left-over-secret"
    assert roster.with_name("hook.secret").read_text(encoding="ascii") == "left-over-secret\n"
    assert not waiting.exists()


def test_an_empty_file_is_no_secret(bureau: Bureau, roster: Path) -> None:
    roster.with_name("hook.secret").write_text("\n", encoding="ascii")
    result = run(bureau, roster, "--apply")
    assert result.exit_code == 1
    assert "is empty" in result.output


def test_a_set_up_that_broke_off_says_so_and_goes_on_the_next_time(fresh: Bureau, roster: Path) -> None:
    fresh.cloud.wire.fail_next(Fault("status", status=503, body=CANARY.encode()), skip=60)

    first = run(fresh, roster, "--apply")
    second = run(fresh, roster, "--apply")

    assert first.exit_code == 1
    assert "not done" in first.output
    assert CANARY not in first.output
    assert second.exit_code == 0, second.output
    assert 0 < second.output.count("... done") < 23


def test_what_a_person_must_do_is_listed_at_the_end(bureau: Bureau, roster: Path) -> None:
    del bureau.project.levels[0].holders[0]
    result = run(bureau, roster, "--apply", hook=False)
    assert "By hand, because the host lets no program do it:" in result.output
    assert "choose Add, Project role, 'CoC team'." in result.output


def test_the_token_is_read_from_a_file_or_asked_for_and_never_shown(bureau: Bureau, roster: Path) -> None:
    file = roster.with_name("admin.token")
    file.write_text(TOKEN + "\n", encoding="ascii")

    from_file = run(bureau, roster, "--admin-token-file", str(file), token="wrong", hook=False)
    asked = run(bureau, roster, token="", hook=False, asked=TOKEN + "\n")

    assert from_file.exit_code == 0, from_file.output
    assert asked.exit_code == 0, asked.output
    assert TOKEN not in from_file.output + asked.output


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_whatever_jira_answers_its_words_and_ours_secrets_stay_inside(
    bureau: Bureau, roster: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bureau.cloud.wire.every = Fault("status", status=status, body=CANARY.encode())

    result = run(bureau, roster, "--apply")

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    for hidden in (CANARY, TOKEN):
        assert hidden not in result.output + caplog.text


def test_a_roster_that_its_members_did_not_sign_is_refused_before_jira_is_asked(
    bureau: Bureau, roster: Path
) -> None:
    roster.write_text(roster.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    bureau.cloud.wire.journal.clear()

    result = run(bureau, roster)

    assert result.exit_code == 1
    assert bureau.cloud.wire.journal == []


def test_a_webhook_needs_both_an_address_and_a_file(bureau: Bureau, roster: Path) -> None:
    result = run(bureau, roster, "--hook-url", "https://coc.example/from/jira", hook=False)
    assert result.exit_code == 2
    assert "go together" in result.output

"""A secret that others can open is a mistake, and one pasted in the wrong place is not shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server.config.conftest import LEAST, load, mistakes
from webhook_server.secret_files import account_name

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("name", "mode", "mistake"),
    [
        ("root.key", 0o640, "[server].root_key_file: the file is open to other accounts"),
        ("service.key", 0o604, "[server].service_key_file: the file is open to other accounts"),
        ("github.token", 0o604, "[spaces.conduct].token_file: the file is open to other accounts"),
        ("typeform.secret", 0o602, "[sources.report-form]: file 1 of secret_files: the file is open to"),
    ],
)
def test_a_secret_that_others_can_open_is_a_mistake(folder: Path, name: str, mode: int, mistake: str) -> None:
    (folder / name).chmod(mode)

    (found,) = mistakes(folder, LEAST)

    assert found.startswith(mistake)
    assert "canary" not in found


def test_a_group_may_share_what_is_not_a_key(folder: Path) -> None:
    (folder / "github.token").chmod(0o640)
    (folder / "typeform.secret").chmod(0o640)

    assert load(folder, LEAST).spaces


PASTED = "AGE-SECRET-KEY-1CANARY"


@pytest.mark.parametrize(
    ("old", "entry"),
    [
        ('"root.key"', "[server].root_key_file"),
        ('"service.key"', "[server].service_key_file"),
        ('"roster.toml"', "[server].roster"),
        ('"github.token"', "[spaces.conduct].token_file"),
        ('"typeform.secret"', "[sources.report-form]: file 1 of secret_files:"),
        ('"roster.toml"\n', "[server].process"),
    ],
)
@pytest.mark.parametrize("pasted", [PASTED, PASTED * 200, f"{PASTED}\\u0000"])
def test_a_secret_that_was_pasted_where_a_path_belongs_is_not_shown(
    folder: Path, old: str, entry: str, pasted: str
) -> None:
    new = f'"{pasted}"' if "process" not in entry else f'"roster.toml"\nprocess = "{pasted}"\n'

    (found,) = mistakes(folder, LEAST.replace(old, new))

    assert found.startswith(entry)
    assert "CANARY" not in found


OTHER_SECRETS = """
[spaces.board]
host = "jira"
site = "https://example.atlassian.example"
project = "COC"
email = "coc-bot@example.org"
token_file = "jira.token"
webhook_secret_file = "hook.secret"
issue_type_id = "10001"
subtask_type_id = "10002"
security_level_id = "10003"
browse_roles = ["10004"]
fields = { type = "f1", impact = "f2", likelihood = "f3", risk = "f4", lead = "f5", secondary = "f6", stage = "f7" }
"""


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"\xef\xbb\xbfcanary-that-is-long-enough\n", "begins with a byte order mark"),
        ("canary-that-is-long-enough\n".encode("utf-16"), "begins with a byte order mark"),
        (b"canary-that-is-long-enough\ncanary-of-last-year\n", "has 2 lines; leave the one with the secret"),
        ("canary-that-is\u200b-long-enough".encode(), "has a character that cannot be seen"),
        (b" \n", "is empty; put the secret into it"),
    ],
)
@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("github.token", "[spaces.conduct].token_file"),
        ("jira.token", "[spaces.board].token_file"),
        ("hook.secret", "[spaces.board].webhook_secret_file"),
        ("typeform.secret", "[sources.report-form]: file 1 of secret_files"),
    ],
)
def test_a_secret_file_holds_one_line_or_its_path_is_said(
    folder: Path, name: str, entry: str, content: bytes, mistake: str
) -> None:
    for one in ("hook.secret", name):
        (folder / one).touch(mode=0o600)
        (folder / one).write_bytes(content if one == name else b"a-secret-that-is-long-enough")

    (found,) = mistakes(folder, LEAST + OTHER_SECRETS)

    assert found.startswith(f"{entry}: {folder / name} {mistake}")
    assert "nary" not in found


def test_a_token_that_is_no_text_is_said_and_a_forms_secret_may_be_random_bytes(folder: Path) -> None:
    random = bytes(range(160, 192))
    (folder / "typeform.secret").write_bytes(random)
    (source,) = load(folder, LEAST).sources.values()
    assert (random,) == source.secrets

    (folder / "github.token").write_bytes(random)
    (found,) = mistakes(folder, LEAST)
    assert found.startswith(
        f"[spaces.conduct].token_file: {folder / 'github.token'} is not text in UTF-8; save it anew"
    )


@pytest.mark.parametrize("token", ["t\u00f6ken-canary", "two canaries"])
def test_a_token_that_no_header_can_carry_is_refused(folder: Path, token: str) -> None:
    (folder / "github.token").write_text(token, encoding="utf-8")

    (found,) = mistakes(folder, LEAST)

    assert "github.token has a space, or a letter that is not ASCII, which no token has" in found
    assert "canar" not in found


@pytest.mark.parametrize(
    ("more", "secret"),
    [
        ("", "words with spaces, and a sch\u00f6ne letter \u2713"),
        ('scheme = "standard-webhooks"\n', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ('scheme = "standard-webhooks"\n', "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ('scheme = "tally"\n', "+/=.~$%&{}\u20ac-0123456789abcdef"),
    ],
)
def test_what_a_form_tool_can_give_is_taken(folder: Path, more: str, secret: str) -> None:
    (folder / "typeform.secret").write_text(f"{secret}\r\n", encoding="utf-8")

    (source,) = load(folder, LEAST + more).sources.values()

    assert source.secrets == (source.scheme.key(secret),)


def test_an_apps_key_has_many_lines(folder: Path) -> None:
    (folder / "app.pem").write_text("one\ntwo\n")
    as_app = 'app_id = "31"\nprivate_key_file = "app.pem"'

    assert load(folder, LEAST.replace('token_file = "github.token"', as_app)).spaces


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("root.key", "[server].root_key_file"),
        ("service.key", "[server].service_key_file"),
        ("roster.toml", "[server].roster"),
        ("process.toml", "[server].process"),
        ("github.token", "[spaces.conduct].token_file"),
        ("typeform.secret", "[sources.report-form]: file 1 of secret_files"),
    ],
)
def test_a_file_of_another_account_is_said_to_be_so_with_the_command_that_gives_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, entry: str
) -> None:
    me = account_name(os.geteuid())

    def refusing(method: Callable[..., object]) -> Callable[..., object]:
        def called(path: Path, *how: object, **more: object) -> object:
            if path.name == name:
                raise PermissionError
            return method(path, *how, **more)

        return called

    for method in (Path.open, Path.read_bytes):
        monkeypatch.setattr(Path, method.__name__, refusing(method))

    (found,) = mistakes(folder, LEAST.replace("[server]", '[server]\nprocess = "process.toml"'))

    assert found.startswith(
        f"{entry}: {folder / name} cannot be read (PermissionError): it belongs to {me}, and"
    )
    assert (
        f"say as root: chown {me} {folder / name}; otherwise say the command as the server's account" in found
    )

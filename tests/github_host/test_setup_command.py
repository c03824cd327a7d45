"""``coc-server setup github`` on the stand-in: dry run, --apply, an App from the browser, and nothing the second time."""

from __future__ import annotations

import re
import stat
import threading
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner, Result

from integration.diary.keys import generate_identity
from webhook_server import setup_github_app, setup_github_cli
from webhook_server.cli_options import Commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

World = Any  # the stand-in with its organisation, from conftest.py

OWNER = "ghp_ada"


@pytest.fixture
def folder(tmp_path: Path, world: World) -> Path:
    """A configuration's folder with a signed roster and the bot's token."""
    wren = generate_identity("wren")
    text = (
        f'version = 1\nserial = 1\n[[members]]\nalias = "wren"\nrecipient = "{wren.recipient}"\n'
        f'signing_key = "{wren.signing_key}"\nemail = "wren@example.org"\non_duty = true\n'
        'accounts = { github = "wren" }\n'
    )
    (tmp_path / "roster.toml").write_text(text, encoding="utf-8")
    (tmp_path / "roster.toml.sig.wren").write_text(wren.sign("coc-roster@v1", text.encode()))
    (tmp_path / "github.token").write_text(world.bot_token)
    return tmp_path


@pytest.fixture
def run(world: World, folder: Path) -> Callable[..., Result]:
    """The command as a part of ``coc-server setup``, with the owner's token in the environment."""
    group = Commands("setup", commands={"github": setup_github_cli.github})

    def running(*more: str, token: str | None = OWNER) -> Result:
        given = ["github", "hub", "--owner", "acme", "--repository", "conduct", "--base-url", world.address]
        given += ["--roster", str(folder / "roster.toml"), "--folder", str(folder), *more]
        environment = {} if token is None else {"COC_GITHUB_OWNER_TOKEN": token}
        result = CliRunner().invoke(group, given, env=environment)
        assert not any(secret in result.output for secret in (OWNER, world.bot_token, "PRIVATE KEY"))
        return result

    return running


@pytest.fixture
def by_token(run: Callable[..., Result], folder: Path) -> Callable[..., Result]:
    return lambda *more: run(
        "--token-file", str(folder / "github.token"), "--origin", "https://coc.example.org", *more
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_without_apply_a_numbered_plan_is_shown_and_nothing_is_changed(
    world: World, by_token: Callable[..., Result], folder: Path
) -> None:
    before = set(folder.iterdir())
    world.forget_journal()
    result = by_token()
    assert result.exit_code == 0, result.output
    assert re.search(r"^ +1\. ", result.output, re.MULTILINE)
    assert "--apply" in result.output
    assert world.writes() == []
    assert set(folder.iterdir()) == before


def test_apply_carries_it_out_and_a_second_run_changes_nothing(
    world: World, by_token: Callable[..., Result], folder: Path
) -> None:
    done = by_token("--apply")
    assert done.exit_code == 0, done.output
    (hook,) = world.repo().webhooks
    secret = folder / "hub-webhook.secret"
    assert hook.hook.url == "https://coc.example.org/from/hub"
    assert hook.hook.secret == secret.read_text()
    assert mode(secret) == 0o600
    world.forget_journal()
    again = by_token("--apply")
    assert again.exit_code == 0, again.output
    assert world.writes() == []
    assert not (folder / "hub-webhook.secret.new").exists()


def test_it_ends_with_the_table_for_the_configuration(by_token: Callable[..., Result]) -> None:
    output = by_token("--apply").output
    space = tomllib.loads(output[output.index("[spaces.hub]") :])["spaces"]["hub"]
    assert (space["owner"], space["repository"], space["token_file"]) == ("acme", "conduct", "github.token")


def test_a_webhook_whose_secret_is_not_known_here_is_given_a_new_one(
    world: World, by_token: Callable[..., Result], folder: Path
) -> None:
    by_token("--apply")
    (folder / "hub-webhook.secret").unlink()
    world.repo().webhooks[0].hook.secret = "another"
    assert by_token("--apply").exit_code == 0
    (hook,) = world.repo().webhooks
    assert hook.hook.secret == (folder / "hub-webhook.secret").read_text()


def test_the_owners_token_is_stored_nowhere(by_token: Callable[..., Result], folder: Path) -> None:
    by_token("--apply")
    assert not any(OWNER in path.read_text() for path in folder.iterdir())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "Choose one of --app"),
        (("--app", "--app-id", "31"), "Choose one of --app"),
        (("--app-id", "31"), "go together"),
    ],
)
def test_which_credential_the_service_has_must_be_said_once(
    run: Callable[..., Result], more: tuple[str, ...], words: str
) -> None:
    result = run(*more)
    assert result.exit_code == 2
    assert words in result.output


def test_a_roster_without_accounts_on_github_is_refused(run: Callable[..., Result], folder: Path) -> None:
    wren = generate_identity("wren")
    text = (
        f'version = 1\nserial = 1\n[[members]]\nalias = "wren"\nrecipient = "{wren.recipient}"\n'
        f'signing_key = "{wren.signing_key}"\nemail = "wren@example.org"\non_duty = true\n'
    )
    (folder / "roster.toml").write_text(text, encoding="utf-8")
    (folder / "roster.toml.sig.wren").write_text(wren.sign("coc-roster@v1", text.encode()))
    result = run("--token-file", str(folder / "github.token"))
    assert result.exit_code == 1
    assert "no member has an account on GitHub" in result.output


def test_a_wrong_token_is_told_without_showing_it(run: Callable[..., Result], folder: Path) -> None:
    result = run("--token-file", str(folder / "github.token"), token="ghp_wrong")
    assert result.exit_code == 1
    assert "does not accept our key" in result.output
    assert "ghp_wrong" not in result.output


# An App from the browser -----------------------------------------------------------------------------


class Browser:
    """What a person does in the browser: open our page, go to GitHub, confirm, and come back."""

    def __init__(self) -> None:
        self.manifest = ""
        self.answers: list[int] = []

    def visit(self, home: str) -> None:
        ours = requests.get(home, timeout=10)
        action, manifest = _form(ours.text)
        self.manifest = manifest
        github = requests.post(action, data={"manifest": manifest}, timeout=10)
        assert "Create GitHub App for acme" in github.text
        sent = {"manifest": manifest, "confirmed": "yes", "name": "Acme conduct"}
        back = requests.post(action, data=sent, timeout=10)  # follows GitHub's redirect to our page
        self.answers.append(back.status_code)


def _form(page: str) -> tuple[str, str]:
    found = re.search(r'action="([^"]+)".*?value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    unescaped = [part.replace("&#34;", '"').replace("&amp;", "&") for part in found.groups()]
    return unescaped[0], unescaped[1]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser that opens the page as soon as the command says its address."""
    made, real = Browser(), setup_github_app.code_from_browser

    def with_browser(manifest: Any, form_address: Any, tell: Any) -> str | None:  # noqa: ANN401 - passed on
        def told(address: str) -> None:
            tell(address)
            threading.Thread(target=made.visit, args=(address,)).start()

        return real(manifest, form_address, told)

    monkeypatch.setattr(setup_github_cli, "code_from_browser", with_browser)
    return made


def test_an_app_is_made_in_the_browser_and_its_key_kept_for_this_account_only(
    world: World, run: Callable[..., Result], folder: Path, browser: Browser
) -> None:
    made = run("--app", "--origin", "https://coc.example.org", "--apply")
    assert made.exit_code == 0, made.output
    assert browser.answers == [200]
    app = next(app for app in world.hub.state.apps.values() if app.slug == "acme-conduct")
    assert app.permissions == {"issues": "write", "metadata": "read", "members": "read"}
    assert (folder / "hub-app.id").read_text().strip() == str(app.id)
    key, secret = folder / "hub-app.pem", folder / "hub-webhook.secret"
    assert key.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert secret.read_text() == app.hook.secret
    assert (mode(key), mode(secret)) == (0o600, 0o600)
    assert "/apps/acme-conduct/installations/new" in made.output
    world.hub.install_app("acme-conduct", ["conduct"])
    world.forget_journal()
    again = run("--app", "--origin", "https://coc.example.org", "--apply")
    assert again.exit_code == 0, again.output
    assert world.writes() == []
    assert f'app_id = "{app.id}"' in again.output


def test_in_a_dry_run_no_app_is_made(world: World, run: Callable[..., Result], folder: Path) -> None:
    before = set(folder.iterdir())
    assert "Make a GitHub App in the browser" in run("--app").output
    assert set(folder.iterdir()) == before
    assert set(world.hub.state.apps) == {31}


def test_a_code_that_comes_without_our_state_is_not_taken() -> None:
    statuses: list[int] = []

    def forge(home: str) -> None:
        statuses.extend(
            requests.get(home + path, headers=headers, timeout=10).status_code
            for path, headers in (
                ("/made?code=abc123&state=guessed", {}),
                ("/made?code=abc123", {}),
                ("/", {"Host": "evil.example"}),
            )
        )

    code = setup_github_app.code_from_browser(
        lambda _: "{}", lambda state: f"https://example.org/?state={state}", forge, patience=0.01
    )
    assert code is None
    assert statuses == [404, 404, 404]


def test_a_code_is_good_once(world: World) -> None:
    forged = requests.post(f"{world.address}/app-manifests/{'0' * 40}/conversions", timeout=10)
    assert forged.status_code == 404

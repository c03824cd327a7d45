"""A configuration is read whole, what is left out has a sensible value, and no secret of it is shown."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from integration.incident import SpaceName
from tests.server.config.conftest import LEAST, SECRETS, WHOLE, load
from webhook_server.config_spaces import GitHubSettings, JiraSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_whole_configuration_is_read(folder: Path) -> None:
    config = load(folder, WHOLE)

    assert ("127.0.0.1", 8801, "https://coc.example.org") == (
        config.listen_host,
        config.listen_port,
        config.origin,
    )
    conduct, app, board = config.spaces.values()
    assert isinstance(conduct.host, GitHubSettings)
    assert ("token-canary-1", None, "https://api.github.example", "coc-bot") == (
        conduct.host.token, conduct.host.app_id, conduct.host.base_url, conduct.host.bot_login
    )  # fmt: skip
    assert [("olga-owner", date(2027, 6, 30))] == [(one.account, one.until) for one in conduct.acknowledged]
    assert 4242 == conduct.host.hook_id
    assert isinstance(app.host, GitHubSettings)
    assert app.host.hook_id is None
    assert (None, "4711", "pem-canary-5") == (app.host.token, app.host.app_id, app.host.private_key)
    assert isinstance(board.host, JiraSettings)
    assert ("COC", "f7", ("10004",), "10004") == (
        board.host.project, board.host.fields["stage"], board.host.browse_roles, board.host.comment_role
    )  # fmt: skip
    assert ["report-form"] == list(config.sources)
    assert config.mail is not None
    assert ("mail.example.org", 2525, True, "password-canary-4") == (
        config.mail.host, config.mail.port, config.mail.starttls, config.mail.password
    )  # fmt: skip
    assert config.database_url.endswith("/coc")
    assert config.engine_url.endswith("/engine")


def test_what_is_left_out_has_a_sensible_value(folder: Path) -> None:
    config = load(folder, LEAST)

    assert ("127.0.0.1", 8800) == (config.listen_host, config.listen_port)
    assert f"sqlite:///{folder.resolve()}/coc.sqlite" == config.database_url
    assert f"sqlite:///{folder.resolve()}/engine.sqlite" == config.engine_url
    assert config.mail is None
    host = config.spaces[next(iter(config.spaces))].host
    assert isinstance(host, GitHubSettings)
    assert "https://api.github.com" == host.base_url


def test_no_secret_is_shown(folder: Path) -> None:
    shown = repr(load(folder, WHOLE))

    assert "canary" not in shown
    assert (folder / "root.key").read_text().strip() not in shown


def test_a_webhooks_secret_is_read_and_may_be_left_out(folder: Path) -> None:
    entry = 'token_file = "github.token"\nwebhook_secret_file = "typeform.secret"'
    with_it = load(folder, LEAST.replace('token_file = "github.token"', entry)).spaces[SpaceName("conduct")]

    assert SECRETS["typeform.secret"] == with_it.webhook_secret
    assert "canary" not in repr(with_it)
    assert load(folder, LEAST).spaces[SpaceName("conduct")].webhook_secret is None


def test_a_listening_address_may_be_ipv6(folder: Path) -> None:
    assert "::1" == load(folder, LEAST.replace("[server]", '[server]\nlisten = "[::1]:8800"')).listen_host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_mail_may_go_unencrypted_to_this_machine_only(folder: Path, host: str) -> None:
    config = load(
        folder,
        f'{LEAST}\n[mail]\nhost = "{host}"\nfrom = "c@example.org"\noperator = "o@example.org"\nstarttls = false\n',
    )

    assert config.mail is not None
    assert not config.mail.starttls

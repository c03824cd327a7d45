"""One file, read whole or refused with every mistake; secrets stay out of it and out of sight."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.errors import ConfigError
from integration.incident import SpaceName
from webhook_server.config import Config, load_config
from webhook_server.config_spaces import GitHubSettings, JiraSettings
from webhook_server.store.sealed import new_root_key

if TYPE_CHECKING:
    from integration.diary.keys import Identity, ServiceKey

ROOT = Path(__file__).parents[2]
SECRETS = {
    "github.token": "token-canary-1",
    "jira.token": "token-canary-2",
    "typeform.secret": "secret-canary-3-long-enough",
    "mail.password": "password-canary-4",
    "app.pem": "pem-canary-5",
}

WHOLE = """
[server]
listen = "127.0.0.1:8801"
origin = "https://CoC.example.org/"
root_key_file = "root.key"
service_key_file = "service.key"
service_key_id = "svc-test"
roster = "roster.toml"
process = "process.toml"
database = "postgresql+psycopg://coc:database-canary-6@127.0.0.1/coc"
engine_database = "postgresql+psycopg://coc:database-canary-6@127.0.0.1/engine"

[spaces.conduct]
host = "github"
owner = "example-org"
repository = "conduct"
base_url = "https://api.github.example"
token_file = "github.token"
bot_login = "coc-bot"
hook_id = 4242
acknowledged = [{ account = "olga-owner", until = 2027-06-30, why = "owner of the organisation" }]

[spaces.app]
host = "github"
owner = "example-org"
repository = "conduct-app"
app_id = "4711"
private_key_file = "app.pem"

[spaces.board]
host = "jira"
site = "https://example.atlassian.example"
project = "COC"
email = "coc-bot@example.org"
token_file = "jira.token"
issue_type_id = "10001"
subtask_type_id = "10002"
security_level_id = "10003"
browse_roles = ["10004"]
browse_groups = ["5b1f"]
comment_role = "10004"
fields = { type = "f1", impact = "f2", likelihood = "f3", risk = "f4", lead = "f5", secondary = "f6", stage = "f7" }

[sources.report-form]
reader = "typeform"
secret_files = ["typeform.secret"]
space = "conduct"

[sources.report-form.questions]
who = "subject"

[mail]
host = "mail.example.org"
port = 2525
from = "conduct@example.org"
operator = "operator@example.org"
user = "coc"
password_file = "mail.password"
"""

LEAST = """
[server]
origin = "https://coc.example.org"
root_key_file = "root.key"
service_key_file = "service.key"
service_key_id = "svc-test"
roster = "roster.toml"

[spaces.conduct]
host = "github"
owner = "example-org"
repository = "conduct"
token_file = "github.token"

[sources.report-form]
reader = "typeform"
secret_files = ["typeform.secret"]
space = "conduct"
"""


@pytest.fixture
def folder(tmp_path: Path, service_key: ServiceKey, robert: Identity) -> Path:
    for name in ("root.key", *SECRETS):
        (tmp_path / name).touch(mode=0o600)
    (tmp_path / "root.key").write_bytes(new_root_key())
    service_key.save(tmp_path / "service.key")
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(f"{secret}\n", encoding="utf-8")
    (tmp_path / "process.toml").write_bytes((ROOT / "integration" / "data" / "process.toml").read_bytes())
    write_roster(tmp_path, service_key, robert)
    return tmp_path


def write_roster(
    folder: Path, key: ServiceKey, robert: Identity, *, recipient: str = "", public: str = ""
) -> None:
    (folder / "roster.toml").write_text(
        "version = 1\nserial = 1\n"
        f'[[members]]\nalias = "robert"\nrecipient = "{recipient or robert.recipient}"\n'
        f'signing_key = "{robert.signing_key}"\nemail = "robert@example.org"\n'
        f'[[service_keys]]\nid = "{key.id}"\npublic = "{public or key.public_line}"\n',
        encoding="utf-8",
    )


def load(folder: Path, text: str) -> Config:
    (folder / "coc-server.toml").write_text(text, encoding="utf-8")
    return load_config(folder / "coc-server.toml")


def mistakes(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        load(folder, text)
    return raised.value.mistakes


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


BROKEN = """
surprise = 1

[server]
listen = "everywhere"
origin = "http://coc.example.org/path?x=1"
root_key_file = "missing.key"
service_key_file = "missing.key"
service_key_id = "svc-test"
roster = "missing.toml"
process = "missing.toml"
engine_database = "coc.sqlite"
colour = "blue"

[spaces.Bad-Name]
host = "github"
owner = ""
repository = 5
token_file = "missing.token"
app_id = "1"
acknowledged = [{ account = "x", until = 2027-06-30T00:00:00, why = "y", more = 1 }, 7]

[spaces.board]
host = "jira"
site = "ftp://example.atlassian.example"
browse_roles = "all"
token_file = "empty.token"

[spaces.other]
host = "gitlab"

[sources.report-form]
reader = "telepathy"
secret_files = []
space = "nowhere"

[mail]
host = "mail.example.org"
port = true
starttls = false
from = "nobody"
operator = "somebody"
user = "coc"
"""


def test_all_mistakes_are_listed_together(folder: Path) -> None:
    (folder / "empty.token").write_text("\n")

    found = "\n".join(mistakes(folder, BROKEN))

    for expected in [
        "the file has the unknown entry 'surprise'",
        "[server] has the unknown entry 'colour'",
        "[server].listen must be an address and a port",
        "[server].origin: plain http is only for this machine",
        "[server].origin: it must end after the host and the port",
        "[server].root_key_file: it is not there",
        "[server].service_key_file: it cannot be read (FileNotFoundError)",
        "[server].roster: it cannot be read (FileNotFoundError)",
        "[server].process: it cannot be read (FileNotFoundError)",
        "[server].engine_database must be another file",
        "[spaces.Bad-Name]: a space's name is",
        "[spaces.Bad-Name].owner must be a text",
        "[spaces.Bad-Name].repository must be a text",
        "[spaces.Bad-Name] needs either token_file, or app_id and private_key_file",
        "[spaces.Bad-Name].token_file: the file cannot be read (FileNotFoundError)",
        "[spaces.Bad-Name].private_key_file must be a text",
        "[spaces.Bad-Name].acknowledged[1].until must be a date",
        "[spaces.Bad-Name].acknowledged[1] has the unknown entry 'more'",
        "[spaces.Bad-Name].acknowledged[2].account must be a text",
        "[spaces.board].site: it is not an address",
        "[spaces.board].project must be a text",
        "[spaces.board].email must be a text",
        "[spaces.board].token_file: the file is empty",
        "[spaces.board].issue_type_id must be a text",
        "[spaces.board].fields.stage must be a text",
        "[spaces.board].browse_roles must be a list of texts",
        '[spaces.other].host must be "jira" or "github"',
        "[sources.report-form]: reader must be one of",
        "[sources.report-form]: secret_files must list 1 to 4 files",
        "[sources.report-form]: space must name a ticket space",
        "[mail].port must be a port number",
        "[mail].starttls may be false only for a mail server on this machine",
        "[mail].from must be a mail address",
        "[mail].operator must be a mail address",
        "[mail].user and [mail].password_file need each other",
    ]:
        assert expected in found


def test_an_empty_file_says_what_is_needed(folder: Path) -> None:
    found = mistakes(folder, "")

    assert "[server].origin must be a text" in found
    assert "[server].roster must be a text" in found
    assert "[spaces] must describe at least one ticket space" in found
    assert not any("Error" in one for one in found)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('origin = "https://coc', 'origin = "https://[coc', "[server].origin: it is not an address"),
        ('origin = "https://coc', 'origin = "https://user:pw@coc', "[server].origin: it must not hold a user name"),
        ('service_key_id = "svc-test"', 'service_key_id = "not good!"', "[server].service_key_id: A service key's id"),
        ('service_key_id = "svc-test"', 'service_key_id = "svc-2"', "the roster's service_keys lack"),
        ("[server]", '[server]\ndatabase = "mysql://coc:canary@x/y"', "[server].database must be a file or a URL"),
        ("[server]", '[server]\ndatabase = "postgresql://coc:canary@x:port/y"', "[server].database must be a file or a URL"),
        ("[server]", "[server]\ndatabase = 5", "[server].database must be a text"),
        ("[server]", "[server]\nlisten = 8800", "[server].listen must be"),
        ("[server]", '[server]\nlisten = "127.0.0.1:99999"', "[server].listen must be"),
        ("[server]", '[server]\nprocess = ""', "[server].process must be a text"),
        ("[spaces.conduct]", "[spaces]\nbad = 5\n[spaces.conduct]", "[spaces.bad] must be a table"),
        ('token_file = "github.token"', 'token_file = "github.token"\nacknowledged = 5', "acknowledged must be a list of tables"),
        ("[server]", "mail = 5\n[server]", "the file: mail must be a table"),
        ('token_file = "github.token"', "", "[spaces.conduct] needs either token_file, or"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = "7"', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = true', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = 0', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nwebhook_secret_file = "github.token"', "webhook_secret_file: the secret is shorter"),
        ('token_file = "github.token"', 'app_id = "1"\nprivate_key_file = "app.pem"\nhook_id = 7', "an App has a webhook of its own"),
    ],
)  # fmt: skip
def test_each_mistake_is_said(folder: Path, old: str, new: str, mistake: str) -> None:
    found = mistakes(folder, LEAST.replace(old, new))

    assert any(one.startswith(mistake) or mistake in one for one in found)
    assert "canary" not in "\n".join(found)


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


def test_a_recipient_with_a_slip_of_the_pen_is_found(
    folder: Path, service_key: ServiceKey, robert: Identity
) -> None:
    last = "q" if robert.recipient[-1] != "q" else "p"
    write_roster(folder, service_key, robert, recipient=robert.recipient[:-1] + last)

    assert any(
        "members[1] (robert).recipient" in one and "checksum is wrong" in one
        for one in mistakes(folder, LEAST)
    )


def test_a_signing_key_that_is_none_is_found(folder: Path, robert: Identity) -> None:
    roster = folder / "roster.toml"
    roster.write_text(roster.read_text().replace(robert.signing_key, "ssh-ed25519 " + "A" * 68))

    assert any("members[1].signing_key must be ssh-ed25519" in one for one in mistakes(folder, LEAST))


def test_desks_must_know_the_service_key(folder: Path, service_key: ServiceKey, robert: Identity) -> None:
    write_roster(folder, service_key, robert, public=robert.signing_key)

    (mistake,) = mistakes(folder, LEAST)

    assert service_key.public_line in mistake


@pytest.mark.parametrize("raw", [b"\xff", b"[server\n", b"a = 1\na = 2"])
def test_what_is_not_toml_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(raw)

    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "c.toml")


def test_a_missing_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="coc-server init makes a first one"):
        load_config(tmp_path / "c.toml")


def test_a_key_file_of_another_kind_is_refused_without_its_content(folder: Path) -> None:
    (folder / "service.key").write_text("key-canary")

    found = mistakes(folder, LEAST)

    assert any("[server].service_key_file" in one for one in found)
    assert "canary" not in "\n".join(found)


# Who can open the files, and who is told --------------------------------------------------------------


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
        ('"typeform.secret"', "[sources.report-form]: file 1 of secret_files "),
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


MAIL = '\n[mail]\nhost = "mail.example.org"\nfrom = "conduct@example.org"\n'
RECOVERY = '[[recovery]]\nname = "paper"\nrecipient = "{recipient}"\nemail = "board@example.org"\n'


def test_without_a_recovery_key_somebody_must_be_told_if_no_member_can_be(folder: Path) -> None:
    (found,) = mistakes(folder, LEAST + MAIL)

    assert found.startswith("[mail].operator must be a mail address, because the roster has no recovery key")
    assert load(folder, f'{LEAST}{MAIL}operator = "o@example.org"').mail.operator == "o@example.org"  # type: ignore[union-attr]  # it has a section


def test_with_a_recovery_key_the_operator_may_be_left_out(folder: Path, paper: Identity) -> None:
    roster = folder / "roster.toml"
    roster.write_text(roster.read_text() + RECOVERY.format(recipient=paper.recipient), encoding="utf-8")

    mail = load(folder, LEAST + MAIL).mail

    assert mail is not None
    assert mail.operator is None


# The operator's page --------------------------------------------------------------------------------


def accepted() -> set[str]:
    """Every entry the configuration takes, read off the code: what is asked for, and what is allowed."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "webhook_server").glob("config*.py"))
    sources = (ROOT / "webhook_server" / "intake" / "sources.py").read_text(encoding="utf-8")
    known = set()
    for found in re.finditer(
        r"\.refuse_unknown\(\s*\w+,\s*(?P<keys>.*?),\s*\w*f?\"?[^,]*?\)\n", code, re.DOTALL
    ):
        known |= set(re.findall(r'"([a-z_]+)"', found["keys"]))
    for found in re.finditer(
        r"(?:known|keys) = \{(?P<keys>.*?)\}|_JIRA_FIELDS = \((?P<fields>.*?)\)", code, re.DOTALL
    ):
        known |= set(re.findall(r'"([a-z_]+)"', found["keys"] or found["fields"]))
    known |= set(re.findall(r'"([a-z_]+)"', sources[sources.index("_KNOWN") : sources.index("@dataclass")]))
    return known


def test_the_entries_are_really_read_off_the_code() -> None:
    used = set(re.findall(r"^([a-z_]+) = ", WHOLE, re.MULTILINE)) - {"who"}

    assert used <= accepted()
    assert {"starttls", "why", "default_type", "type_question", "comment_role", "impact"} <= accepted()


def test_every_entry_is_on_the_operators_page() -> None:
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")

    assert [] == sorted(
        entry for entry in accepted() if f"`{entry}`" not in page and f"`[{entry}" not in page
    )

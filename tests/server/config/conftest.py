"""A whole configuration, the least one, and a folder with the files they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.errors import ConfigError
from webhook_server.config import Config, load_config
from webhook_server.store.sealed import new_root_key

if TYPE_CHECKING:
    from integration.diary.keys import Identity, ServiceKey

ROOT = Path(__file__).parents[3]
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

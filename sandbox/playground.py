"""A whole small world on loopback: both stand-ins with people in them, a team with keys, a configuration.

The demo, `make sandbox`, the end-to-end tests and the leak tests all play in it, so what is shown is what is
tested. Everybody in it is invented; Noah, Olivia, Robert and Charlie come from the first worked example of the
process document that the product was asked from.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integration.audience import Audience, Principal, prove_by_admin
from integration.diary.keys import Identity, generate_identity, new_service_key
from integration.incident import IncidentType, Stage
from integration.roster import load_roster
from integration.roster_chain import NAMESPACE
from integration.roster_files import older_path, signature_path
from sandbox.form import QUESTIONS, typeform
from sandbox.github_com import Field, GitHubCom
from sandbox.jira_cloud import JiraCloud, RestrictedProject
from sandbox.wire import serving, utc_now
from webhook_server.config import load_config
from webhook_server.store.audiences import Audiences
from webhook_server.store.migrate import migrate
from webhook_server.store.sealed import new_root_key
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from integration.ports import HostKind
    from sandbox.github_state import Level

TEAM = ("robert", "charlie", "rachel")
SIGNERS = ("robert", "charlie")
"""Two of the three sign each roster."""

OUTSIDER = "mallory"
OWNER = "olivia"
"""Owner of the GitHub organisation and site admin of the Jira: she is the one who is reported."""

BOT = "coc-service"
ORG, REPOSITORY, PROJECT = "govdocs", "conduct", "COC"
APP_ID = 4242
_USUAL_PORT = 8800


@dataclass
class Playground:
    """Where everything is. ``folder`` holds the server's configuration, keys and databases."""

    folder: Path
    jira: JiraCloud
    github: GitHubCom
    project: RestrictedProject
    jira_url: str
    github_url: str
    identities: dict[str, Identity] = field(repr=False)
    recovery: Identity = field(repr=False)
    form_secret: str = field(repr=False)
    webhook_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """What both hosts sign their webhooks with."""
    now: Callable[[], datetime] = utc_now
    service_port: int = 0
    recovery_keys: dict[str, str] = field(default_factory=dict)
    """Recipients of the recovery keys by name, for the next roster that is written; none: the usual one."""

    @property
    def config_path(self) -> Path:
        """The server's configuration."""
        return self.folder / "coc-server.toml"

    @property
    def roster_path(self) -> Path:
        """The team's roster."""
        return self.folder / "roster.toml"

    @property
    def origin(self) -> str:
        """The service's address."""
        return f"http://127.0.0.1:{self.service_port or _USUAL_PORT}"

    def token(self, who: str) -> str:
        """A person's token on both hosts."""
        return f"token-of-{who}"

    def delivery(
        self, answers: Mapping[str, str], *, token: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """A signed Typeform delivery: body and headers. ``answers`` maps a question's ref to what was typed."""
        body = json.dumps(
            typeform(answers, token=token or secrets.token_hex(16)), ensure_ascii=False
        ).encode()
        digest = hmac.new(self.form_secret.encode(), body, hashlib.sha256).digest()
        signature = "sha256=" + base64.b64encode(digest).decode()
        return body, {"Content-Type": "application/json", "Typeform-Signature": signature}

    def write_roster(self, *, service_key: str | None = None, **changes: Mapping[str, Any]) -> None:
        """Write the first roster, signed by two; ``changes`` maps an alias to entries that differ from the usual.

        A server that has started takes no other first roster: use :meth:`next_roster` then.
        """
        if service_key is not None:
            (self.folder / "service.pub").write_text(service_key, encoding="ascii")
        text = self._roster_text(1, "", TEAM, changes)
        self.roster_path.write_text(text, encoding="utf-8")
        self.sign_roster(*SIGNERS)

    def next_roster(
        self,
        *,
        members: Sequence[str] = TEAM,
        signers: Sequence[str] = SIGNERS,
        **changes: Mapping[str, Any],
    ) -> None:
        """Write the roster after the present one, signed; the present one stays beside it as ``roster-<n>.toml``.

        Args:
            members: aliases; each has a key in ``identities``.
            signers: who signs it; a running server takes it only if they may.
            changes: as in :meth:`write_roster`.
        """
        present = load_roster(self.roster_path)
        older = older_path(self.roster_path, present.serial)
        self.roster_path.rename(older)
        for path in self.folder.glob(f"{self.roster_path.name}.sig.*"):
            path.rename(signature_path(older, path.suffix.removeprefix(".")))
        text = self._roster_text(present.serial + 1, present.hash, members, changes)
        self.roster_path.write_text(text, encoding="utf-8")
        self.sign_roster(*signers)

    def sign_roster(self, *aliases: str) -> None:
        """Put these members' signatures beside the roster, in place of all that lie there."""
        for path in self.folder.glob(f"{self.roster_path.name}.sig.*"):
            path.unlink()
        raw = self.roster_path.read_bytes()
        for alias in aliases:
            armoured = self.identities[alias].sign(NAMESPACE, raw)
            signature_path(self.roster_path, alias).write_text(armoured, encoding="ascii")

    def prove_by_admin(self) -> None:
        """Keep what ``coc-server doctor`` would, had an admin run it now: that only the team can read both ticket spaces.

        Written into the database that the configuration names, which is made for it; to be called again after another
        database or roster was given to the server. tests/e2e/test_audience.py runs the doctor itself.
        """
        config = load_config(self.config_path)
        sql = make_engine(config.database_url)
        migrate(sql)
        book, now = Audiences(sql), self.now()
        for name, space in config.spaces.items():
            allowed = config.roster.accounts(space.kind)
            seen = Audience(
                name,
                tuple(Principal(account, "a role") for account in sorted(allowed)),
                (),
                complete=True,
                space_id=self._space_id(space.kind),
            )
            book.admin_passed(name, prove_by_admin(seen, allowed=allowed, acknowledged=(), now=now), now)
        sql.dispose()

    def _space_id(self, kind: HostKind) -> str:
        """The host's own id of the project or repository that stands there now."""
        if kind == "jira":
            return self.jira.site.projects[self.project.key].id
        return str(self.github.repo(f"{ORG}/{REPOSITORY}").id)

    def _roster_text(
        self, serial: int, previous: str, members: Sequence[str], changes: Mapping[str, Mapping[str, Any]]
    ) -> str:
        lines = ["version = 1", f"serial = {serial}", f'previous = "{previous}"']
        for alias in members:
            identity = self.identities[alias]
            entry: dict[str, Any] = {
                "alias": alias,
                "recipient": identity.recipient,
                "signing_key": identity.signing_key,
                "email": f"{alias}@team.example",
                "on_duty": alias != "rachel",
                "names": [f"{alias.title()} Testperson"],
                "handles": [f"{alias}-handle"],
                "accounts": {"jira": f"acc-{alias}", "github": alias},
                **changes.get(alias, {}),
            }
            lines += ["", "[[members]]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]
        recovery = self.recovery_keys or {"safe-one": self.recovery.recipient}
        for name, recipient in recovery.items():
            lines += ["", "[[recovery]]", f'name = "{name}"', f'recipient = "{recipient}"']
            lines += [f'email = "keeper-of-{name}@safe.example"']
        lines += [
            "", "[[service_keys]]", 'id = "svc-demo"',
            f'public = "{(self.folder / "service.pub").read_text(encoding="ascii")}"', "",
        ]  # fmt: skip
        return "\n".join(lines)


@contextmanager
def playground(
    folder: Path,
    *,
    now: Callable[[], datetime] = utc_now,
    search_lag: timedelta | None = None,
    github_app: bool = False,
    issue_fields: bool = True,
    service_port: int = 0,
    mail_port: int | None = None,
    database_url: str | None = None,
    identities: Mapping[str, Identity] | None = None,
) -> Iterator[Playground]:
    """Serve both stand-ins, and write keys, roster and configuration into ``folder``.

    Args:
        folder: an empty folder.
        now: the stand-ins' clock.
        search_lag: how late Jira's search is.
        github_app: the service signs in to GitHub as an App instead of with a token.
        issue_fields: the GitHub organisation has issue fields; otherwise labels are used.
        service_port: the port the service will listen on.
        mail_port: a mail server on loopback for the notices.
        database_url: a PostgreSQL database, for ours and the engine's tables; SQLite if left out.
        identities: keys by alias (and ``recovery``), to spare making them again.
    """
    made = dict(identities or {alias: generate_identity(alias) for alias in (*TEAM, "recovery")})
    jira = JiraCloud(now=now, **({"search_lag": search_lag} if search_lag else {}))
    github = GitHubCom(now=now)
    project = _people_in_jira(jira)
    with ExitStack() as stack:
        jira_url = stack.enter_context(serving(jira.wire))
        github_url = stack.enter_context(serving(github.wire))
        world = Playground(
            folder, jira, github, project, jira_url, github_url, made, made["recovery"],
            form_secret=secrets.token_urlsafe(24), now=now, service_port=service_port,
        )  # fmt: skip
        _people_in_github(github, issue_fields=issue_fields, bot=None if github_app else BOT)
        _write_files(world, github_app=github_app, mail_port=mail_port, database_url=database_url)
        world.prove_by_admin()
        yield world


def _people_in_jira(jira: JiraCloud) -> RestrictedProject:
    for who in (*TEAM, BOT, OUTSIDER, OWNER):
        jira.add_user(
            account_id=f"acc-{who}", email=f"{who}@team.example", token=f"token-of-{who}", name=who.title(),
            site_admin=who == OWNER,
        )  # fmt: skip
    return jira.restricted_project(
        PROJECT,
        team=[f"acc-{who}" for who in TEAM],
        service=f"acc-{BOT}",
        lead_account="acc-robert",
        aliases=TEAM,
    )


def _people_in_github(github: GitHubCom, *, issue_fields: bool, bot: str | None) -> None:
    for who in (*TEAM, BOT, OUTSIDER, OWNER):
        github.add_user(who, token=f"token-of-{who}")
    github.add_org(
        ORG, owners=[OWNER], members=[*TEAM, BOT], issue_fields=_issue_fields() if issue_fields else ()
    )
    collaborators: dict[str, Level] = dict.fromkeys((*TEAM, *([bot] if bot else ())), "push")
    github.add_repo(ORG, REPOSITORY, issue_fields=issue_fields, collaborators=collaborators)


def _issue_fields() -> list[Field]:
    levels = ("1", "2", "3")
    return [
        Field("CoC type", "single_select", tuple(IncidentType)),
        Field("CoC stage", "single_select", tuple(Stage)),
        Field("CoC impact", "single_select", levels),
        Field("CoC likelihood", "single_select", levels),
        Field("CoC risk", "number"),
        Field("CoC lead", "single_select", TEAM),
        Field("CoC secondary", "single_select", TEAM),
    ]


def _write_files(
    world: Playground, *, github_app: bool, mail_port: int | None, database_url: str | None
) -> None:
    folder, project = world.folder, world.project
    folder.mkdir(parents=True, exist_ok=True)
    service_key = new_service_key("svc-demo")
    service_key.save(folder / "service.key")
    _write_secret(folder / "root.key", new_root_key())
    _write_secret(folder / "form.secret", world.form_secret.encode("ascii"))
    _write_secret(folder / "webhook.secret", world.webhook_secret.encode("ascii"))
    _write_secret(folder / "bot.token", world.token(BOT).encode("ascii"))
    world.write_roster(service_key=service_key.public_line)
    credential = 'token_file = "bot.token"'
    if github_app:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        _write_secret(folder / "app.pem", pem)
        world.github.add_app(
            app_id=APP_ID, slug="coc-mirror", key_pem=pem, org=ORG, repositories=[REPOSITORY],
            permissions={"issues": "write", "metadata": "read", "members": "read", "administration": "read"},
        )  # fmt: skip
        credential = f'app_id = "{APP_ID}"\nprivate_key_file = "app.pem"\nbot_login = "coc-mirror[bot]"'
    if database_url:
        (folder / "inbox-keys").mkdir(mode=0o700)  # on PostgreSQL no server makes it
    databases = f'database = "{database_url}"\nengine_database = "{database_url}"\n' if database_url else ""
    fields = "\n".join(f'{name} = "{field_id}"' for name, field_id in project.fields.items())
    (folder / "coc-server.toml").write_text(
        f"""\
[server]
listen = "127.0.0.1:{world.service_port or _USUAL_PORT}"
origin = "{world.origin}"
root_key_file = "root.key"
service_key_file = "service.key"
service_key_id = "svc-demo"
roster = "roster.toml"
{databases}
[spaces.in-jira]
host = "jira"
site = "{world.jira_url}"
project = "{project.key}"
email = "{BOT}@team.example"
token_file = "bot.token"
issue_type_id = "{project.issue_type_id}"
subtask_type_id = "{project.subtask_type_id}"
security_level_id = "{project.security_level_id}"
browse_roles = ["{project.roles[project.team_role]}"]
comment_role = "{project.team_role}"
webhook_secret_file = "webhook.secret"

[spaces.in-jira.fields]
{fields}

[[spaces.in-jira.acknowledged]]
account = "acc-{OWNER}"
until = {datetime.now(UTC).year + 1}-12-31
why = "admin of the site: cannot be kept out, sees the mirror view only"

[spaces.in-github]
host = "github"
owner = "{ORG}"
repository = "{REPOSITORY}"
base_url = "{world.github_url}"
webhook_secret_file = "webhook.secret"
{credential}

[[spaces.in-github.acknowledged]]
account = "{OWNER}"
until = {datetime.now(UTC).year + 1}-12-31
why = "owner of the organisation: cannot be kept out, sees the mirror view only"
{_source("form-jira", "in-jira")}{_source("form-github", "in-github")}"""
        + (
            f'\n[mail]\nhost = "127.0.0.1"\nport = {mail_port}\nfrom = "conduct@team.example"\nstarttls = false\n'
            if mail_port
            else ""
        ),
        encoding="utf-8",
    )


def _source(name: str, space: str) -> str:
    questions = "\n".join(f'{ref} = "{target}"' for ref, (_title, target) in QUESTIONS.items() if target)
    return f"""
[sources.{name}]
reader = "typeform"
secret_files = ["form.secret"]
space = "{space}"
type_question = "what_is_it"
conflict_answers = ["A disagreement we need help with"]

[sources.{name}.questions]
{questions}
"""


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _write_secret(path: Path, content: bytes) -> None:
    """For this account only; the service refuses a secret file that others can read."""
    path.touch(mode=0o600)
    path.write_bytes(content)

"""A database in a folder, a ticket space in memory, members with real keys, and a mail server that listens."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.audience import Audience, prove_by_admin
from integration.casework import Casework, receive
from integration.diary.keys import Identity, ServiceKey, generate_identity, new_service_key
from integration.guard import Guard
from integration.incident import Alias
from integration.process import default_process
from integration.report import Answer, Report, ReportField
from integration.roster import Member, RecoveryKey, Roster, ServiceKeyEntry
from integration.text import Untrusted
from tests.server import diaries
from tests.server.mail import MailServer, Told
from tests.server.memory_host import SPACE, MemoryHost
from webhook_server.cli import main
from webhook_server.fellows import Fellows
from webhook_server.store.audiences import Audiences
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate
from webhook_server.store.sealed import Sealer
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.store import Receipt
    from tests.conftest import SetClock

CANARY = "canary-3e9b51c07a4d4f6b8e1d2c90"


# Parts ----------------------------------------------------------------------------------------------


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the newest schema, to be copied: a fifth of the time that making one takes."""
    path = tmp_path_factory.mktemp("schema") / "coc.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def database(elsewhere: str | None, tmp_path: Path, sealer: Sealer, empty_file: Path) -> Iterator[Database]:
    if elsewhere is None:
        shutil.copy(empty_file, tmp_path / "coc.sqlite")
    engine = make_engine(elsewhere or f"sqlite:///{tmp_path / 'coc.sqlite'}")
    database = Database(engine, sealer, InboxKeys(tmp_path / "inbox-keys"))
    yield database
    database.close()


@pytest.fixture
def a_comment() -> Callable[[Head], SealedComment]:
    """A comment that follows a head, as far as the database is concerned."""
    return diaries.a_comment


@pytest.fixture
def hand_over(database: Database) -> Callable[[str], None]:
    """Put a delivery's report into the diary, as far as the database is concerned."""

    def hand_over(inbox_id: str) -> None:
        head = database.head(database.delivery(inbox_id).incident)
        database.hand_over(inbox_id, head=head, comments=[diaries.a_comment(head)], epoch=None, readers=())

    return hand_over


def alone_on(database: Database) -> Fellows:
    """This process among those of the database: it is alone."""
    engine = database._engine
    return Fellows("server", workers=Workers(engine), locks=Locks(engine), sealer=database._sealer)


@pytest.fixture
def fellows(database: Database) -> Fellows:
    return alone_on(database)


@pytest.fixture
def host(clock: SetClock) -> MemoryHost:
    return MemoryHost(clock)


@pytest.fixture(scope="session")
def robert() -> Identity:
    return generate_identity("robert")


@pytest.fixture(scope="session")
def miriam() -> Identity:
    return generate_identity("miriam")


@pytest.fixture(scope="session")
def paper() -> Identity:
    """Whoever keeps the recovery key; only its reading half is used."""
    return generate_identity("paper")


@pytest.fixture(scope="session")
def service_key() -> ServiceKey:
    return new_service_key("svc-test")


@dataclass
class Team:
    """A roster that a test may change: who is on duty, and whether there is a recovery key."""

    members: list[Identity]
    recovery: list[Identity]
    service_key: ServiceKey
    on_duty: set[str] = field(default_factory=lambda: {"robert", "miriam"})
    names: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"robert": ("Robert Kraus",), "miriam": ("Miriam Quist",)}
    )

    def __call__(self) -> Roster:
        members = tuple(
            Member(
                Alias(one.alias), one.recipient, one.signing_key, f"{one.alias}@team.example.org",
                one.alias in self.on_duty, self.names.get(one.alias, ()), (), {"github": f"{one.alias}-gh"},
            )
            for one in self.members
        )  # fmt: skip
        recovery = tuple(
            RecoveryKey(one.alias, one.recipient, f"{one.alias}@board.example.org") for one in self.recovery
        )
        key = ServiceKeyEntry(self.service_key.id, self.service_key.public_line)
        return Roster(1, "", "0" * 64, members, recovery, (key,))


@pytest.fixture
def team(robert: Identity, miriam: Identity, paper: Identity, service_key: ServiceKey) -> Team:
    return Team([robert, miriam], [paper], service_key)


@pytest.fixture
def spaces(database: Database) -> Audiences:
    return Audiences(database._engine)


def proven_by_admin(spaces: Audiences, now: datetime, space_id: str = "4711") -> None:
    """What an admin's credential saw is proven, for the repository with this id."""
    seen = Audience(SPACE, (), (), complete=True, space_id=space_id)
    spaces.admin_passed(SPACE, prove_by_admin(seen, allowed=frozenset(), acknowledged=(), now=now), now)


@pytest.fixture
def guard(database: Database, spaces: Audiences, host: MemoryHost, team: Team, clock: SetClock) -> Guard:
    proven_by_admin(spaces, clock.now())
    return Guard(book=spaces, store=database, hosts={SPACE: host}, roster=team, acknowledged={}, clock=clock)


@pytest.fixture
def work(
    database: Database, host: MemoryHost, guard: Guard, team: Team, service_key: ServiceKey, clock: SetClock
) -> Casework:
    return Casework(
        store=database,
        hosts={SPACE: host},
        guard=guard,
        roster=team,
        process=default_process(),
        service_key=service_key,
        clock=clock,
    )


# Reports --------------------------------------------------------------------------------------------


def a_report(subject: str = "Noah", account: str = CANARY, **fields: str) -> Report:
    told = {"subject": subject, "account": account, **fields}
    return Report(
        submitted_at=None,
        fields={
            ReportField(name): (Answer(name, Untrusted("a question"), Untrusted(text)),)
            for name, text in told.items()
        },
    )


@dataclass
class Intake:
    """Takes reports in as the door does."""

    work: Casework
    count: int = 0

    def __call__(self, report: Report | None = None, *, submission: str | None = None) -> Receipt:
        self.count += 1
        return receive(
            "form", SPACE, submission or f"sub-{self.count}", report or a_report(),
            store=self.work.store, clock=self.work.clock,
        )  # fmt: skip


@pytest.fixture
def take_in(work: Casework) -> Intake:
    return Intake(work)


@pytest.fixture
def make_report() -> Callable[..., Report]:
    return a_report


@pytest.fixture
def canary() -> str:
    return CANARY


# Mail -----------------------------------------------------------------------------------------------


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# A folder -------------------------------------------------------------------------------------------


@pytest.fixture
def filled_in(tmp_path: Path, robert: Identity) -> Path:
    """A configuration as ``init`` makes it, with what a person adds."""
    folder = tmp_path / "coc"
    made = CliRunner().invoke(main, ["init", str(folder)])
    key = re.search(r"^\[\[service_keys\]\]\n.*\n.*$", made.output, re.MULTILINE)
    assert key is not None
    roster = (
        "version = 1\nserial = 1\n[[members]]\n"
        f'alias = "robert"\nrecipient = "{robert.recipient}"\nsigning_key = "{robert.signing_key}"\n'
        f'email = "robert@example.org"\non_duty = true\nnames = ["Robert Kraus"]\n{key[0]}\n'
    )
    (folder / "roster.toml").write_text(roster, encoding="utf-8")
    (folder / "roster.toml.sig.robert").write_text(robert.sign("coc-roster@v1", roster.encode()))
    for name in ("github.token", "typeform.secret"):
        (folder / name).touch(mode=0o600)
    (folder / "github.token").write_text("a-token")
    (folder / "typeform.secret").write_text("a-secret-that-is-long-enough")
    return folder / "coc-server.toml"


@pytest.fixture
def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(autouse=True)
def the_umask_stays_as_it_was() -> Iterator[None]:
    """The command sets it for its own process, which here is that of all tests."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)

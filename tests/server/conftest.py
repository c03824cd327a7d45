"""A database in a folder, a ticket space in memory, members with real keys, and a mail server that listens."""

from __future__ import annotations

import os
import re
import shutil
import socket
import socketserver
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.audience import Audience, Principal, prove_by_admin
from integration.casework import Casework, receive
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.diary.keys import Identity, ServiceKey, generate_identity, new_service_key
from integration.errors import HostGone
from integration.guard import Guard
from integration.incident import Alias, IncidentId, SpaceName
from integration.mirror import ALL, PlainComment, Shown, StepState, TicketName, TicketRef, TicketState
from integration.process import default_process
from integration.report import Answer, Report, ReportField
from integration.roster import Member, RecoveryKey, Roster, ServiceKeyEntry
from integration.text import SealedText, Untrusted
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
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.errors import BudgetSpent
    from integration.host_events import Touched
    from integration.mirror import Difference, MirrorView, StepView
    from integration.ports import HostKind
    from integration.store import Receipt
    from tests.conftest import SetClock

CANARY = "canary-3e9b51c07a4d4f6b8e1d2c90"
SPACE = SpaceName("conduct")


# A ticket space -------------------------------------------------------------------------------------


@dataclass
class MemoryTicket:
    """One ticket as a host keeps it."""

    ref: TicketRef
    incident: IncidentId
    opened_at: datetime
    fields_right: bool = True
    steps: dict[str, StepState] = field(default_factory=dict)
    comments: list[SealedComment] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    damaged: set[CommentId] = field(default_factory=set)
    restricted: bool = True
    shown: Shown | None = None
    plain: list[PlainComment] = field(default_factory=list)
    as_written: bool = True


def shown_of(view: MirrorView, *, closed: bool = False) -> Shown:
    """A ticket that shows a view."""
    return Shown(
        view.type, view.stage, view.impact, view.likelihood, view.lead, view.secondary, closed, view.risk,
        view.stronger_action,
    )  # fmt: skip


@dataclass
class MemoryHost:
    """A host in memory. ``calls`` is what was asked of it in order; ``trouble`` may raise before any call.

    ``lag`` is how long after its opening a ticket is found. ``loses`` drops that many parts of a write. ``spent``
    says that the budget of writes is used up. ``own_texts`` shapes every text otherwise than it was written.
    """

    clock: SetClock
    accounts: list[str] = field(default_factory=lambda: ["coc-bot"])
    open_doors: list[str] = field(default_factory=list)
    tickets: list[MemoryTicket] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    trouble: Callable[[str], None] = lambda _call: None
    lag: timedelta = timedelta(0)
    loses: int = 0
    stubborn_fields: bool = False
    own_texts: bool = False
    kind: HostKind = "github"
    space: SpaceName = SPACE
    own_accounts: frozenset[str] = frozenset({"coc-bot"})
    part_bytes: int = 44_000
    holds_files: bool = True
    at_once: int = 100
    spent: BudgetSpent | None = None
    space_id: str = "4711"

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.trouble(name)

    def ready(self, incidents: int = 1) -> None:
        del incidents
        if self.spent is not None:
            raise self.spent

    def ready_to_look(self, looks: int = 1) -> None:
        self.ready(looks)

    def audience(self) -> Audience:
        self._called("audience")
        principals = tuple(Principal(account, "a role") for account in self.accounts)
        return Audience(
            self.space, principals, tuple(self.open_doors), "coc-bot" in self.accounts, self.space_id
        )

    def find(self, incident: IncidentId, *, since: datetime) -> tuple[TicketRef, ...]:
        self._called("find")
        now = self.clock.now()
        return tuple(
            one.ref
            for one in self.tickets
            if one.incident == incident and one.opened_at >= since and one.opened_at + self.lag <= now
        )

    def open_ticket(self, view: MirrorView) -> TicketRef:
        self._called("open_ticket")
        number = len(self.tickets) + 1
        ref = TicketRef(
            TicketName(f"github:acme/conduct#{number}"), str(number), f"#{number}", "https://host.example"
        )
        self.tickets.append(MemoryTicket(ref, view.incident, self.clock.now(), not self.stubborn_fields))
        return ref

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        self._called("read")
        one = self._ticket(ref)
        return TicketState(
            one.ref,
            one.fields_right,
            {step.key: one.steps[step.key] for step in view.steps if step.key in one.steps},
            {comment.text: f"c{n}" for n, comment in enumerate(one.comments)},
            frozenset(one.damaged),
            one.restricted,
            shown=one.shown,
            plain=tuple(one.plain),
            parts=frozenset(only),
            as_written=one.as_written and not self.own_texts,
        )

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        del fresh
        self._called("write")
        one = self._ticket(ref)
        assert one.incident == view.incident
        if lacking.fields:
            one.fields_right = not self.stubborn_fields
            if one.shown is not None:
                one.shown = shown_of(view, closed=one.shown.closed)
        one.as_written |= lacking.text
        for step in lacking.steps:
            assert step.key not in one.steps
            if not self._lost():
                one.steps[step.key] = StepState(step.key, step.title, done=False)
        for comment in lacking.comments:
            assert comment.id not in {there.id for there in one.comments}
            if not self._lost():
                one.comments.append(comment)
        return {comment.id: "written" for comment in one.comments}

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> list[str]:
        self._called("attach")
        one = self._ticket(ref)
        assert one.incident == view.incident
        lacking = [name for name in files if name not in one.files]
        one.files |= {name: content(name) for name in lacking}
        return lacking

    def erase(
        self, ref: TicketRef, view: MirrorView, places: Collection[CommentId], files: Collection[str]
    ) -> None:
        self._called("erase")
        one = self._ticket(ref)
        assert one.incident == view.incident
        one.comments = [comment for comment in one.comments if comment.id not in places]
        one.files = {name: content for name, content in one.files.items() if name not in files}

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> None:
        self._called("remove")
        one = self._ticket(ref)
        assert one.incident == view.incident
        gone = {comment.id for comment in comments}
        one.plain = [comment for comment in one.plain if comment.id not in gone]

    def reopen(
        self, ref: TicketRef, view: MirrorView, found: TicketState, unfinished: Sequence[StepView]
    ) -> None:
        self._called("reopen")
        one = self._ticket(ref)
        assert one.incident == view.incident
        assert found.shown is not None
        assert unfinished
        one.shown = replace(found.shown, closed=False)

    def _lost(self) -> bool:
        self.loses -= 1
        return self.loses >= 0

    def _ticket(self, ref: TicketRef) -> MemoryTicket:
        for one in self.tickets:
            if one.ref.id == ref.id:
                return one
        raise HostGone("The ticket is not there.")


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
    return lambda head: SealedComment(
        head.incident, "github:acme/conduct#1", CommentId(head.seq + 1, 1), 1, 1, CommentKind.ENTRY, head.link,
        Link("l" * 43), SealedText("sealed"),
    )  # fmt: skip


@pytest.fixture
def hand_over(database: Database, a_comment: Callable[[Head], SealedComment]) -> Callable[[str], None]:
    """Put a delivery's report into the diary, as far as the database is concerned."""

    def hand_over(inbox_id: str) -> None:
        head = database.head(database.delivery(inbox_id).incident)
        database.hand_over(inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())

    return hand_over


@pytest.fixture
def fellows(database: Database) -> Fellows:
    """This process among those of the database: it is alone."""
    engine = database._engine
    return Fellows("server", workers=Workers(engine), locks=Locks(engine), sealer=database._sealer)


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


@dataclass
class Told:
    """A notifier that remembers. ``trouble`` may raise before it does."""

    mails: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)
    trouble: Exception | None = None

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.mails.append((tuple(addresses), subject, text))


@pytest.fixture
def told() -> Told:
    return Told()


class _Conversation(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs to give a mail away."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 mail.example.org")
        sender = ""
        to: list[str] = []
        while line := self.rfile.readline().decode("utf-8").strip():
            word = line.split(" ", 1)[0].upper()
            self.server.commands.append(word)
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "EHLO":
                self._say("250-mail.example.org\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self.server.logins.append(line.split(" ")[-1])
                self._say("235 welcome")
            elif word == "MAIL":
                sender, to = line, []
                self._say("250 ok")
            elif word == "RCPT":
                address = line[line.index("<") + 1 : line.index(">")]
                if address in self.server.refuses:
                    self._say(f"550 {address} is not here")
                else:
                    to.append(address)
                    self._say("250 ok")
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(part)
                self.server.mails.append((sender, to, b"".join(lines).decode("utf-8")))
                self._say("250 taken")
            else:
                self._say("250 ok" if word == "RSET" else "502 what?")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server on loopback. ``mails`` are (MAIL line, addresses, text); ``refuses`` are unknown addresses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[tuple[str, list[str], str]] = []
        self.refuses: set[str] = set()
        self.commands: list[str] = []
        self.logins: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


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

"""A small team, its service on loopback with a real sealed diary, and desks whose keys unlock quickly."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

import pyrage
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask

from desk.cli import main
from desk.home import Home, PublicKeys
from integration.code_name import CodeName
from integration.diary.accept import accept
from integration.diary.chain import Head, genesis
from integration.diary.keys import Identity, Reader, ServiceKey, generate_identity, new_service_key
from integration.diary.seal import Card, EntryContent, EntryDraft, open_first_epoch, seal_entry
from integration.errors import HeadConflict, WriteRefused
from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.mirror import TicketName
from integration.risk import Level
from integration.roster import Roster, parse_roster
from integration.roster_files import signature_path
from integration.text import SealedText, Untrusted
from sandbox.wire import serving
from webhook_server.api import api
from webhook_server.api_ports import ShelvedIncident, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from integration.diary.comment import SealedComment
    from integration.diary.keys import Epoch

PASSPHRASE = "five quite ordinary random words"
ACCOUNT = "canary-account-4be1f0c27ad94a6c9d35e8b1"
SUBJECT = "canary-subject-8c7d10f3b5ee4b1f96a20d44"
INCIDENT = IncidentId("inc_abcdefghijklmnopqrstuvwxyz")
TICKET = TicketName("github:acme/conduct#17")


def quickly_locked(identity: Identity) -> bytes:
    """An identity file like any other, but with the lowest work factor: tests unlock many times."""
    clear = pyrage.passphrase.decrypt(identity.lock(PASSPHRASE), PASSPHRASE)
    file_key, salt, nonce = b"k" * 16, b"s" * 16, b"n" * 16
    wrap = hashlib.scrypt(
        PASSPHRASE.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=2, r=8, p=1, dklen=32
    )
    wrapped = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_bare(salt)} 1\n{_bare(wrapped)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    body = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", clear, None)
    coded = base64.b64encode(header + f" {_bare(mac)}\n".encode() + nonce + body).decode()
    lines = [coded[at : at + 64] for at in range(0, len(coded), 64)]
    return "\n".join(
        ["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""]
    ).encode()


def _bare(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt or None, info).derive(key)


@dataclass
class Team:
    """Robert is cleared for BLUE-JAY-27, Miriam is not; both are on the team."""

    passphrase: ClassVar[str] = PASSPHRASE
    robert: Identity = field(default_factory=lambda: generate_identity("robert"))
    miriam: Identity = field(default_factory=lambda: generate_identity("miriam"))
    service: ServiceKey = field(default_factory=lambda: new_service_key("svc-2026a"))
    recovery: Identity = field(default_factory=lambda: generate_identity("recovery"))

    def roster_file(self, *, serial: int = 1, previous: str = "", extra: str = "") -> bytes:
        members = "".join(
            f'[[members]]\nalias = "{one.alias}"\nrecipient = "{one.recipient}"\n'
            f'signing_key = "{one.signing_key}"\nemail = "{one.alias}@team.example"\n\n'
            for one in (self.robert, self.miriam)
        )
        return (
            f'version = 1\nserial = {serial}\nprevious = "{previous}"\n\n{members}'
            f'[[recovery]]\nname = "safe-one"\nrecipient = "{self.recovery.recipient}"\n'
            f'email = "keeper@safe.example"\n\n'
            f'[[service_keys]]\nid = "{self.service.id}"\npublic = "{self.service.public_line}"\n{extra}'
        ).encode()

    @property
    def roster(self) -> Roster:
        return parse_roster(self.roster_file(), where="The roster")

    def write(self, path: Path, raw: bytes, *signers: Identity) -> None:
        """A roster with its signatures beside it; a team of two needs one."""
        path.write_bytes(raw)
        for one in signers or (self.robert,):
            signature_path(path, one.alias).write_text(one.sign("coc-roster@v1", raw), encoding="ascii")


@dataclass
class Shelf:
    """The service's store in memory. Tests change it to play a service or a host that lies."""

    account: ClassVar[str] = ACCOUNT
    subject: ClassVar[str] = SUBJECT

    team: Team
    incident: ShelvedIncident
    sealed: list[SealedComment] = field(default_factory=list)
    epoch: Epoch | None = None
    claimed: Head | None = None
    roster: Roster | None = None
    nonces: set[str] = field(default_factory=set)

    cleared: set[str] = field(default_factory=lambda: {"robert"})
    restored: list[bool] = field(default_factory=list)
    waits: Waiting | None = None
    faster: list[str] = field(default_factory=list)
    """Reports of the service that are written just before a desk's next write is looked at: somebody is faster."""

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        return self.incident if code_name == self.incident.code_name and alias in self.cleared else None

    def cleared_incidents(self, alias: str) -> list[ShelvedIncident]:
        return [self.incident] if alias in self.cleared else []

    def all_incidents(self, alias: str) -> list[tuple[ShelvedIncident, bool]]:
        return [(self.incident, alias in self.cleared)]

    def waiting(self, incident: IncidentId) -> Waiting | None:
        del incident
        return self.waits

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        del incident, name
        return None

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        del incident, name, content
        raise WriteRefused("This fake holds no files.")

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        """As the service does it: compare and swap, check, seal, keep."""
        while self.faster:
            self.write(self.faster.pop())
        if head != self.newest:
            raise HeadConflict("The diary has moved on since it was read.")
        assert self.epoch is not None
        own = TicketName(self.sealed[-1].ticket)
        accepted = accept(
            texts, incident=incident, ticket=own, head=head, epoch=self.epoch, service=self.team.service,
            moved_to=self.incident.ticket if self.incident.ticket != own else None,
        )  # fmt: skip
        self.sealed += accepted.comments
        if accepted.epoch is not None:
            self.epoch = accepted.epoch
            self.cleared = set(readers)
        return self.newest

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        del incident
        self.restored.append(new_ticket)

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        del incident, redaction
        self.sealed = [one for one in self.sealed if one.id.seq != seq]

    def comments(self, incident: IncidentId) -> list[SealedText]:
        return [comment.text for comment in self.sealed if comment.incident == incident]

    def head(self, incident: IncidentId) -> Head | None:
        del incident
        return self.claimed or self.newest

    @property
    def newest(self) -> Head:
        if not self.sealed:
            return genesis(INCIDENT)
        last = self.sealed[-1]
        return Head(last.incident, last.id.seq, last.id.part, last.link)

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        del alias, expires
        new = nonce not in self.nonces
        self.nonces.add(nonce)
        return new

    def write(self, body: str, *, card: Card | None = None, incident: IncidentId = INCIDENT) -> None:
        """An entry of the service: the first one opens the diary."""
        entry = EntryDraft(
            EntryContent.REPORT, Untrusted(body), card, datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
        )
        now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
        if self.epoch is None:
            robert = self.team.robert
            first = open_first_epoch(
                incident=incident,
                ticket=self.incident.ticket or TICKET,
                readers=[Reader("robert", robert.recipient, robert.signing_key)],
                recovery=[Reader("safe-one", self.team.recovery.recipient, None)],
                roster_hash=(self.roster or self.team.roster).hash,
                roster_serial=(self.roster or self.team.roster).serial,
                entry=entry,
                service=self.team.service,
                now=now,
                part_bytes=44_000,
            )
            self.epoch = first.epoch
            self.sealed += first.comments
            return
        self.sealed += seal_entry(
            incident=incident,
            ticket=self.sealed[-1].ticket,
            head=self.newest,
            epoch=self.epoch,
            entry=entry,
            service=self.team.service,
            now=now,
            part_bytes=44_000,
        )


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="session")
def team() -> Team:
    return Team()


@pytest.fixture(scope="session")
def locked(team: Team) -> bytes:
    return quickly_locked(team.robert)


@pytest.fixture(scope="session")
def miriam_locked(team: Team) -> bytes:
    return quickly_locked(team.miriam)


@pytest.fixture
def shelf(team: Team) -> Shelf:
    shelf = Shelf(
        team,
        ShelvedIncident(
            id=INCIDENT,
            code_name=CodeName("BLUE-JAY-27"),
            type=IncidentType.CONDUCT_ENFORCEMENT,
            stage=Stage.REPORTED,
            impact=Level.MEDIUM,
            likelihood=Level.LOW,
            lead=Alias("robert"),
            secondary=None,
            ticket=TICKET,
            ticket_url="https://github.example/acme/conduct/issues/17",
            opened_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
            part_bytes=44_000,
        ),
    )
    shelf.write(
        f"? What happened\n  {ACCOUNT}",
        card=Card(
            Untrusted("Ana Example"),
            Untrusted(SUBJECT),
            Untrusted("A talk was shouted down"),
            "Conduct Enforcement",
        ),
    )
    return shelf


@pytest.fixture
def service(team: Team, shelf: Shelf) -> Iterator[str]:
    """The address of the service, served on loopback. Its own address is only known once it listens."""
    app = Flask(__name__)
    with serving(app) as origin:
        app.register_blueprint(api(shelf, shelf, lambda: team.roster, origin=origin, clock=_Now()))
        yield origin


class Coc(Protocol):
    """Runs ``coc`` with a desk's folder and passphrase file."""

    folder: Path

    def __call__(self, *args: str, input: str | bytes | None = None) -> Result: ...  # noqa: A002 - click's name


@dataclass
class Desk:
    """The :class:`Coc` on one folder."""

    folder: Path

    def __call__(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's name
        result = CliRunner().invoke(main, ["--home", str(self.folder), *args], input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result


@pytest.fixture
def coc(tmp_path: Path) -> Coc:
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="session")
def people() -> dict[str, tuple[Identity, bytes]]:
    """More members, each with the locked key: whoever makes a roster needs several."""
    found: dict[str, tuple[Identity, bytes]] = {}
    for alias in ("robert", "charlie", "rachel", "miriam"):
        identity = generate_identity(alias)
        found[alias] = (identity, quickly_locked(identity))
    return found


@pytest.fixture
def desk_of(tmp_path: Path, people: dict[str, tuple[Identity, bytes]]) -> Callable[[str], Coc]:
    """The desk of one of these people, with their key."""

    def made(alias: str) -> Coc:
        identity, locked = people[alias]
        desk = Desk(tmp_path / f"desk-of-{alias}")
        if not desk.folder.exists():
            keys = PublicKeys(alias, identity.recipient, identity.signing_key)
            Home(desk.folder).keep_identity(locked, keys)
        return desk

    return made


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def roberts(coc: Coc, team: Team, locked: bytes, service: str, tmp_path: Path) -> Coc:
    """Robert's desk, with key, connected to the service."""
    robert = team.robert
    Home(coc.folder).keep_identity(locked, PublicKeys(robert.alias, robert.recipient, robert.signing_key))
    roster = tmp_path / "roster.toml"
    team.write(roster, team.roster_file())
    assert coc("connect", service, "--roster", str(roster), input="y\n").exit_code == 0
    return coc


@pytest.fixture
def miriams(team: Team, miriam_locked: bytes, service: str, tmp_path: Path) -> Coc:
    """Miriam's desk, connected to the same service."""
    miriam = team.miriam
    desk = Desk(tmp_path / "desk-of-miriam-of-the-team")
    Home(desk.folder).keep_identity(
        miriam_locked, PublicKeys(miriam.alias, miriam.recipient, miriam.signing_key)
    )
    roster = tmp_path / "roster-for-miriam.toml"
    team.write(roster, team.roster_file())
    assert desk("connect", service, "--roster", str(roster), input="y\n").exit_code == 0
    return desk


class At:
    """A desk whose passphrase is known."""

    def __init__(self, desk: Coc, passphrase_file: str) -> None:
        self.desk = desk
        self.passphrase_file = passphrase_file

    def __call__(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's name
        return self.desk(*args, "--passphrase-file", self.passphrase_file, input=input)


@pytest.fixture
def robert(roberts: Coc, passphrase_file: str) -> At:
    return At(roberts, passphrase_file)


@pytest.fixture
def miriam(miriams: Coc, passphrase_file: str) -> At:
    return At(miriams, passphrase_file)

"""A team, a service and a pen that can write anything: the right comments, and every forgery."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import comment as comments
from integration.diary import frame as frames
from integration.diary import sshsig
from integration.diary.chain import Head
from integration.diary.comment import CommentId, CommentKind, SealedComment
from integration.diary.contents import Trust
from integration.diary.frame import Card, EntryContent, Frame
from integration.diary.keyring import EpochSecrets, Keyring
from integration.diary.keys import (
    Epoch,
    Identity,
    Reader,
    ServiceKey,
    generate_identity,
    new_secret,
    new_service_key,
    recipient_of,
)
from integration.diary.open import open_diary
from integration.diary.seal import EntryDraft, FirstEpoch, open_first_epoch
from integration.text import Untrusted
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integration.diary.open import Diary, Opener
    from integration.incident import IncidentId
    from tests.diary.conftest import Dress

NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
THEN = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
ROSTER = "ab" * 32
"""Hash of the roster that everybody has accepted; its serial is 3."""

GITHUB = "github:acme/conduct#17"
JIRA = "jira:acme.atlassian.net/10042"


@dataclass(frozen=True)
class RecoveryKey:
    """What ``age-keygen`` makes: it reads and does not sign."""

    name: str
    secret: str

    def reader(self) -> Reader:
        return Reader(self.name, recipient_of(self.secret), None)


@dataclass
class Pen:
    """Writes comments. Each of its fields can be set wrong, to forge."""

    incident: IncidentId
    ticket: str
    service: ServiceKey
    head: Head
    ring: Keyring

    def write(
        self,
        who: Identity | ServiceKey,
        body: str = "what was said",
        *,
        content: EntryContent = EntryContent.NOTE,
        epoch: Epoch | None = None,
        write_secret: str | None = "",
        frame: dict[str, Any] | None = None,
        plain: dict[str, Any] | None = None,
        to: Sequence[str] | None = None,
        opens: Epoch | None = None,
        seal_with: ServiceKey | None = None,
        keep: bool = True,
        card: Card | None = None,
    ) -> SealedComment:
        """One comment of one part after the head. ``frame`` and ``plain`` override what stands inside and outside.

        ``write_secret`` is the newest epoch's unless given; None leaves the signature out.
        """
        epoch = epoch or opens or self.ring.newest.epoch
        if write_secret == "":
            write_secret = self.ring.newest.write_secret
        place = CommentId(self.head.seq + 1, 1)
        kind = CommentKind.KEYRING if opens else CommentKind.ENTRY
        author = f"service:{who.id}" if isinstance(who, ServiceKey) else f"member:{who.alias}"
        inside = Frame(
            incident=self.incident, ticket=self.ticket, id=place, parts=1, prev=self.head.link, epoch=epoch.number,
            recipient=epoch.recipient, kind=kind, content=content, author=author, event_at=THEN, entry_at=NOW,
            body=Untrusted(body), card=card,
        )  # fmt: skip
        signed = frames.signed_text(replace(inside, **(frame or {})))
        padded = frames.pad(signed, who.sign(frames.NAMESPACE, signed))
        age = pyrage.encrypt(
            padded, [pyrage.x25519.Recipient.from_str(one) for one in to or [epoch.recipient]]
        )
        outside = {
            "incident": self.incident, "ticket": self.ticket, "place": place, "parts": 1, "epoch": epoch.number,
            "kind": kind, "prev": self.head.link, **(plain or {}),
        }  # fmt: skip
        return self._finish(outside, opens, age, write_secret, seal_with or self.service, keep=keep)

    def _finish(
        self,
        outside: dict[str, Any],
        opens: Epoch | None,
        age: bytes,
        write_secret: str | None,
        seal_with: ServiceKey,
        *,
        keep: bool,
    ) -> SealedComment:
        shown = comments.head_lines(comments.plain_line(**outside), opens)
        link = comments.link_of(shown, age)
        write = None
        if write_secret:
            key = Ed25519PrivateKey.from_private_bytes(comments.from_b64url(write_secret))
            write = key.sign(comments.write_message(link))
        seal = seal_with.seal(comments.seal_message(link, write))
        text = comments.render(shown, age, write, seal, seal_with.id)
        (made,) = comments.find_comments(text)
        if keep:
            self.head = Head(made.incident, made.id.seq, made.id.part, made.link)
        return made.sealed()

    def rekey(
        self,
        who: Identity | ServiceKey,
        readers: Sequence[Reader],
        *,
        number: int | None = None,
        wrap_to: Sequence[Reader] | None = None,
        write_secret: str | None = "",
        history: Sequence[EpochSecrets] | None = None,
        frame: dict[str, Any] | None = None,
        keep: bool = True,
        named: Epoch | None = None,
    ) -> SealedComment:
        """Open the next epoch for these readers."""
        earlier = self.ring.epochs if history is None else tuple(history)
        secrets = new_epoch(number or self.ring.newest.epoch.number + 1, readers)
        ring = Keyring((secrets, *(replace(one, write_secret=None) for one in earlier)))
        made = self.write(
            who, ring.dump().reveal(), content=EntryContent.KEYRING, opens=named or secrets.epoch,
            to=[one.recipient for one in wrap_to or readers], write_secret=write_secret, frame=frame, keep=keep,
        )  # fmt: skip
        if keep:
            self.ring = ring
        return made


def new_epoch(number: int, readers: Iterable[Reader]) -> EpochSecrets:
    secret, writing = new_secret(), Ed25519PrivateKey.generate()
    epoch = Epoch(number, recipient_of(secret), sshsig.public_line(writing.public_key()))
    return EpochSecrets(
        epoch, 3, ROSTER, tuple(readers), secret, comments.to_b64url(writing.private_bytes_raw())
    )


@dataclass
class Team:
    """Two members on duty, one who is not cleared, a recovery key, a service; and a diary that they began."""

    ticket: str = GITHUB
    robert: Identity = field(default_factory=lambda: generate_identity("robert"))
    salma: Identity = field(default_factory=lambda: generate_identity("salma"))
    quentin: Identity = field(default_factory=lambda: generate_identity("quentin"))
    paper: RecoveryKey = field(default_factory=lambda: RecoveryKey("paper-1", new_secret()))
    service: ServiceKey = field(default_factory=lambda: new_service_key("svc-2026a"))
    incident: IncidentId = field(default_factory=new_incident_id)
    part_bytes: int = 20_480
    dress: Dress = str
    """How a host shows every text that is read, if the test does not dress them itself."""

    def begin(self, body: str = "The whole report.", **changes: Any) -> FirstEpoch:  # noqa: ANN401 - any argument of the function
        """The first epoch, for robert, salma and the recovery key."""
        draft = EntryDraft(
            EntryContent.REPORT,
            Untrusted(body),
            Card(Untrusted("Jo Ann"), Untrusted("Mr X"), Untrusted("a remark"), "Conduct Enforcement"),
            THEN,
        )
        return open_first_epoch(
            **{
                "incident": self.incident, "ticket": self.ticket,
                "readers": [self.robert.reader(), self.salma.reader()], "recovery": [self.paper.reader()],
                "roster_hash": ROSTER, "roster_serial": 3, "entry": draft, "service": self.service, "now": NOW,
                "part_bytes": self.part_bytes, **changes,
            }
        )  # fmt: skip

    def trust(self, **changes: Any) -> Trust:  # noqa: ANN401 - any field of Trust
        if "rosters" in changes:  # the last that was accepted is the one in use
            changes.setdefault("readers", next(reversed(changes["rosters"].values()), ()))
        members = (self.robert, self.salma, self.quentin)
        known = {one.alias: one.signing_key for one in members}
        listed = [*(one.reader() for one in members), self.paper.reader()]
        trust = Trust(
            self.incident,
            self.ticket,
            {self.service.id: self.service.public_line},
            known,
            rosters={ROSTER: listed},
            readers=listed,
        )
        return replace(trust, **changes)

    def pen(self, first: FirstEpoch) -> Pen:
        """A pen at the end of the diary that has what robert's key opens."""
        last = first.comments[-1]
        ring = self.read([one.text for one in first.comments]).keyring
        assert ring is not None
        return Pen(self.incident, self.ticket, self.service, Head(last.incident, *last.id, last.link), ring)

    def read(
        self,
        texts: Iterable[str],
        who: Opener | None = None,
        *,
        head: Head | None = None,
        **changes: Any,  # noqa: ANN401 - any field of Trust
    ) -> Diary:
        """What somebody reads (robert, if nobody is named)."""
        shown = [self.dress(text) for text in texts]
        return open_diary(shown, identity=who or self.robert, trust=self.trust(**changes), head=head)

"""How comments look on each host, and diaries that a team has begun: one by a pen, one by desks through the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from desk.from_host import text_of
from integration.diary import comment as comments
from integration.diary.accept import Accepted, accept
from integration.diary.chain import Head
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.diary.frame import EntryContent
from integration.diary.keys import Epoch, Identity, Reader
from integration.diary.seal import EntryDraft
from integration.diary.write import UnsealedComment, open_next_epoch, write_entry
from integration.github.text import comment_body
from integration.jira.text import code_texts, diary_comment
from integration.text import SealedText, Untrusted
from tests.diary.nib import Nib
from tests.diary.team import GITHUB, NOW, ROSTER, THEN, Pen, Team
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from integration.diary.open import Diary, Opener

    Dress = Callable[[str], str]
    Codes = Callable[[Diary], list[tuple[str, int]]]


def on_github(text: str) -> str:
    """The comment as our GitHub host writes it, after somebody pressed save in GitHub's editor: CR LF."""
    found = comments.find_comments(text)
    place, parts = (found[0].id, found[0].parts) if found else (CommentId(1, 1), 1)
    made = SealedComment(
        new_incident_id(), GITHUB, place, parts, 1, CommentKind.ENTRY, Link(""), Link(""), SealedText(text)
    )
    return comment_body(made).replace("\n", "\r\n")


def in_jira(text: str) -> str:
    """The comment as our Jira host writes it, and as a desk reads it from the ticket; the service reads the same."""
    document = json.loads(json.dumps(diary_comment(SealedText(text))))
    at_desk = text_of(document)
    assert comments.find_blocks(code_texts(document)) == comments.find_blocks(at_desk)
    return at_desk


@pytest.fixture(params=[on_github, in_jira], ids=["github", "jira"])
def dress(request: pytest.FixtureRequest) -> Dress:
    """How a comment looks when it comes back from a host."""
    shown: Dress = request.param
    return shown


@pytest.fixture
def team() -> Team:
    return Team()


@pytest.fixture(params=[on_github, in_jira], ids=["github", "jira"])
def on_both_hosts(request: pytest.FixtureRequest, team: Team) -> None:
    """For tests that read through :meth:`Team.read`: everything comes back from a host, once from each."""
    team.dress = request.param


@pytest.fixture(scope="session")
def new_team() -> type[Team]:
    """Another team, or the same with another ticket."""
    return Team


@dataclass
class Story:
    """A diary of two epochs: report, note, rekey, meeting, decision, note; as the texts on a ticket."""

    team: Team
    pen: Pen
    made: list[SealedComment]

    def texts(self, dress: Dress = str) -> list[str]:
        return [dress(one.text) for one in self.made]

    @property
    def head(self) -> Head:
        return self.pen.head


@pytest.fixture
def story(team: Team) -> Story:
    """Entries 1 keyring, 2 report, 3 note of robert, 4 keyring by robert, 5 meeting of salma, 6 decision, 7 note."""
    first = team.begin()
    pen = team.pen(first)
    made = list(first.comments)
    made.append(pen.write(team.robert, "I called them."))
    made.append(pen.rekey(team.robert, [team.robert.reader(), team.salma.reader(), team.paper.reader()]))
    made.append(pen.write(team.salma, "We met.", content=EntryContent.MEETING))
    made.append(pen.write(team.robert, "We decided.", content=EntryContent.DECISION))
    made.append(pen.write(team.robert, "The last note."))
    return Story(team, pen, made)


WHOLE = [2, 3, 5, 6, 7]
"""Numbers of all entries of the fixture ``story`` but its keyrings."""


@dataclass
class Shelf:
    """A service that takes what desks write, as it stands in its store and on the ticket."""

    team: Team
    made: list[SealedComment]
    epoch: Epoch

    def texts(self, dress: Dress = str) -> list[str]:
        return [dress(one.text) for one in self.made]

    @property
    def head(self) -> Head:
        last = self.made[-1]
        return Head(last.incident, *last.id, last.link)

    def read(self, who: Opener | None = None, **changes: Any) -> Diary:  # noqa: ANN401 - any field of Trust
        return self.team.read(self.texts(), who, head=self.head, **changes)

    def take(self, written: Iterable[UnsealedComment], **changes: Any) -> Accepted:  # noqa: ANN401 - any argument of accept
        """What the service does with what a desk sent."""
        accepted = accept(
            [one.text for one in written],
            **{
                "incident": self.team.incident, "ticket": self.made[-1].ticket, "head": self.head,
                "epoch": self.epoch, "service": self.team.service, "part_bytes": self.team.part_bytes, **changes,
            },
        )  # fmt: skip
        self.made += accepted.comments
        self.epoch = accepted.epoch or self.epoch
        return accepted

    def draft(
        self,
        who: Identity,
        body: str = "what was said",
        *,
        content: EntryContent = EntryContent.NOTE,
        diary: Diary | None = None,
        **changes: Any,  # noqa: ANN401 - any field of EntryDraft
    ) -> tuple[UnsealedComment, ...]:
        """An entry as a member's desk makes it."""
        return write_entry(
            diary or self.read(who), identity=who, part_bytes=self.team.part_bytes, now=NOW,
            draft=EntryDraft(content, Untrusted(body), None, THEN, **changes),
        )  # fmt: skip

    def write(self, who: Identity, body: str = "what was said", **changes: Any) -> Accepted:  # noqa: ANN401 - see draft
        return self.take(self.draft(who, body, **changes))

    def ring(
        self,
        who: Identity,
        readers: Sequence[Identity | Reader],
        *,
        diary: Diary | None = None,
        **changes: Any,  # noqa: ANN401 - any argument of open_next_epoch
    ) -> tuple[UnsealedComment, ...]:
        """The next epoch as a member's desk makes it."""
        return open_next_epoch(
            diary or self.read(who), identity=who,
            **{
                "readers": [one.reader() if isinstance(one, Identity) else one for one in readers], "recovery": [self.team.paper.reader()],
                "roster_serial": 3, "roster_hash": ROSTER, "part_bytes": self.team.part_bytes, "now": NOW, **changes,
            },
        )  # fmt: skip

    def rekey(self, who: Identity, readers: Sequence[Identity | Reader], **changes: Any) -> Accepted:  # noqa: ANN401 - see ring
        return self.take(self.ring(who, readers, **changes))


@pytest.fixture
def shelf(team: Team) -> Shelf:
    """Entries 1 keyring of the service, 2 report, 3 keyring by robert for robert and salma, 4 note of salma."""
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.salma, "I called them.")
    return shelf


@pytest.fixture
def nib(shelf: Shelf) -> Nib:
    return Nib(shelf)


@pytest.fixture
def codes() -> Codes:
    """Findings as (code, number of the entry)."""
    return lambda diary: [(one.code, one.comment.seq if one.comment else 0) for one in diary.findings]


def seqs(diary: Diary) -> list[int]:
    """Numbers of the entries that are shown."""
    return [entry.seq for entry in diary.entries]

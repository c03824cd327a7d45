"""Heads that members hand each other outside the service: section 4 of docs/diary-format.md.

Only so is it found that a service shows two members two histories. :func:`head_text` writes what one hands over,
:func:`read_heads` finds such heads in any text, :func:`compare_heads` holds them against a diary that was read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from integration.diary import sshsig
from integration.diary.chain import Head
from integration.diary.comment import CommentId, Link, lines_of
from integration.diary.findings import Finding, finding
from integration.incident import IncidentId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration.diary.contents import Diary, Trust
    from integration.diary.keys import Identity

NAMESPACE: Final = "coc-head@v1"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_NUMBER = r"[1-9][0-9]{0,8}"
_LINE = re.compile(
    r"CoC-Head: v1 inc=(inc_[a-z2-7]{26}) ticket=([A-Za-z0-9][A-Za-z0-9._:/#-]{0,199}) "
    rf"seq=({_NUMBER}) part=({_NUMBER}) link=([A-Za-z0-9_-]{{43}}) epoch=({_NUMBER}) "
    r"by=([A-Za-z][A-Za-z0-9_-]{0,31}) time=([0-9TZ:-]{20})\Z",
    re.ASCII,
)
_LONGEST_SIGNATURE = 20


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head as somebody handed it over. No signature was checked.

    ``by`` is who is said to have signed it, ``time`` when. ``line`` and ``signature`` are what was signed and the SSHSIG.
    """

    head: Head
    ticket: str
    epoch: int
    by: str
    time: datetime
    line: str = field(repr=False)
    signature: str = field(repr=False)

    @property
    def id(self) -> CommentId:
        """The place of the comment."""
        return CommentId(self.head.seq, self.head.part)


def head_text(head: Head, *, ticket: str, epoch: int, identity: Identity, now: datetime) -> str:
    """The head this member has seen, as signed text to hand over; of a read diary: ``head``, ``ticket``, ``epoch``.

    Raises:
        ValueError: the diary has no comment, or a value does not fit into the line.
    """
    line = (
        f"CoC-Head: v1 inc={head.incident} ticket={ticket} seq={head.seq} part={head.part} link={head.link} "
        f"epoch={epoch} by={identity.alias} time={now.astimezone(UTC).strftime(_TIME)}"
    )
    if not _LINE.match(line):
        raise ValueError("The line of a head cannot hold one of its values.")
    return f"{line}\n" + identity.sign(NAMESPACE, _signed(line))


def read_heads(text: str) -> list[SignedHead]:
    """Every whole head in a text, whatever stands around it. Line ends and blanks around lines do not count."""
    lines = lines_of(text)
    found = []
    for at, line in enumerate(lines):
        match = _LINE.match(line)
        if match is None:
            continue
        rest = lines[at + 1 : at + 1 + _LONGEST_SIGNATURE]
        if not rest or rest[0] != sshsig.BEGIN or sshsig.END not in rest:
            continue
        signature = "".join(f"{one}\n" for one in rest[: rest.index(sshsig.END) + 1])
        try:
            when = datetime.strptime(match[8], _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue
        head = Head(IncidentId(match[1]), int(match[3]), int(match[4]), Link(match[5]))
        found.append(SignedHead(head, match[2], int(match[6]), match[7], when, line, signature))
    return found


def compare_heads(heads: Iterable[SignedHead], diary: Diary, trust: Trust) -> list[Finding]:
    """Whether what others have seen is in the history that was read here; nothing, if all is well.

    Args:
        heads: as they were handed over, of this diary.
        diary: as it was just read; every head that was handed over before should be in it.
        trust: from the pinned roster: who may have signed.
    """
    found = []
    for one in heads:
        if one.head.incident != diary.incident:
            found.append(finding("bad-head", None, "it is of another incident"))
        elif not _is_signed(one, trust):
            found.append(
                finding("bad-head", None, f"it is not signed with a key that a roster has for {one.by}")
            )
        elif one.id > CommentId(diary.head.seq, diary.head.part):
            found.append(finding("seen-further", one.id, one.by))
        elif diary.links.get(one.id, one.head.link) != one.head.link:
            found.append(finding("other-history", one.id, one.by))
    return found


def _is_signed(one: SignedHead, trust: Trust) -> bool:
    return any(
        sshsig.verify(key, NAMESPACE, _signed(one.line), one.signature) for key in trust.keys_of(one.by)
    )


def _signed(line: str) -> bytes:
    return f"{line}\n".encode("ascii")

"""The chain of a diary: where it begins, where it ends, and whether it is whole.

Only the clear parts are looked at, so that the service and a desk can both do it: :func:`arrange` brings
comments into order and checks their seals, :func:`gaps` follows the links. Sections 4 and 9 of
docs/diary-format.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from integration.diary import sshsig
from integration.diary.comment import (
    CommentId,
    DamagedComment,
    Link,
    ParsedComment,
    seal_message,
    to_b64url,
)
from integration.diary.findings import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from integration.incident import IncidentId


@dataclass(frozen=True, slots=True)
class Head:
    """The newest comment of a diary, or its genesis (seq 0, part 0)."""

    incident: IncidentId
    seq: int
    part: int
    link: Link


def genesis(incident: IncidentId) -> Head:
    """The head of a diary without comments. Its link is bound to the incident."""
    digest = hashlib.sha256(b"coc-diary/v1/genesis\0" + incident.encode("ascii")).digest()
    return Head(incident, 0, 0, Link(to_b64url(digest)))


@dataclass(frozen=True, slots=True)
class Arranged:
    """A diary's comments in their order, each place once.

    ``sealed`` have a good seal. ``unsealed`` are whole and have not: only an author's signature inside
    could still speak for them. ``damaged`` are places of which no whole comment was found.
    """

    sealed: tuple[ParsedComment, ...]
    unsealed: tuple[ParsedComment, ...]
    damaged: tuple[DamagedComment, ...]
    findings: tuple[Finding, ...]


def arrange(
    blocks: Iterable[ParsedComment | DamagedComment],
    *,
    incident: IncidentId,
    service_keys: Mapping[str, str],
) -> Arranged:
    """Sort what was found on a ticket, and check every seal.

    Args:
        blocks: in the order in which they stand on the ticket.
        incident: whose diary it should be.
        service_keys: public lines of the service's keys by id, from the pinned roster.
    """
    findings: list[Finding] = []
    sealed: dict[CommentId, ParsedComment] = {}
    unsealed: dict[CommentId, ParsedComment] = {}
    damaged: dict[CommentId, DamagedComment] = {}
    highest = CommentId(0, 0)
    bad: list[tuple[CommentId, Finding]] = []
    for block in blocks:
        if block.incident not in {incident, None}:
            findings.append(finding("other-incident", None))
        elif block.id is None:
            findings.append(finding("damaged", None, block.what))
        elif isinstance(block, DamagedComment):
            bad.append((block.id, finding("damaged", block.id, block.what)))
            damaged.setdefault(block.id, block)
        elif (wrong := wrong_seal(block, service_keys)) is not None:
            bad.append((block.id, finding(wrong, block.id)))
            unsealed.setdefault(block.id, block)
        elif block.id in sealed:
            same = sealed[block.id].link == block.link
            findings.append(finding("duplicate" if same else "fork", block.id))
        else:
            sealed[block.id] = block
            if block.id < highest:
                findings.append(finding("reordered", block.id))
            highest = max(highest, block.id)
    lost = {place for place in unsealed if place not in sealed}
    parts = {place.seq: one.parts for place, one in sealed.items()}
    for place, what in bad:
        needless = place in sealed or place.part > parts.get(place.seq, place.part)
        findings.append(finding("stray", place) if needless else what)
    return Arranged(
        tuple(sealed[place] for place in sorted(sealed)),
        tuple(unsealed[place] for place in sorted(lost)),
        tuple(damaged[place] for place in sorted(damaged) if place not in sealed and place not in lost),
        tuple(findings),
    )


def breaks(sealed: Sequence[ParsedComment], start: Head) -> frozenset[int]:
    """Numbers of the entries at which the chain of these comments is broken: something before them is missing."""
    links = [start.link, *(one.link for one in sealed)]
    return frozenset(one.id.seq for before, one in zip(links, sealed, strict=False) if one.prev != before)


def wrong_seal(comment: ParsedComment, service_keys: Mapping[str, str]) -> str | None:
    """The finding about a comment's seal; None if it is good under one of these keys."""
    line = service_keys.get(comment.seal_key)
    key = sshsig.public_key(line) if line is not None else None
    if key is None:
        return "unknown-seal-key"
    message = seal_message(comment.link, comment.write_signature)
    return None if sshsig.verify_raw(key, comment.seal, message) else "wrong-seal"


class _Place(NamedTuple):
    """A place of the chain; ``link`` is None where its comment is known to be damaged, and was said to be."""

    id: CommentId
    parts: int
    prev: Link | None
    link: Link | None


def gaps(
    comments: Sequence[ParsedComment],
    bad: Iterable[ParsedComment | DamagedComment],
    *,
    start: Head,
    head: Head | None,
    removed: Mapping[CommentId, Link],
) -> list[Finding]:
    """Follow the links from the genesis to the end.

    Args:
        comments: those that count, in order.
        bad: those that were already reported as damaged; they fill their places, if they have one.
        start: the genesis.
        head: the newest comment that this desk has seen, if any.
        removed: comments that a good redaction says were removed, with their links.
    """
    found: list[Finding] = []
    before = _Place(CommentId(0, 1), 1, None, start.link)
    places = _places(comments, bad)
    for place in places:
        if place.id.seq == before.id.seq and place.parts != before.parts:
            found.append(finding("broken-chain", place.id))
        elif place.id not in _expected(before):
            found += _gap(before, place, removed)
        elif before.link is not None and place.prev is not None and place.prev != before.link:
            found.append(finding("broken-chain", place.id))
        before = place
    if head is not None and head.seq > 0:
        found += _against(head, places, before, removed)
    if (
        before.link
        and before.id.part < before.parts
        and not any(one.code == "missing-newest" for one in found)
    ):
        found.append(
            finding("missing", _next(before), _span(_next(before), CommentId(before.id.seq, before.parts)))
        )
    return found


def _places(comments: Sequence[ParsedComment], bad: Iterable[ParsedComment | DamagedComment]) -> list[_Place]:
    """Good and bad places in order.

    How many parts an entry has is said by its good comments; anybody may have put a bad one there. A bad one that
    is none of these parts does not count, nor one beyond the end, unless it is the very next.
    """
    places = [_Place(one.id, one.parts, one.prev, one.link) for one in comments]
    taken = {place.id for place in places}
    parts = {place.id.seq: place.parts for place in places}
    wrong = [(one.id, one.parts) for one in bad if one.id is not None]
    claimed: dict[int, int] = {}
    for place_id, count in wrong:
        claimed[place_id.seq] = max(count, claimed.get(place_id.seq, 0))
    parts = claimed | parts
    others = [_Place(one, parts[one.seq], None, None) for one, _ in wrong if one.part <= parts[one.seq]]
    last = places[-1] if places else _Place(CommentId(0, 1), 1, None, None)
    for place in sorted((one for one in others if one.id not in taken), key=_by_id):
        if place.id < last.id:
            places.append(place)
        elif place.id == _next(last):
            places.append(place)
            last = place
    return sorted(places, key=_by_id)


def _by_id(place: _Place) -> CommentId:
    return place.id


def _gap(before: _Place, after: _Place, removed: Mapping[CommentId, Link]) -> list[Finding]:
    """What is missing between two places, unless a redaction accounts for all of it."""
    first = _next(before)
    inside = sorted(place for place in removed if first <= place < after.id)
    whole = bool(inside) and inside[0] == first and after.prev in {None, removed[inside[-1]]}
    whole = whole and all(b in {(a.seq, a.part + 1), (a.seq + 1, 1)} for a, b in pairwise(inside))
    last = CommentId(after.id.seq, after.id.part - 1) if after.id.part > 1 else CommentId(after.id.seq - 1, 0)
    return [finding("redacted" if whole else "missing", first, _span(first, last))]


def _against(
    head: Head, places: Sequence[_Place], last: _Place, removed: Mapping[CommentId, Link]
) -> list[Finding]:
    """Compare with the head that the desk remembers."""
    seen = CommentId(head.seq, head.part)
    if last.id < seen:
        return [finding("missing-newest", seen)]
    found = next((place for place in places if place.id == seen), None)
    link = removed.get(seen) if found is None else found.link
    return [finding("rewritten", seen)] if link is not None and link != head.link else []


def _next(place: _Place) -> CommentId:
    if place.id.part < place.parts:
        return CommentId(place.id.seq, place.id.part + 1)
    return CommentId(place.id.seq + 1, 1)


def _expected(place: _Place) -> set[CommentId]:
    """What may come after a place; of a damaged one nobody knows whether it was an entry's last part."""
    return {_next(place)} if place.link else {_next(place), CommentId(place.id.seq + 1, 1)}


def _span(first: CommentId, last: CommentId) -> str:
    """A gap in words. A last part of 0 means: up to the end of that entry, however many parts it had."""
    if first.seq == last.seq and first.part > 1:
        return f"part {first.part} of entry {first.seq}" + (
            f" to part {last.part}" if last.part > first.part else ""
        )
    if first.seq == last.seq:
        return f"entry {first.seq}" + (f", parts 1 to {last.part}" if last.part else "")
    return f"entry {first.seq} (from part {first.part}) to entry {last.seq}" + (
        f", part {last.part}" if last.part else ""
    )

"""What stands on a ticket and is not in the store: taken over if it surely is this diary, else refused.

A database that was restored from a backup is older than the tickets. :func:`adopt` looks at the clear parts only, as
:mod:`integration.diary.accept` does; nothing here decrypts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from integration.diary.accept import LARGEST_PART, Continuation, NotContinued
from integration.diary.chain import Head, genesis, wrong_seal
from integration.diary.comment import CommentId, CommentKind, find_comments, opened
from integration.diary.keys import Epoch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from integration.diary.comment import Link, ParsedComment, SealedComment, UnsealedComment
    from integration.incident import IncidentId
    from integration.text import SealedText

__all__ = ["Adopted", "NotContinued", "adopt"]

_BEFORE_THE_FIRST = Epoch(0, "", "")


@dataclass(frozen=True, slots=True)
class Adopted:
    """Comments in order that continue the store's diary, and the public halves of the epochs that they open."""

    comments: tuple[SealedComment, ...] = ()
    epochs: tuple[Epoch, ...] = ()


def adopt(
    found: Iterable[SealedText],
    damaged: Collection[CommentId] = (),
    *,
    known: Sequence[SealedComment],
    incident: IncidentId,
    ticket: str,
    epoch: Epoch | None,
    service_keys: Mapping[str, str],
) -> Adopted:
    """The comments on a ticket that the store lacks, checked as a desk's are when they are accepted.

    What stands in a place that the store knows, without a good seal, is an edited copy: it is left out, and the right
    one is written again as always.

    Args:
        found: every whole comment of this incident on its ticket.
        damaged: places of those that are not whole.
        known: the store's comments in order.
        incident: whose diary it is.
        ticket: the name of the ticket on which they stand.
        epoch: the newest epoch that the store knows; None before the first.
        service_keys: public lines of the service's keys by id, from the roster.

    Raises:
        NotContinued: something is there that is neither known nor surely what comes next; ``rule`` says what.
    """
    head = _head(incident, known)
    beyond = _beyond(found, damaged, known, CommentId(head.seq, head.part), service_keys)
    own = known[-1].ticket if known else ticket
    used = opened(known)
    epochs: list[Epoch] = []
    for _seq, parts in groupby(sorted(beyond, key=_by_place), key=_by_number):
        moved_to = ticket if ticket != own else None
        entry = _Entry(
            incident, own, moved_to, head, epoch or _BEFORE_THE_FIRST, LARGEST_PART, (*used, *epochs)
        )
        last = head
        for comment in parts:
            entry.take(comment)
            last = Head(incident, comment.id.seq, comment.id.part, comment.link)
        entry.end()
        head, own = last, entry.ticket
        if entry.opened is not None:
            epoch = entry.opened
            epochs.append(epoch)
    return Adopted(tuple(comment.sealed() for comment in sorted(beyond, key=_by_place)), tuple(epochs))


def _beyond(
    found: Iterable[SealedText],
    damaged: Collection[CommentId],
    known: Sequence[SealedComment],
    newest: CommentId,
    service_keys: Mapping[str, str],
) -> list[ParsedComment]:
    """The comments after the newest known one. All of them have a good seal.

    Where none has, the store is not older than the ticket: what stands there without a seal is not ours, and whoever may
    comment must not be able to stop the team by it. Where one has, a damaged one beside it may be ours; and where the
    store knows of no diary, a second one must not begin beside whatever is there.
    """
    links: dict[CommentId, Link] = {comment.id: comment.link for comment in known}
    texts = {comment.text for comment in known}
    beyond, without_seal = [], any(place > newest for place in damaged)
    for text in found:
        if text in texts:
            continue
        for comment in find_comments(text):
            if links.get(comment.id) == comment.link:
                continue  # the same, with other letters around it that no link is over
            sealed = wrong_seal(comment, service_keys) is None
            if comment.id > newest and sealed:
                beyond.append(comment)
            elif comment.id > newest:
                without_seal = True
            elif sealed:
                raise NotContinued(
                    "another comment with a good seal stands in the place of one that is known"
                )
    if without_seal and (beyond or not known):
        raise NotContinued("a comment after the newest one that is known is damaged, or has no good seal")
    return beyond


class _Entry(Continuation):
    """One entry or keyring that continues the diary, by a desk or by the service itself."""

    def check_write(self, comment: UnsealedComment | ParsedComment) -> None:
        """The service signs nothing with a writing key: its seal is what says that an entry is its own.

        It opens the first epoch and writes entries; everything else is by a desk.
        """
        before = self.before
        if before is not None and (before.write_signature is None) != (comment.write_signature is None):
            raise NotContinued("the parts of an entry do not belong together")
        if self.epoch is _BEFORE_THE_FIRST:
            if comment.kind is not CommentKind.KEYRING or comment.write_signature is not None:
                raise NotContinued("a diary does not begin with a keyring of the service")
        elif comment.write_signature is not None or comment.kind is not CommentKind.ENTRY:
            super().check_write(comment)


def _head(incident: IncidentId, known: Sequence[SealedComment]) -> Head:
    if not known:
        return genesis(incident)
    last = known[-1]
    return Head(incident, last.id.seq, last.id.part, last.link)


def _by_place(comment: ParsedComment) -> CommentId:
    return comment.id


def _by_number(comment: ParsedComment) -> int:
    return comment.id.seq

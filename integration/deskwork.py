"""The use cases of a member's desk: what it writes is recorded, what a host lost is restored.

The service checks that a member of the present epoch wrote it and that it continues the diary; it cannot
read it. Recorded means on disk as ciphertext; a job then brings it to the host as it does for a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.diary.accept import accept
from integration.diary.attachment import file_name
from integration.diary.comment import CommentKind, opened
from integration.errors import HeadConflict, HostGone, WriteRefused
from integration.mirror import mirror

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.casework import Casework
    from integration.diary.chain import Head
    from integration.incident import Alias, IncidentId


def record(
    incident: IncidentId, texts: Sequence[str], *, head: Head, readers: Sequence[Alias], work: Casework
) -> Head:
    """Seal and keep comments that a desk wrote for ``head``; gives the new head.

    ``readers`` are the aliases in a new keyring, so that the service knows whom to serve; the service cannot
    check them against the keyring, and no key depends on them.

    Raises:
        HeadConflict: the diary has moved on; the desk writes for the new head.
        WriteRefused: not a whole, well-signed continuation of this diary.
    """
    epoch, written = work.store.epoch(incident), work.store.comments(incident)
    if epoch is None or not written:
        raise WriteRefused("The diary is not open yet.", next_step="Wait until its ticket is there.")
    if head != work.store.head(incident):
        raise HeadConflict(
            "The diary has moved on since it was read.",
            next_step="Nothing is lost: it is made again for the new head.",
        )
    own, ref = written[-1].ticket, work.store.ticket(incident).ref
    host = work.hosts.get(work.store.incident(incident).space)
    accepted = accept(
        texts,
        incident=incident,
        ticket=own,
        head=head,
        epoch=epoch,
        service=work.service_key,
        earlier=opened(written),
        moved_to=ref.name if ref is not None and ref.name != own else None,
        **({"part_bytes": host.part_bytes} if host is not None else {}),
    )
    if accepted.epoch is not None and not readers:
        raise WriteRefused(
            "A new keyring names no reader.", next_step="Name at least one member who may read."
        )
    known = {member.alias for member in work.roster().members}
    if not set(readers) <= known:
        raise WriteRefused(
            "A reader of the new keyring is not in the roster.",
            next_step="Accept the team's present roster at your desk, and try again.",
        )
    work.store.record(
        head=head, comments=accepted.comments, epoch=accepted.epoch, readers=readers, now=work.clock.now()
    )
    return work.store.head(incident)


def restore(incident: IncidentId, *, new_ticket: bool, work: Casework) -> None:
    """Let every comment and step that the ticket lacks be written again, the same bytes.

    Raises:
        WriteRefused: a new ticket is asked for, and the old one is still there.
        HostError: the host does not say.
    """
    known = work.store.ticket(incident)
    if new_ticket and known.ref is not None:
        one = work.store.incident(incident)
        try:
            work.hosts[one.space].read(known.ref, mirror(one, work.process))
        except HostGone:
            pass
        else:
            raise WriteRefused(
                f"The ticket of {one.code_name} is still there.",
                next_step="Leave --new-ticket out; what it lacks is then written to it again.",
            )
    work.store.restore(incident, new_ticket=new_ticket, now=work.clock.now())


def attach(incident: IncidentId, name: str, content: bytes, *, work: Casework) -> None:
    """Keep the ciphertext of an attachment whose signed entry stands in the diary; a job brings it to the host.

    Repeatable with the same bytes. The service cannot read the entry, which says what the bytes must be; readers
    check that.

    Raises:
        WriteRefused: no entry of this number is one of a file, or the host holds no files.
    """
    one = work.store.incident(incident)
    host = work.hosts.get(one.space)
    if host is not None and not host.holds_files:
        raise WriteRefused(
            f"The host of {one.code_name} cannot hold files with a ticket.",
            next_step="Keep the file elsewhere, encrypted, and write into the diary where it is.",
        )
    entries = {
        comment.id.seq for comment in work.store.comments(incident) if comment.kind is CommentKind.FILE
    }
    if name not in {file_name(seq) for seq in entries}:
        raise WriteRefused("No entry of the diary speaks of a file of this name.")
    work.store.keep_file(incident, name, content, work.clock.now())

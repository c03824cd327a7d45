"""The use cases of a member's desk: what it writes is recorded, what a host lost is restored.

The service checks that a member of the present epoch wrote it and that it continues the diary; it cannot
read it. Recorded means on disk as ciphertext; a job then brings it to the host as it does for a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.diary.accept import accept
from integration.diary.attachment import file_name
from integration.diary.comment import CommentKind, opened
from integration.errors import HeadConflict, HostError, HostGone, WriteRefused
from integration.mirror import mirror
from integration.space_identity import audience_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.casework import Casework
    from integration.diary.chain import Head
    from integration.incident import Alias, IncidentId
    from integration.mirror import TicketRef


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

    Repeatable. While a new ticket is being opened, asking again only lets the job look again.

    Raises:
        WriteRefused: a new ticket is asked for, and the old one is there, or the host does not say.
    """
    ref = work.store.ticket(incident).ref
    gone = ref if new_ticket and ref is not None and _is_gone(incident, ref, work) else None
    work.store.restore(incident, gone=gone, now=work.clock.now())


def _is_gone(incident: IncidentId, ref: TicketRef, work: Casework) -> bool:
    """Whether the ticket is not in its ticket space any more, which itself is the one it always was.

    Raises:
        WriteRefused: it is there, or that cannot be found out.
    """
    one = work.store.incident(incident)
    host = work.hosts.get(one.space)
    if host is None:
        raise WriteRefused(
            f"The ticket space of {one.code_name} is not in the service's configuration any more.",
            next_step="Ask whoever runs the service to put it back.",
        )
    try:
        audience_of(host, work.store).whole()
    except HostError as trouble:
        raise WriteRefused(
            f"A new ticket of {one.code_name} cannot be opened now ({trouble.code}).", next_step=str(trouble)
        ) from None
    try:
        host.read(ref, mirror(one, work.process))
    except HostGone:
        return True
    except HostError as trouble:
        raise WriteRefused(
            f"Whether the ticket of {one.code_name} is gone is not known ({trouble.code}).",
            next_step=str(trouble),
        ) from None
    raise WriteRefused(
        f"The ticket of {one.code_name} is there, or there again.",
        next_step="Leave --new-ticket out; what it lacks is then written to it again.",
    )


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

"""Lawful erasure: an entry that a member redacted goes from the store and from the ticket, and never comes back.

First a member writes a signed entry that names what is removed and why; then their desk asks for this. The store
keeps plain line, link and seal, and a job deletes on the host. Each step can be repeated: killed between any two of
them, the next try ends the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.diary.attachment import file_name
from integration.diary.comment import CommentKind, find_comments
from integration.errors import WriteRefused

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.diary.comment import SealedComment
    from integration.incident import IncidentId
    from integration.mirror import MirrorView, TicketRef, TicketState
    from integration.ports import Host
    from integration.store import Store


def erase(incident: IncidentId, seq: int, *, redaction: int, work: Casework) -> None:
    """Erase the ciphertext of all parts of an entry, and its file, and let a job delete them on the host.

    Repeatable. The service cannot read the redaction, so it can only see that a member wrote an entry afterwards;
    readers see whether that entry accounts for what is gone.

    Args:
        incident: whose diary it is.
        seq: number of the entry.
        redaction: number of the entry that names it.
        work: the service.

    Raises:
        WriteRefused: there is no such entry, it is a keyring, or no redaction stands after it.
    """
    written, gone = work.store.comments(incident), work.store.erased(incident)
    kinds = {one.id.seq: one.kind for one in written} | {place.seq: kind for place, kind in gone.items()}
    if kinds.get(seq) not in {CommentKind.ENTRY, CommentKind.FILE}:
        raise WriteRefused(
            f"There is no entry {seq} that can be erased.",
            meaning="A keyring cannot: without it nobody could read what comes after it. Nothing was erased.",
        )
    if redaction <= seq or not any(one.id.seq == redaction and _is_members_entry(one) for one in written):
        raise WriteRefused(
            f"No entry of a member stands after entry {seq} that could say why it is erased.",
            meaning="Nothing was erased.",
            next_step="Write the redaction first: coc diary redact does both.",
        )
    work.store.erase(incident, seq, work.clock.now())


def _is_members_entry(comment: SealedComment) -> bool:
    (whole,) = find_comments(comment.text)
    return comment.kind is CommentKind.ENTRY and whole.write_signature is not None


def erased_on_host(
    host: Host, ref: TicketRef, view: MirrorView, found: TicketState, store: Store
) -> TicketState:
    """Delete on the ticket what was erased from the store; the ticket as it is then.

    It is looked for at each job of the incident: somebody may have posted it again.
    """
    erased = store.erased(view.incident)
    if not erased:
        return found
    files = [file_name(place.seq) for place, kind in erased.items() if kind is CommentKind.FILE]
    host.erase(ref, view, erased.keys(), files)
    return host.read(ref, view)


def is_known(found: TicketState, store: Store, view: MirrorView) -> bool:
    """Whether the store knows every diary comment on a ticket, or has erased it."""
    known, erased = {one.text for one in store.comments(view.incident)}, store.erased(view.incident)
    others = (text for text in found.comments if text not in known)
    return all(one.id in erased for text in others for one in find_comments(text))

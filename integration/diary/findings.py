"""What checking a diary can find, in words for the team.

A finding is not an error: it names the comment and what it means, and the rest of the diary is read all
the same. The checks are listed in section 9 of docs/diary-format.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from integration.diary.comment import CommentId


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    ``code`` is stable; ``comment`` is the place it is about, if there is one. ``serious`` is false for what
    is said only so that nobody wonders: nothing was lost or forged.
    """

    code: str
    comment: CommentId | None
    says: str
    means: str
    serious: bool = True


_RESTORE = "Restore it from the service's store (coc diary restore)."
_DO_NOT_RELY = (
    "Do not rely on it. Ask the member who is said to have written it, by another way than this ticket."
)

_WORDS: Final[dict[str, tuple[str, str, bool]]] = {
    "damaged": (
        "{where} is damaged: {what}.",
        "Somebody edited it, or it was cut off. Its words cannot be read here. " + _RESTORE,
        True,
    ),
    "wrong-seal": (
        "{where} does not have the service's seal.",
        "It was changed after it was sealed, or somebody else put it there. " + _RESTORE,
        True,
    ),
    "unknown-seal-key": (
        "{where} is sealed with a service key that your roster does not list.",
        "Your roster is older than this key, or somebody runs a false service. Compare rosters with another member first.",
        True,
    ),
    "stray": (
        "A comment that says it is {where} does not have the service's seal, and nothing of that entry is missing.",
        "It was damaged and the true one was restored, or anybody put it there. It was left out: delete it on the ticket.",
        False,
    ),
    "other-incident": (
        "A comment of another incident's diary stands among these.",
        "Somebody copied it here. It is no part of this diary and was left out.",
        True,
    ),
    "other-ticket": (
        "{where} was written for another ticket than the one it stands on.",
        "The diary was copied here or moved. If the team did not move it, look at the ticket it was written for.",
        True,
    ),
    "duplicate": (
        "{where} stands there twice, both times the same.",
        "Somebody posted it again, or it was restored. It counts once.",
        False,
    ),
    "fork": (
        "There are two different comments {where}, both sealed by the service.",
        "The service wrote two histories. Compare heads with the other members, and do not trust it until this is clear.",
        True,
    ),
    "reordered": (
        "{where} does not stand where it was written.",
        "It was restored, or somebody posted it again. Nothing is missing because of it.",
        False,
    ),
    "missing": (
        "Missing: {what}.",
        "It was deleted from the ticket. " + _RESTORE,
        True,
    ),
    "missing-newest": (
        "Missing: the newest comments, up to {where}, which this desk has already seen.",
        "They were deleted, or the service shows you an older diary. "
        + _RESTORE
        + " Compare heads with another member.",
        True,
    ),
    "broken-chain": (
        "{where} does not follow the comment that stands before it.",
        "One of the two was exchanged for another. Compare heads with another member.",
        True,
    ),
    "rewritten": (
        "{where} is not the comment that this desk has seen in its place.",
        "The diary was written anew, which only the service can have done. Compare heads with another member.",
        True,
    ),
    "redacted": (
        "Removed by the team: {what}.",
        "A member's signed entry says why. Everything else is in its place.",
        False,
    ),
    "not-erased": (
        "{where} was redacted, and still stands here.",
        "It is not shown any more. Say again: coc diary redact. If it stays on the ticket, delete it there.",
        True,
    ),
    "unreadable": (
        "{where} cannot be decrypted with its epoch's key.",
        "It was changed, or written by somebody who did not have the key. " + _RESTORE,
        True,
    ),
    "not-a-frame": (
        "{where} decrypts, but does not hold a diary entry: {what}",
        "Whoever wrote it was not a desk or service of this version. " + _DO_NOT_RELY,
        True,
    ),
    "misplaced": (
        "{where} was signed for another place: {what} differs.",
        "Somebody took it from another diary, ticket, epoch or entry. It is not shown. " + _RESTORE,
        True,
    ),
    "forged-author": (
        "{where} is not signed by the author it names.",
        "Somebody wrote in a member's or the service's name. It is not shown.",
        True,
    ),
    "unknown-author": (
        "{where} is signed with a key that your roster does not list for its author.",
        "The author's key is new, or was never theirs. It is not shown. Compare rosters with another member.",
        True,
    ),
    "not-a-writer": (
        "{where} names an author who may not write it.",
        "They were not cleared for this incident when it was written. It is not shown.",
        True,
    ),
    "no-writing-key": (
        "{where} was written without the epoch's writing key.",
        "Only those cleared for this incident have that key. It is not shown.",
        True,
    ),
    "old-epoch": (
        "{where} was written in an epoch that was over.",
        "Somebody who is no longer cleared may have written it. It is not shown.",
        True,
    ),
    "untrusted-epoch": (
        "{where} belongs to an epoch whose opening was not seen, or was refused.",
        "Its keyring is missing or was refused. It is not shown.",
        True,
    ),
    "forged-keyring": (
        "The keyring {where} is refused: {what}.",
        "Somebody tried to let themselves in. Nothing that is written with it is shown, and no desk writes with it.",
        True,
    ),
    "unknown-roster": (
        "The readers of the keyring {where} were taken from roster {what}, which this desk has not accepted.",
        (
            "Your roster may be older, or somebody made up a roster to let themselves in. No entry is hidden; this desk "
            "does not write with that keyring. Compare rosters with another member first."
        ),
        True,
    ),
    "older-roster": (
        "The readers of the keyring {where} were taken from an older roster than those of the epoch before.",
        (
            "Somebody who had to leave the team may be among them. This desk does not write with that keyring: "
            "open the next epoch with the readers that you choose (coc clear)."
        ),
        True,
    ),
    "unlisted-reader": (
        "The keyring {where} lets somebody read who is not in the roster that it names: {what}.",
        (
            "Whoever made it, a member or the service, let in a key that the team did not agree on. This desk does not "
            "write with that keyring: open the next epoch with the readers that you choose (coc clear), and ask who it was."
        ),
        True,
    ),
    "former-reader": (
        "The newest keyring, {where}, lets somebody read who is not in your team's roster any more, or has another key now: {what}.",
        "They can read what is written until the next epoch. Your desk opens it before it writes, with today's roster.",
        False,
    ),
    "cleared-again": (
        "You were left out of the diary's readers for a while, and the keyring {where}, made by {what}, lets you in again.",
        (
            "If nobody recused you, somebody else may be behind it: ask {what} before you write. What that keyring says "
            "of the time in between, only those who read then can check."
        ),
        False,
    ),
    "other-history": (
        "The head of {what} has another comment in the place of {where} than the one that stands here.",
        "The service showed two members two histories. Do not trust it until this is clear; keep a copy of both.",
        True,
    ),
    "seen-further": (
        "The head of {what} goes up to {where}, which is not here.",
        "If yours was read before theirs, read again. Else the newest comments were deleted, or the service shows you "
        "an older diary. " + _RESTORE,
        True,
    ),
    "bad-head": (
        "A head that was handed over is worth nothing: {what}.",
        "It proves nothing about this diary. Ask the member for it again, by another way.",
        True,
    ),
    "parts-differ": (
        "The parts of {where} do not belong together.",
        "They name different authors, dates or kinds. It is not shown. " + _RESTORE,
        True,
    ),
    "recovery-used": (
        "The keyring {where} was opened with the recovery key {what}.",
        "A member read with that key, and chose who reads from then on. Make sure that the team knows of it, and why.",
        False,
    ),
    "not-cleared": (
        "You are not cleared from {where} on.",
        "Your key opens what was written before. What comes after is for those who are cleared now.",
        False,
    ),
}

CODES: Final = frozenset(_WORDS)


def finding(code: str, comment: CommentId | None, what: str = "") -> Finding:
    """The finding of this code. ``what`` is made of our own words, numbers, ids and key names only."""
    says, means, serious = _WORDS[code]
    where = "a comment" if comment is None else f"entry {comment.seq}"
    if comment is not None and comment.part > 1:
        where += f", part {comment.part}"
    said = says.format(where=where, what=what)
    return Finding(code, comment, said[0].upper() + said[1:], means.format(what=what), serious)

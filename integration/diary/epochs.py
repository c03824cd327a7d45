"""The epochs of a diary as anybody sees them: what a keyring says in clear, without opening it.

A reading keeps one :class:`Epochs`, which takes keyring after keyring in the order of the chain. Section 7 of
docs/diary-format.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.diary.comment import CommentKind
from integration.diary.placed import Bad, has_writing_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integration.diary.comment import ParsedComment
    from integration.diary.keys import Epoch


@dataclass(slots=True)
class Epochs:
    """What is known of the epochs so far, by number.

    ``public`` are their public halves, also as a later keyring tells them; ``opened_at`` the numbers of the entries
    that opened those whose keyrings were seen. ``refused`` are those of which a keyring was refused. ``breaks`` are
    the numbers of the entries before which something of the chain is missing.
    """

    public: dict[int, Epoch] = field(default_factory=dict)
    opened_at: dict[int, int] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    breaks: frozenset[int] = frozenset()

    def open(self, epoch: Epoch, seq: int) -> None:
        """Note an epoch whose keyring is the entry of this number."""
        self.public[epoch.number] = epoch
        self.opened_at[epoch.number] = seq

    def check_in_clear(self, group: Sequence[ParsedComment]) -> Epoch:
        """The epoch that a keyring opens, if its number is right and it was opened from the epoch before.

        A number may only be left out where comments are missing, one of which may have been that epoch's keyring.

        Raises:
            Bad: the keyring breaks a rule.
        """
        opens, newest = group[0].opens, max(self.opened_at, default=0)
        if opens is None or any(one.opens != opens or one.kind is not CommentKind.KEYRING for one in group):
            raise Bad("forged-keyring", "its parts do not belong together")
        if opens.number <= newest:
            raise Bad("forged-keyring", f"epoch {opens.number} was opened before")
        if opens.number > newest + 1 and not self._something_is_missing(newest, group[0].id.seq):
            if opens.number - 1 in self.refused:
                raise Bad("forged-keyring", "the keyring before it was refused")
            raise Bad("forged-keyring", f"it opens epoch {opens.number}, and the newest was {newest}")
        if has_a_key_of(opens, self.public.values()):
            raise Bad("forged-keyring", "it has a key of an earlier epoch")
        before = self.public.get(opens.number - 1)
        if opens.number == 1 and any(one.write_signature is not None for one in group):
            raise Bad("forged-keyring", "no epoch comes before the first")
        if before is not None and not all(has_writing_key(one, before.writing_key) for one in group):
            raise Bad("forged-keyring", f"who made it did not have the writing key of epoch {before.number}")
        return opens

    def _something_is_missing(self, epoch: int, seq: int) -> bool:
        """Whether the chain is broken somewhere between the keyring of this epoch and the entry of this number."""
        start = self.opened_at.get(epoch, 0)
        return any(start < at <= seq for at in self.breaks)

    def is_open_at(self, comment: ParsedComment) -> bool:
        """Whether a comment stands after its epoch was opened and before the next was, as far as keyrings are there."""
        before = [epoch for epoch, seq in self.opened_at.items() if seq < comment.id.seq]
        later = [epoch for epoch, seq in self.opened_at.items() if seq > comment.id.seq]
        if comment.epoch in self.opened_at:
            return comment.epoch == max(before, default=0)
        return max(before, default=0) < comment.epoch < min(later, default=comment.epoch + 1)


def has_a_key_of(new: Epoch, epochs: Iterable[Epoch]) -> bool:
    """Whether an epoch has the reading or the writing key of another: whoever has that would go on reading."""
    return any(new.recipient == one.recipient or new.writing_key == one.writing_key for one in epochs)

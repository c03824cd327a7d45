"""Three kinds of text, as three types, so that the type checker keeps them apart.

What a person told us is :class:`Untrusted`. It leaves this process only inside ciphertext, which is
:data:`SealedText`. What a host may show to its admins is :data:`PublicText`: code names, step titles
of the process file, aliases of the roster. A host's functions accept the last two only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

SealedText = NewType("SealedText", str)
"""A diary comment: ciphertext, its plain line and its seal. Safe on a host, in a log, in the database."""

PublicText = NewType("PublicText", str)
"""Text the team itself chose to show in the mirror view. Never made from a report."""


@dataclass(frozen=True, slots=True, repr=False)
class Untrusted:
    """Text from outside the team: it prints as ``<redacted 14 chars>`` wherever it is formatted.

    The only way to the words is :meth:`reveal`. Every call of it stands either in the code that seals
    or in the code that shows a diary to a cleared member; tests/leaks keeps the list.
    """

    _words: str

    def reveal(self) -> str:
        """The words themselves."""
        return self._words

    def says_the_same(self, other: Untrusted) -> bool:
        """Whether two texts have the same words, however their lines end."""
        return self._words.split() == other._words.split()

    def __bool__(self) -> bool:
        return bool(self._words.strip())

    def __len__(self) -> int:
        return len(self._words)

    def __repr__(self) -> str:
        return f"<redacted {len(self._words)} chars>"

    __str__ = __repr__

    def __format__(self, format_spec: str, /) -> str:
        return repr(self)


def is_plain(text: str) -> bool:
    """Printable ASCII without spaces: what survives a header unchanged."""
    return text.isascii() and all("!" <= char <= "~" for char in text)

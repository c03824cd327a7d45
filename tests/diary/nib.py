"""What a desk sends with any field set wrong, and what the service says to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from integration.diary import comment as comments
from integration.diary.accept import Accepted, accept
from integration.diary.comment import CommentId, CommentKind, parse_unsealed
from integration.diary.keyring import writing_key_of
from integration.diary.keys import Epoch, generate_identity
from integration.errors import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from integration.diary.write import UnsealedComment
    from tests.diary.conftest import Shelf


def take(shelf: Shelf, texts: Sequence[str], **changes: Any) -> Accepted:  # noqa: ANN401 - any argument of accept
    return accept(
        texts,
        **{
            "incident": shelf.team.incident, "ticket": shelf.team.ticket, "head": shelf.head, "epoch": shelf.epoch,
            "service": shelf.team.service, "part_bytes": 20_480, **changes,
        },
    )  # fmt: skip


def refused(shelf: Shelf, texts: Sequence[str], rule: str, **changes: Any) -> None:  # noqa: ANN401 - any argument of accept
    with pytest.raises(WriteRefused, match=rule) as error:
        take(shelf, texts, **changes)
    assert "Nothing was taken" in str(error.value)


@dataclass
class Nib:
    """Makes an unsealed comment with any field set wrong, and signed with the right writing key all the same."""

    shelf: Shelf

    def write(
        self,
        *,
        age: bytes | None = None,
        frame: int = 1024,
        recipients: int = 1,
        opens: Epoch | None = None,
        key: Ed25519PrivateKey | None = None,
        **outside: Any,  # noqa: ANN401 - any field of the plain line
    ) -> UnsealedComment:
        to = [pyrage.x25519.Recipient.from_str(generate_identity("x").recipient) for _ in range(recipients)]
        current = self.shelf.read().current
        assert current is not None
        assert current.write_secret is not None
        key = key or writing_key_of(current.write_secret)[0]
        plain = comments.plain_line(
            **{
                "incident": self.shelf.team.incident, "ticket": self.shelf.team.ticket,
                "place": CommentId(self.shelf.head.seq + 1, 1), "parts": 1,
                "epoch": opens.number if opens else self.shelf.epoch.number,
                "kind": CommentKind.KEYRING if opens else CommentKind.ENTRY, "prev": self.shelf.head.link, **outside,
            }
        )  # fmt: skip
        head = comments.head_lines(plain, opens)
        age = age or pyrage.encrypt(b" " * frame, to)
        signature = key.sign(comments.write_message(comments.link_of(head, age)))
        made = parse_unsealed(comments.render_unsealed(head, age, signature))
        assert made is not None
        return made


def fresh_epoch(number: int) -> Epoch:
    one = generate_identity("e")
    return Epoch(number, one.recipient, one.signing_key)

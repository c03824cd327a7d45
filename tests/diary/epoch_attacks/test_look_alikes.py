"""What only looks like a good signature or seal is refused, and moves no head."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from integration.diary import sshsig
from integration.diary.chain import Head
from integration.diary.frame import NAMESPACE
from integration.diary.keys import Identity, generate_identity, new_service_key
from tests.diary.epoch_attacks.pens import pen_of

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress, Shelf


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _blob(
    who: Identity,
    message: bytes,
    *,
    version: int = 1,
    namespace: bytes = NAMESPACE.encode(),
    reserved: bytes = b"",
    hash_name: bytes = b"sha512",
    kind: bytes = b"ssh-ed25519",
    extra: bytes = b"",
    magic: bytes = b"SSHSIG",
) -> str:
    """A signature file made by hand; each field can be set wrong, and what is signed follows it."""
    digest = hashlib.new(hash_name.decode(), message).digest()
    signed = b"SSHSIG" + _string(namespace) + _string(reserved) + _string(hash_name) + _string(digest)
    public = base64.b64decode(who.signing_key.split()[1])[-32:]
    key = _string(kind) + _string(public)
    signature = _string(kind) + _string(who._signing.sign(signed))
    blob = (
        magic + struct.pack(">I", version) + _string(key) + _string(namespace) + _string(reserved)
        + _string(hash_name) + _string(signature) + extra
    )  # fmt: skip
    coded = base64.b64encode(blob).decode()
    lines = [coded[at : at + 70] for at in range(0, len(coded), 70)]
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----")) + "\n"


def test_signatures_that_only_look_like_the_right_one_are_refused() -> None:
    robert, message = generate_identity("robert"), b"what was said"

    def good(armoured: str) -> bool:
        return sshsig.verify(robert.signing_key, NAMESPACE, message, armoured)

    right = _blob(robert, message)
    assert good(right)
    for wrong in (
        _blob(robert, message, version=2),
        _blob(robert, message, namespace=b"file"),
        _blob(robert, message, namespace=NAMESPACE.encode() + b"\x00"),
        _blob(robert, message, reserved=b"x"),
        _blob(robert, message, hash_name=b"sha256"),
        _blob(robert, message, kind=b"sk-ssh-ed25519@openssh.com"),
        _blob(robert, message, extra=b"\x00"),
        _blob(robert, message, magic=b"SSHSIH"),
        _blob(generate_identity("robert"), message),
        right.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        right + "\n",
        " " + right,
        right.replace("U1NIU0lH", "U1NIU0lH\u200b"),
        right * 2,
    ):
        assert not good(wrong)


def test_a_frame_with_a_look_alike_signature_is_not_shown(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """Robert's own key signed it for another purpose (a roster, a file): that is not a word in the diary."""
    team = shelf.team
    made = pen_of(shelf).write(_ForAnotherPurpose(team.robert))

    diary = team.read([*shelf.texts(dress), dress(made.text)])

    assert codes(diary) == [("forged-author", 5)]


class _ForAnotherPurpose(Identity):
    """Robert, whose signatures all come out in another namespace."""

    def __init__(self, who: Identity) -> None:
        super().__init__(who.alias, who.secret, who._signing)

    def sign(self, namespace: str, message: bytes) -> str:
        assert namespace == NAMESPACE
        return super().sign("coc-roster@v1", message)


def test_heads_are_not_moved_by_anything_that_was_refused(shelf: Shelf, dress: Dress) -> None:
    """What has no good seal is no newest comment: nobody writes after it."""
    team = shelf.team
    outsider = replace(pen_of(shelf), service=new_service_key("svc-2026a")).write(generate_identity("robert"))

    diary = team.read([*shelf.texts(dress), dress(outsider.text)], head=shelf.head)

    assert diary.head == Head(team.incident, 4, 1, shelf.head.link)
    shelf.write(team.robert, diary=diary)
    assert shelf.head.seq == 5

"""The public age test vectors (C2SP/CCTV) against what reads age here: our armour, then :func:`read_age`.

A vector is some header lines, an empty line, and an age file. ``expect`` says what a reader must make of
it, ``payload`` is the SHA-256 of the right content. What concerns passphrases, post-quantum keys or
other keys than X25519 we never read in a diary, and those vectors must be refused or not matched.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

import pyrage
import pytest

from integration.diary import comment as comments
from integration.diary.open import read_age
from integration.errors import CannotOpen
from integration.incident import IncidentId

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {
    # Library: age's grammar asks for a last, possibly empty, line of every stanza; the crate behind pyrage takes these.
    # Harmless: the header's MAC covers every byte of it, so nobody but the sender could have written it so.
    "stanza_missing_body": "accepted",
    "stanza_missing_final_line": "accepted",
    # Ours: links are over decoded bytes, so lines of other lengths, blanks around lines and empty lines are taken on
    # purpose (a web editor makes them), as section 3 of docs/diary-format.md says. The bytes inside are checked all the same.
    "armor_empty_last_line": "accepted",
    "armor_empty_line_begin": "accepted",
    "armor_empty_line_end": "accepted",
    "armor_long_line": "accepted",
    "armor_short_line": "accepted",
    "armor_whitespace_eol": "accepted",
    "armor_whitespace_last_line": "accepted",
    "armor_whitespace_line_start": "accepted",
}
"""Vectors that come out otherwise than they ask for, with a judgement."""

NOT_OURS = ("scrypt", "hybrid")
"""Passphrases and post-quantum keys: nothing of a diary is encrypted so, and no identity of ours opens it."""

TOO_COSTLY = "scrypt_work_factor_23"
"""Should be refused; the library tries, which takes eight gigabytes. Judgement: only a member's own identity file is
read with a passphrase, and who can exchange that file can do worse. Not run here."""

PLAIN = comments.plain_line(
    IncidentId("inc_eyrqbehgswqcsvdmykivihij3q"), "jira:a/1", comments.CommentId(1, 1), 1, 1,
    comments.CommentKind.ENTRY, comments.Link("A" * 43),
)  # fmt: skip
USUAL = [
    "013f54400c82da08037759ada907a8b864e97de81c088a182062c4b5622fd2ab",
    "724a112a2cac139a4fca3ea0f799f2e5ccd1d0db46af654dee40567bff16ee33",
]
"""SHA-256 of the content of those vectors that should fail and do not name it."""

SEAL = f"CoC-Seal: {'A' * 86} key=x"


def headers_of(raw: bytes) -> tuple[dict[str, list[str]], bytes]:
    head, _, body = raw.partition(b"\n\n")
    headers: dict[str, list[str]] = {}
    for line in head.decode().split("\n"):
        name, _, value = line.partition(": ")
        headers.setdefault(name, []).append(value)
    if headers.get("compressed") == ["zlib"]:
        body = zlib.decompress(body)
    return headers, body


def outcome(headers: dict[str, list[str]], body: bytes) -> str:
    """``accepted`` with the right content, ``wrong`` with any other, or ``refused``."""
    age = body
    if "armored" in headers:
        text = body.decode("latin-1")
        found = comments.find_comments(f"{PLAIN}\n{text}\n{SEAL}")
        if not found:
            return "refused"
        age = found[0].age
    try:
        clear = read_age(age, headers.get("identity", []))
    except CannotOpen:
        return "refused"
    right = hashlib.sha256(clear).hexdigest() in headers.get("payload", USUAL)
    return "accepted" if right else "wrong"


@pytest.fixture(scope="session")
def vectors(reference: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted((reference / "fixtures" / "age-vectors").iterdir())
    }


def test_every_vector_comes_out_as_it_asks_for_or_is_a_known_deviation(vectors: dict[str, bytes]) -> None:
    odd = {}
    for name, raw in vectors.items():
        headers, body = headers_of(raw)
        asked = "accepted" if headers["expect"] == ["success"] else "refused"
        if any(word in name for word in NOT_OURS):
            asked = "refused"
        got = outcome(headers, body)
        if got != asked:
            odd[name] = got

    assert odd == KNOWN


def test_what_reads_identity_files_keeps_to_every_passphrase_vector(vectors: dict[str, bytes]) -> None:
    checked = 0
    for name, raw in vectors.items():
        headers, body = headers_of(raw)
        if "passphrase" not in headers or name == TOO_COSTLY:
            continue
        checked += 1
        try:
            clear = pyrage.passphrase.decrypt(body, headers["passphrase"][0])
        except pyrage.DecryptError:
            assert headers["expect"] != ["success"], name
        else:
            assert headers["expect"] == ["success"], name
            assert hashlib.sha256(clear).hexdigest() in headers["payload"], name
    assert checked == 25


def test_there_are_as_many_vectors_as_there_should_be(vectors: dict[str, bytes]) -> None:
    assert len(vectors) == 143
    assert KNOWN.keys() <= vectors.keys()


def test_nothing_is_ever_read_wrongly(vectors: dict[str, bytes]) -> None:
    assert [name for name, raw in vectors.items() if outcome(*headers_of(raw)) == "wrong"] == []

"""The example files of tests/vectors, each with the outcome it asks for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary.chain import Head
from integration.diary.comment import Link, from_b64url
from integration.diary.findings import CODES
from integration.diary.heads import compare_heads, read_heads
from integration.diary.keys import Identity, Reader, recipient_of
from integration.diary.open import Trust, open_diary
from integration.errors import CannotOpen
from integration.incident import IncidentId

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = sorted(FOLDER.glob("*.txt"))
KEYS = json.loads((FOLDER / "keys.json").read_text(encoding="utf-8"))
MEMBERS = ("robert", "salma", "quentin")


class Opener:
    """A key of keys.json, as a reader has it."""

    def __init__(self, name: str) -> None:
        self.secret: str = KEYS[name]["age"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_comes_out_as_it_says(path: Path) -> None:
    header, _, text = path.read_bytes().decode("utf-8").partition("\n\n")
    fields = [line.partition(": ")[::2] for line in header.split("\n")]
    one = dict(fields)
    incident = IncidentId(one["incident"])
    listed = [Reader(name, KEYS[name]["recipient"], KEYS[name]["signing_key"]) for name in MEMBERS]
    listed.append(Reader("paper-1", KEYS["paper-1"]["recipient"], None))
    left = {value for name, value in fields if name == "left"}
    members = {name: KEYS[name]["signing_key"] for name in MEMBERS}
    trust = Trust(
        incident, one["ticket"], {"svc-2026a": KEYS["svc-2026a"]["signing_key"]},
        {name: key for name, key in members.items() if name not in left},
        former={name: [members[name]] for name in left},
        rosters=dict.fromkeys((KEYS["roster"], *(value for name, value in fields if name == "roster")), listed),
        readers=[one for one in listed if one.alias not in left],
    )  # fmt: skip
    head = None
    if "head" in one:
        place, _, link = one["head"].partition(" ")
        seq, _, part = place.partition("/")
        head = Head(incident, int(seq), int(part), Link(link))

    try:
        diary = open_diary([text], identity=Opener(one["reader"]), trust=trust, head=head)
    except CannotOpen:
        assert one["expect"] == "cannot-open"
        return

    assert one["expect"] == "opened"
    findings = (*diary.findings, *compare_heads(read_heads(text), diary, trust))
    assert [f"{found.code} {found.comment or '-'}" for found in findings] == [
        value for name, value in fields if name == "finding"
    ]
    assert [
        f"{entry.seq} {entry.content} {entry.author} {hashlib.sha256(entry.body.reveal().encode()).hexdigest()}"
        for entry in diary.entries
    ] == [value for name, value in fields if name == "entry"]


def test_the_examples_show_success_and_every_kind_of_failure() -> None:
    codes = {
        line.split()[1]
        for path in FILES
        for line in path.read_text(encoding="utf-8").partition("\n\n")[0].split("\n")
        if line.startswith("finding: ")
    }

    assert codes == CODES
    assert any("\nexpect: cannot-open" in path.read_text(encoding="utf-8") for path in FILES)
    assert any("\nfinding: " not in path.read_text(encoding="utf-8") for path in FILES)


def test_the_keys_belong_together() -> None:
    for name in MEMBERS:
        signing = Ed25519PrivateKey.from_private_bytes(from_b64url(KEYS[name]["ed25519_seed"]))
        identity = Identity(name, KEYS[name]["age"], signing)
        assert (identity.recipient, identity.signing_key) == (
            KEYS[name]["recipient"],
            KEYS[name]["signing_key"],
        )
    assert recipient_of(KEYS["paper-1"]["age"]) == KEYS["paper-1"]["recipient"]

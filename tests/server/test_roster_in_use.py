"""The service uses the roster that the team signed, step by step, and no other, whatever lies in the file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.diary.keys import Identity, generate_identity, new_service_key
from integration.errors import RosterRefused, StoreError
from integration.roster import load_roster
from tests.pg import both
from webhook_server.roster_in_use import RosterFile
from webhook_server.store import tables as t
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.sealed import Sealer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from integration.diary.keys import ServiceKey
    from tests.conftest import SetClock
    from webhook_server.store.database import Database

NAMES = ("robert", "charlie", "rachel")
OTHERS = ("mallory", "miriam")


@pytest.fixture(scope="module")
def people() -> dict[str, Identity]:
    return {name: generate_identity(name) for name in (*NAMES, *OTHERS)}


class Folder:
    """Where the roster lies; what an operator, or somebody who got in, can change."""

    def __init__(self, path: Path, people: dict[str, Identity]) -> None:
        self.path = path
        self.key = new_service_key("svc-test")
        self.service_keys = [self.key]
        self.people = people

    def write(
        self, serial: int, previous: str = "", *, members: Sequence[str] = NAMES, remark: str = ""
    ) -> None:
        tables = "".join(
            f'[[members]]\nalias = "{name}"\nrecipient = "{self.people[name].recipient}"\n'
            f'signing_key = "{self.people[name].signing_key}"\nemail = "{name}@example.org"\n'
            for name in members
        )
        tables += "".join(
            f'[[service_keys]]\nid = "{key.id}"\npublic = "{key.public_line}"\n' for key in self.service_keys
        )
        for old in self.path.parent.glob("roster.toml.sig.*"):
            old.unlink()
        text = f'version = 1\nserial = {serial}\nprevious = "{previous}"\n{tables}# {remark}\n'
        self.path.write_text(text, encoding="utf-8")

    def sign(self, *names: str, over: bytes | None = None, namespace: str = "coc-roster@v1") -> None:
        raw = self.path.read_bytes() if over is None else over
        for name in names:
            armoured = self.people[name].sign(namespace, raw)
            self.path.with_name(f"roster.toml.sig.{name}").write_text(armoured)

    def successor(self, *signers: str, members: Sequence[str] = NAMES, remark: str = "") -> None:
        """The next roster; the present one stays beside it."""
        present = load_roster(self.path)
        for one in sorted(self.path.parent.glob("roster.toml*")):
            one.rename(one.with_name(one.name.replace("roster.toml", f"roster-{present.serial}.toml")))
        self.write(present.serial + 1, present.hash, members=members, remark=remark)
        self.sign(*signers)


@pytest.fixture
def folder(tmp_path: Path, people: dict[str, Identity]) -> Folder:
    (tmp_path / "team").mkdir()
    folder = Folder(tmp_path / "team" / "roster.toml", people)
    folder.write(1)
    folder.sign("robert", "charlie")
    return folder


@pytest.fixture
def pin(database: Database) -> RosterPin:
    return RosterPin(database._engine, database._sealer)


@pytest.fixture
def roster(folder: Folder, pin: RosterPin, clock: SetClock) -> RosterFile:
    return RosterFile(folder.path, key=folder.key, pin=pin, clock=clock)


def start(folder: Folder, pin: RosterPin, clock: SetClock) -> RosterFile:
    return RosterFile(folder.path, key=folder.key, pin=pin, clock=clock)


def test_a_successor_counts_at_once_and_after_a_restart(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock
) -> None:
    first = roster()
    folder.successor("charlie", "rachel", members=("robert", "charlie"))

    assert (1, 2) == (first.serial, roster().serial)
    assert ["robert", "charlie"] == [member.alias for member in roster().members]
    assert roster() == start(folder, pin, clock)()


def test_a_swapped_roster_changes_nothing_and_the_log_names_the_code(
    folder: Folder, roster: RosterFile, caplog: pytest.LogCaptureFixture
) -> None:
    first = roster()
    folder.write(1, members=("mallory", *NAMES), remark="swapped")
    folder.sign("mallory", "robert", "charlie")

    assert first is roster()
    (error,) = (one.getMessage() for one in caplog.records if one.levelno == logging.ERROR)
    assert "event=roster-not-used serial=1 code=roster-refused" == error
    assert "mallory" not in caplog.text


@pytest.mark.parametrize(
    ("signers", "why"),
    [
        ((), "one signature short of two"),
        (("robert",), "one signature short"),
        (("mallory", "miriam"), "nobody of the roster"),
        (("robert", "mallory"), "one member, one stranger"),
    ],
)
def test_a_successor_that_lacks_a_signature_is_not_taken(
    folder: Folder, roster: RosterFile, signers: tuple[str, ...], why: str
) -> None:
    folder.successor(*signers, members=("mallory", "miriam", *NAMES), remark=why)

    assert 1 == roster().serial


def test_it_is_taken_when_the_last_signature_arrives(folder: Folder, roster: RosterFile) -> None:
    folder.successor("robert")
    before = roster().serial
    folder.sign("rachel")

    assert (1, 2) == (before, roster().serial)


def test_an_older_roster_never_comes_back(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock
) -> None:
    """A replay of the files as they were before rachel left."""
    old = {one.name: one.read_bytes() for one in folder.path.parent.iterdir()}
    folder.successor("robert", "charlie", members=("robert", "charlie"))
    newest = roster()

    for one in folder.path.parent.iterdir():
        one.unlink()
    for name, raw in old.items():
        folder.path.with_name(name).write_bytes(raw)

    assert newest is roster()
    assert newest.member("rachel") is None
    with pytest.raises(RosterRefused, match="This is roster 1, and 2 was accepted already"):
        start(folder, pin, clock)


def test_a_removed_members_signature_does_not_count(folder: Folder, roster: RosterFile) -> None:
    folder.successor("robert", "charlie", members=("robert", "charlie", "miriam"))
    assert 2 == roster().serial

    folder.successor("robert", "rachel")

    assert 2 == roster().serial


@pytest.mark.parametrize("namespace", ["coc-diary@v1", "coc-api@v1", "file"])
def test_a_signature_made_for_something_else_does_not_count(
    folder: Folder, roster: RosterFile, namespace: str
) -> None:
    folder.successor("robert")
    folder.sign("charlie", namespace=namespace)

    assert 1 == roster().serial


def test_a_signature_over_other_bytes_does_not_count(folder: Folder, roster: RosterFile) -> None:
    folder.successor("robert")
    folder.sign("charlie", over=folder.path.read_bytes() + b"\n")

    assert 1 == roster().serial


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe\x00", b"-----BEGIN SSH SIGNATURE-----\n", b"A" * 100_000]
)
def test_garbage_in_place_of_a_signature_does_not_count_and_breaks_nothing(
    folder: Folder, roster: RosterFile, garbage: bytes
) -> None:
    folder.successor("robert")
    folder.path.with_name("roster.toml.sig.charlie").write_bytes(garbage)
    folder.path.with_name("roster.toml.sig.rachel").mkdir()
    before = roster().serial
    folder.path.with_name("roster.toml.sig.charlie").unlink()
    folder.sign("charlie")

    assert (1, 2) == (before, roster().serial)


@pytest.mark.parametrize("raw", [b"members = 5\n", b"\xff", b""])
def test_a_file_with_mistakes_or_none_at_all_changes_nothing(
    folder: Folder, roster: RosterFile, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    first = roster()
    folder.path.write_bytes(raw)
    assert first is roster()
    folder.path.unlink()

    assert first is roster()
    assert "config" in caplog.text


def test_a_service_that_was_down_follows_step_by_step(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock
) -> None:
    assert 1 == roster().serial
    folder.successor("robert", "charlie", members=("charlie", "rachel", "miriam"))
    folder.successor("rachel", "miriam", members=("rachel", "miriam"))

    assert 3 == start(folder, pin, clock)().serial


def test_a_step_that_is_missing_is_asked_for_by_name(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock
) -> None:
    assert 1 == roster().serial
    folder.successor("robert", "charlie")
    folder.successor("robert", "charlie")
    folder.path.with_name("roster-2.toml").unlink()

    with pytest.raises(RosterRefused, match=r"Number 2 is needed .* as roster-2\.toml"):
        start(folder, pin, clock)


def test_a_false_step_in_between_is_refused(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock
) -> None:
    assert 1 == roster().serial
    folder.successor("mallory", "miriam", members=OTHERS)
    folder.successor("mallory", "miriam", members=OTHERS)

    with pytest.raises(RosterRefused, match="Roster 2 is not signed by anybody who may"):
        start(folder, pin, clock)


def test_a_new_service_takes_a_later_roster_that_its_own_members_signed(
    folder: Folder, pin: RosterPin, clock: SetClock
) -> None:
    folder.successor("robert", "charlie")

    assert 2 == start(folder, pin, clock)().serial


def test_a_new_service_takes_no_roster_that_too_few_signed(
    folder: Folder, pin: RosterPin, clock: SetClock
) -> None:
    folder.successor("robert")

    with pytest.raises(RosterRefused, match="signed by robert, and needs 2"):
        start(folder, pin, clock)
    assert pin.newest() is None


@both
def test_what_was_accepted_lies_sealed_and_cannot_be_exchanged(
    folder: Folder, roster: RosterFile, pin: RosterPin, database: Database, tmp_path: Path
) -> None:
    del roster
    folder.successor("robert", "charlie", members=("robert", "charlie"))
    disk = b"".join(one.read_bytes() for one in tmp_path.glob("coc.sqlite*"))
    assert b"robert@example.org" not in disk

    with database._engine.begin() as connection:
        connection.execute(t.roster.update().values(hash="ab" * 32))
    with pytest.raises(StoreError, match="The stored roster was changed"):
        pin.newest()
    with database._engine.begin() as connection:
        connection.execute(t.roster.update().values(serial=9))
    with pytest.raises(StoreError, match="changed or moved"):
        pin.newest()
    with pytest.raises(StoreError, match="another root key"):
        RosterPin(database._engine, Sealer(bytes(32))).newest()


def test_a_database_in_trouble_keeps_the_roster_and_is_asked_again(
    folder: Folder, roster: RosterFile, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    folder.successor("robert", "charlie")
    with database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE roster RENAME TO away"))
    before = roster().serial
    with database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO roster"))

    assert (1, 2) == (before, roster().serial)
    assert "event=roster-not-used-for-now serial=1 code=store" in caplog.text


@pytest.mark.parametrize(
    "others",
    [[], [new_service_key("svc-test")], [new_service_key("svc-other")]],
    ids=["none", "another-of-the-same-id", "another"],
)
def test_a_roster_without_the_services_own_key_is_not_taken_while_running_nor_at_a_start(
    folder: Folder, roster: RosterFile, pin: RosterPin, clock: SetClock, caplog: pytest.LogCaptureFixture,
    others: list[ServiceKey],
) -> None:  # fmt: skip
    """No desk would believe what the service seals from then on."""
    first = roster()
    folder.service_keys = others
    folder.successor("charlie", "rachel")

    with caplog.at_level(logging.ERROR, logger="coc.server"):
        assert roster() == first
    assert "roster-refused" in caplog.text
    with pytest.raises(RosterRefused, match="own key svc-test"):
        start(folder, pin, clock)
    assert pin.newest() == first

    folder.service_keys = (
        [*others, folder.key] if [one.id for one in others] != ["svc-test"] else [folder.key]
    )
    folder.write(2, first.hash)
    folder.sign("charlie", "rachel")
    assert roster().serial == 2

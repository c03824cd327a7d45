"""Which roster may follow which: number, hash, and signatures of those who were members before."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary.keys import Identity, Reader, generate_identity
from integration.errors import ConfigError, RosterRefused
from integration.roster import Roster, parse_roster
from integration.roster_chain import (
    NAMESPACE,
    allowed_signers,
    check_entrance,
    check_succession,
    former_keys,
    judge_signatures,
    readers_of,
    signatures_needed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PEOPLE = {name: generate_identity(name) for name in ("robert", "charlie", "rachel", "miriam", "mallory")}
THREE = ("robert", "charlie", "rachel")


def raw(
    members: Sequence[str] = THREE, *, serial: int = 1, previous: str = "", remark: str = "", **keys: Identity
) -> bytes:
    tables = "".join(
        f'[[members]]\nalias = "{name}"\nrecipient = "{keys.get(name, PEOPLE[name]).recipient}"\n'
        f'signing_key = "{keys.get(name, PEOPLE[name]).signing_key}"\nemail = "{name}@example.org"\n'
        for name in members
    )
    return f'version = 1\nserial = {serial}\nprevious = "{previous}"\n{tables}# {remark}\n'.encode()


def read(members: Sequence[str] = THREE, *, serial: int = 1, previous: str = "") -> Roster:
    return parse_roster(raw(members, serial=serial, previous=previous), where="The roster")


def signed(file: bytes, *names: str, namespace: str = NAMESPACE) -> dict[str, str]:
    return {name: PEOPLE[name].sign(namespace, file) for name in names}


def refused(file: bytes, signatures: dict[str, str], previous: Roster | None) -> str:
    with pytest.raises(RosterRefused) as raised:
        check_succession(file, signatures, previous=previous)
    return str(raised.value)


# The first ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("team", "signers"),
    [
        (("robert",), ("robert",)),
        (("robert", "charlie"), ("charlie",)),
        (THREE, ("robert", "rachel")),
        (THREE, THREE),
    ],
)
def test_a_first_roster_is_signed_by_its_own_members(team: Sequence[str], signers: Sequence[str]) -> None:
    file = raw(team)

    assert parse_roster(file, where="") == check_succession(file, signed(file, *signers), previous=None)


@pytest.mark.parametrize(("team", "needed"), [(("robert",), 1), (("robert", "charlie"), 1), (THREE, 2)])
def test_two_must_sign_and_one_in_a_team_of_one_or_two(team: Sequence[str], needed: int) -> None:
    file = raw(team)

    assert needed == signatures_needed(parse_roster(file, where=""))
    assert f"needs {needed} of the members" in refused(file, {}, None)


def test_what_is_missing_and_from_whom_is_said() -> None:
    file = raw()

    said = refused(file, {**signed(file, "robert", "mallory"), "rachel": "garbage"}, None)

    assert "Roster 1 is signed by robert, and needs 2 of the members of roster 1." in said
    assert "1 more must sign it (coc roster sign), of: charlie, rachel." in said
    assert "mallory is not on roster 1" in said
    assert "what is named rachel's is not a signature of these bytes by rachel's key" in said


def test_without_an_accepted_roster_only_number_1_is_judged() -> None:
    file = raw(serial=2, previous="ab" * 32)

    said = refused(file, signed(file, *THREE), None)

    assert "there is no accepted roster 1 to judge it by" in said


def test_who_comes_later_takes_a_roster_that_its_own_members_signed() -> None:
    file = raw(serial=7, previous="ab" * 32)

    assert 7 == check_entrance(file, signed(file, "robert", "rachel")).serial
    with pytest.raises(RosterRefused, match="signed by robert, and needs 2 of the members of roster 7"):
        check_entrance(file, signed(file, "robert", "mallory"))


# The next -------------------------------------------------------------------------------------------


def test_the_next_one_names_the_one_before_and_is_signed_by_its_members() -> None:
    before = read()
    file = raw(("robert", "miriam"), serial=2, previous=before.hash)

    taken = check_succession(file, signed(file, "charlie", "rachel"), previous=before)

    assert ["robert", "miriam"] == [member.alias for member in taken.members]


def test_the_same_roster_is_the_accepted_one_whoever_signed_it() -> None:
    before = read()

    assert before is check_succession(raw(), {}, previous=before)


def test_the_new_members_do_not_decide_about_themselves() -> None:
    before = read(("robert", "charlie"))
    file = raw(("robert", "charlie", "miriam", "mallory"), serial=2, previous=before.hash)

    said = refused(file, signed(file, "miriam", "mallory"), before)

    assert "not signed by anybody who may" in said
    assert "miriam is not on roster 1" in said


def test_one_leaves_though_two_of_three_must_sign() -> None:
    before = read()
    file = raw(("robert", "charlie"), serial=2, previous=before.hash)

    assert 2 == check_succession(file, signed(file, "robert", "rachel"), previous=before).serial


def test_after_that_one_of_the_two_signs_and_who_left_does_not() -> None:
    before = read(("robert", "charlie"), serial=2, previous="ab" * 32)
    file = raw(serial=3, previous=before.hash)

    assert 3 == check_succession(file, signed(file, "charlie"), previous=before).serial
    assert "rachel is not on roster 2" in refused(file, signed(file, "rachel"), before)


def test_a_key_that_was_replaced_signs_nothing_any_more() -> None:
    new = generate_identity("robert")
    before = parse_roster(raw(("robert",), serial=2, previous="ab" * 32, robert=new), where="")
    file = raw(("robert",), serial=3, previous=before.hash, robert=new)

    assert "not a signature of these bytes by robert's key" in refused(file, signed(file, "robert"), before)
    assert 3 == check_succession(file, {"robert": new.sign(NAMESPACE, file)}, previous=before).serial


def test_one_member_under_two_names_is_one_signature() -> None:
    before = read()
    file = raw(serial=2, previous=before.hash)
    robert = PEOPLE["robert"].sign(NAMESPACE, file)

    said = refused(file, {"robert": robert, "charlie": robert, "Robert": robert}, before)

    assert "signed by robert, and needs 2" in said


@pytest.mark.parametrize(
    ("serial", "previous", "why"),
    [
        (1, "", "This is roster 1, and 3 was accepted already."),
        (2, "ab" * 32, "This is roster 2, and 3 was accepted already."),
        (3, "ab" * 32, "This is another roster 3 than the one that was accepted."),
        (4, "cd" * 32, "This roster 4 does not follow the roster 3 that was accepted."),
        (5, "cd" * 32, "This is roster 5, and the accepted one is 3."),
    ],
)
def test_what_does_not_follow_is_refused_whoever_signed_it(serial: int, previous: str, why: str) -> None:
    before = read(serial=3, previous="ab" * 32)
    file = raw(serial=serial, previous=previous, remark="another")

    said = refused(file, signed(file, *THREE), before)

    assert why in said
    assert "The accepted one stays." in said


@pytest.mark.parametrize("namespace", ["coc-diary@v1", "coc-head@v1", "coc-api@v1", "file", ""])
def test_a_signature_in_another_namespace_does_not_count(namespace: str) -> None:
    file = raw(("robert",))

    assert "not signed" in refused(file, signed(file, "robert", namespace=namespace), None)


@pytest.mark.parametrize("change", [b"\n", b" ", b"# x"])
def test_a_signature_over_other_bytes_does_not_count(change: bytes) -> None:
    file = raw(("robert",))

    assert "not signed" in refused(file + change, signed(file, "robert"), None)


@given(st.text(max_size=400))
def test_garbage_is_no_signature(garbage: str) -> None:
    file = raw(("robert",))
    good = PEOPLE["robert"].sign(NAMESPACE, file)

    for armoured in (garbage, f"x{garbage}{good}", f"{good}{garbage}x"):
        assert () == judge_signatures(file, {"robert": armoured}, read(("robert",))).good


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        ("ssh-ed25519 AAAA", "an SSH key"),
        ("age1yubikey1" + "q" * 58, "a plugin's key"),
        ("age1" + "q" * 58, "checksum is wrong"),
    ],
)
def test_a_roster_with_a_recipient_that_is_not_plain_age_is_refused_with_the_reason(
    recipient: str, why: str
) -> None:
    file = raw(("robert",)).replace(PEOPLE["robert"].recipient.encode(), recipient.encode())

    with pytest.raises(ConfigError, match=why):
        check_succession(file, signed(file, "robert"), previous=None)


# What is kept and handed out ------------------------------------------------------------------------


def test_keys_of_former_members_and_former_keys_are_kept() -> None:
    new = generate_identity("robert")
    older = [read(THREE), read(("robert", "charlie"), serial=2, previous="ab" * 32)]
    now = parse_roster(raw(("robert", "charlie"), serial=3, previous="ab" * 32, robert=new), where="")

    assert {
        "robert": [PEOPLE["robert"].signing_key],
        "rachel": [PEOPLE["rachel"].signing_key],
    } == former_keys(older, now)
    assert {} == former_keys([], now)


def test_readers_are_members_and_recovery_keys() -> None:
    paper = PEOPLE["mallory"].recipient
    extra = f'[[recovery]]\nname = "paper-1"\nrecipient = "{paper}"\nemail = "b@example.org"\n'
    roster = parse_roster(raw(("robert",)) + extra.encode(), where="")

    assert {PEOPLE["robert"].reader(), Reader("paper-1", paper, None)} == readers_of(roster)


def test_allowed_signers_are_members_and_service_keys() -> None:
    key = PEOPLE["mallory"].signing_key
    roster = parse_roster(raw() + f'[[service_keys]]\nid = "svc-1"\npublic = "{key}"\n'.encode(), where="")

    lines = allowed_signers(roster).splitlines()

    assert f"member:robert {PEOPLE['robert'].signing_key}" == lines[0]
    assert f"service:svc-1 {key}" == lines[-1]
    assert 4 == len(lines)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
class TestSshKeygen:
    """The team can do without us: ssh-keygen signs what we take, and checks what we sign."""

    def test_what_it_signs_counts(self, tmp_path: Path) -> None:
        file = raw(("robert", "charlie"))
        roster, key = tmp_path / "roster.toml", tmp_path / "key"
        roster.write_bytes(file)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        public = " ".join((tmp_path / "key.pub").read_text().split()[:2])
        file = file.replace(PEOPLE["robert"].signing_key.encode(), public.encode())
        roster.write_bytes(file)

        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, roster],
            check=True, capture_output=True,
        )  # fmt: skip
        armoured = (tmp_path / "roster.toml.sig").read_text()

        assert 1 == check_succession(file, {"robert": armoured}, previous=None).serial

    @pytest.mark.parametrize(("who", "good"), [("robert", True), ("charlie", False)])
    def test_it_checks_what_we_sign(self, tmp_path: Path, who: str, good: bool) -> None:  # noqa: FBT001 - a parameter
        file = raw()
        (tmp_path / "allowed_signers").write_text(allowed_signers(parse_roster(file, where="")))
        (tmp_path / "signature").write_text(PEOPLE["robert"].sign(NAMESPACE, file))

        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", f"member:{who}", "-n", NAMESPACE,
             "-s", "signature"],
            cwd=tmp_path, input=file, capture_output=True, check=False,
        )  # fmt: skip

        assert good is (done.returncode == 0)

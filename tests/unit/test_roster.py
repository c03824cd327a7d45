"""The roster's file: read whole or refused with every mistake, and nothing in it names an unsafe key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import generate_identity
from integration.errors import ConfigError
from integration.roster import Roster, load_roster, parse_roster

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = {letter: generate_identity(f"person-{letter}") for letter in "qpzABC"}
KEY = PEOPLE["A"].signing_key
AGE = PEOPLE["q"].recipient


def age(letter: str) -> str:
    return PEOPLE[letter].recipient


def signing(letter: str) -> str:
    return PEOPLE[letter].signing_key


def member(alias: str = "robert", recipient: str = AGE, key: str = KEY, more: str = "") -> str:
    return (
        f'[[members]]\nalias = "{alias}"\nrecipient = "{recipient}"\nsigning_key = "{key}"\n'
        f'email = "{alias or "x"}@example.org"\n{more}\n'
    )


def parse(text: str) -> Roster:
    return parse_roster(text.encode(), where="The roster")


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        parse(text)
    return raised.value.mistakes


HEAD = "version = 1\nserial = 1\n"

WHOLE = f"""
version = 1
serial = 7
previous = "{"ab" * 32}"

[[members]]
alias = "robert"
recipient = "{age("q")}"
signing_key = "{signing("A")}"
email = "robert@example.org"
on_duty = true
names = ["Robert Kraus"]
handles = ["bobby"]
accounts = {{ jira = "5b10", github = "bobcodes" }}

[[members]]
alias = "miriam"
recipient = "{age("p")}"
signing_key = "{signing("B")}"
email = "miriam@example.org"
accounts = {{ github = "miriamk" }}

[[recovery]]
name = "paper-1"
recipient = "{age("z")}"
email = "board@example.org"

[[service_keys]]
id = "svc-202611"
public = "{signing("C")}"
"""


def test_a_whole_roster_is_read() -> None:
    roster = parse(WHOLE)

    robert = roster.member("robert")
    assert robert is not None
    assert robert.on_duty
    assert ("Robert Kraus",) == robert.names
    assert ("bobby",) == robert.handles
    assert 7 == roster.serial
    assert "ab" * 32 == roster.previous
    assert ["paper-1"] == [one.name for one in roster.recovery]
    assert ["svc-202611"] == [one.id for one in roster.service_keys]


def test_a_member_is_off_duty_unless_the_roster_says_otherwise() -> None:
    miriam = parse(WHOLE).member("miriam")

    assert miriam is not None
    assert not miriam.on_duty


def test_an_unknown_alias_is_nobody() -> None:
    assert parse(WHOLE).member("stranger") is None


def test_accounts_are_those_of_one_kind_of_host() -> None:
    roster = parse(WHOLE)

    assert frozenset({"bobcodes", "miriamk"}) == roster.accounts("github")
    assert frozenset({"5b10"}) == roster.accounts("jira")


def test_the_hash_is_over_the_bytes_of_the_file() -> None:
    raw = WHOLE.encode() + b"# a remark\n"

    assert hashlib.sha256(raw).hexdigest() == parse_roster(raw, where="").hash
    assert parse(WHOLE).hash != parse_roster(raw, where="").hash


def test_a_file_is_read_as_bytes(tmp_path: Path) -> None:
    file = tmp_path / "roster.toml"
    file.write_bytes(WHOLE.encode().replace(b"\n", b"\r\n"))

    assert hashlib.sha256(file.read_bytes()).hexdigest() == load_roster(file).hash


def test_a_missing_file_is_a_mistake_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"roster\.toml.*\n.*FileNotFoundError"):
        load_roster(tmp_path / "roster.toml")


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"members = [", b'version = 1\nversion = 1\nx = "secret-canary"']
)
def test_what_is_not_toml_is_refused_without_quoting_it(raw: bytes) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_roster(raw, where="The roster")

    assert 1 == len(raised.value.mistakes)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "age1" + "q" * 57,
        "age1" + "q" * 59,
        "age1" + "b" * 58,
        AGE[:-1] + ("q" if AGE[-1] != "q" else "p"),
        "AGE1" + "Q" * 58,
        age("q") + "\\n",
        "ssh-ed25519 " + "A" * 68,
        "ssh-rsa AAAA",
        "age1yubikey1" + "q" * 58,
        "age1pq1" + "q" * 58,
        "AGE-SECRET-KEY-1" + "Q" * 58,
    ],
)
def test_a_recipient_is_age1_and_58_characters_and_nothing_else(recipient: str) -> None:
    (mistake,) = mistakes(HEAD + member(recipient=recipient))

    assert mistake.startswith("members[1] (robert).recipient is ")
    assert recipient == "" or recipient not in mistake


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        ("", "not age1 and 58 characters"),
        (AGE[:-1] + ("q" if AGE[-1] != "q" else "p"), "its checksum is wrong"),
        ("ssh-ed25519 " + "A" * 68, "an SSH key"),
        ("age1yubikey1" + "q" * 58, "a plugin's key"),
        ("AGE-SECRET-KEY-1" + "Q" * 58, "a SECRET key: it must be replaced"),
    ],
)
def test_what_is_wrong_with_a_recipient_is_said(recipient: str, why: str) -> None:
    (mistake,) = mistakes(HEAD + member(recipient=recipient))

    assert why in mistake


@pytest.mark.parametrize(
    "key", ["", KEY + " robert@laptop", "ssh-rsa " + "A" * 68, "ssh-ed25519 " + "A" * 67]
)
def test_a_signing_key_is_ed25519_without_a_comment(key: str) -> None:
    assert ("members[1].signing_key must be ssh-ed25519 and the key, without a comment",) == mistakes(
        HEAD + member(key=key)
    )


@pytest.mark.parametrize("alias", ["", "1st", "a b", "röbert", "a" * 33, "x\\ny"])
def test_an_alias_is_short_and_plain(alias: str) -> None:
    assert any("members[1].alias must be a letter" in one for one in mistakes(HEAD + member(alias=alias)))


def test_nobody_is_called_service() -> None:
    assert ("members[1].alias: 'service' is the name of the service itself",) == mistakes(
        HEAD + member(alias="service")
    )


@pytest.mark.parametrize(
    ("head", "mistake"),
    [
        ("version = 2\nserial = 1\n", "version must be 1"),
        ("serial = 1\n", "version must be 1"),
        ("version = 1\n", "serial must be a whole number from 1"),
        ("version = 1\nserial = 0\n", "serial must be a whole number from 1"),
        ("version = 1\nserial = true\n", "serial must be a whole number from 1"),
        ('version = 1\nserial = 1\nprevious = "abc"\n', "previous must be"),
        (f'version = 1\nserial = 1\nprevious = "{"ab" * 32}"\n', "previous must be"),
        ("version = 1\nserial = 2\n", "previous must be"),
        ('version = 1\nserial = 2\nprevious = "abc"\n', "previous must be"),
        ("version = 1\nserial = 2\nprevious = 5\n", "previous must be"),
        ("version = 1\nserial = 1\nowner = 1\n", "the file has the unknown entry 'owner'"),
        ("version = 1\nserial = 1\nrecovery = 1\n", "recovery must be a list of tables"),
    ],
)
def test_each_mistake_of_the_head_is_said(head: str, mistake: str) -> None:
    found = mistakes(head + member())

    assert 1 == len(found)
    assert found[0].startswith(mistake)


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ("on_duty = 1", "members[1].on_duty must be true or false"),
        ('names = "Robert"', "members[1].names must be a list of texts"),
        ("handles = [1]", "members[1].handles must be a list of texts"),
        ("accounts = 1", "members[1].accounts must map jira or github to the account there"),
        ('accounts = { gitlab = "x" }', "members[1].accounts must map jira or github to the account there"),
        ("accounts = { github = 5 }", "members[1].accounts must map jira or github to the account there"),
        ('accounts = { github = "" }', "members[1].accounts must map jira or github to the account there"),
        ('phone = "5"', "members[1] has the unknown entry 'phone'"),
    ],
)
def test_each_mistake_of_a_member_is_said(more: str, mistake: str) -> None:
    assert (mistake,) == mistakes(HEAD + member(more=more))


def test_nothing_stands_twice() -> None:
    text = (
        HEAD
        + member()
        + member("Robert")
        + f'[[recovery]]\nname = "ROBERT"\nrecipient = "{AGE}"\nemail = "b@example.org"\n'
        + f'[[service_keys]]\nid = "s"\npublic = "{KEY}"\n' * 2
    )

    assert [
        "the alias or recovery name 'robert' stands twice",
        "the alias or recovery name 'robert' stands twice",
        f"the recipient {AGE[:24]!r} stands twice",
        f"the recipient {AGE[:24]!r} stands twice",
        f"the signing key {KEY[:24]!r} stands twice",
        "the service key id 's' stands twice",
    ] == list(mistakes(text))


def test_a_roster_without_members_is_refused() -> None:
    assert "there must be at least one member" in mistakes(HEAD + "members = []\n")


def test_all_mistakes_are_listed_at_once() -> None:
    found = mistakes(
        "version = 3\nserial = -1\nsurprise = 1\nmembers = [5]\nrecovery = [6]\nservice_keys = [7]\n"
    )

    assert [
        "the file has the unknown entry 'surprise'",
        "version must be 1",
        "serial must be a whole number from 1",
        "members[1].alias must be a letter, then letters, digits, - or _, at most 32",
        "members[1].recipient must be age1 and 58 characters",
        "members[1].signing_key must be ssh-ed25519 and the key, without a comment",
        "members[1].email must be a mail address",
        "recovery[1].name must be a letter, then letters, digits, - or _, at most 32",
        "recovery[1].recipient must be age1 and 58 characters",
        "recovery[1].email must be a mail address",
        "service_keys[1].id must be letters, digits, '.', - or _, at most 32",
        "service_keys[1].public must be ssh-ed25519 and the key, without a comment",
    ] == list(found)


@pytest.mark.parametrize(
    "email", ["", "robert", "a@b@c", "a b@example.org", "a@example.org\\nBcc: x@example.org"]
)
def test_a_mail_address_cannot_smuggle_a_header(email: str) -> None:
    text = (HEAD + member()).replace("robert@example.org", email)

    assert ("members[1].email must be a mail address",) == mistakes(text)

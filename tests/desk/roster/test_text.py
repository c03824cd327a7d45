"""A change leaves the team's own words in the file alone, refuses what is none, and is said in plain words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from desk.home import fingerprint
from desk.roster_changes import changes
from desk.roster_text import with_member, without_member
from integration.errors import ConfigError
from integration.roster import parse_roster

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from tests.desk.roster.conftest import People, Team

# The text --------------------------------------------------------------------------------------------


@pytest.fixture
def text(people: People) -> str:
    """A roster as a team writes it, with remarks and a table of its own for accounts."""
    robert, charlie, rachel = (people[alias][0] for alias in ("robert", "charlie", "rachel"))
    return f"""\
# Ours. Ask Robert before you touch it.
version = 1
serial = 1   # counted up

[[members]]
alias = "robert"
recipient = "{robert.recipient}"
signing_key = "{robert.signing_key}"
email = "robert@team.example"   # reads it daily
[members.accounts]
github = "robert"

# Charlie is away in August.
[[members]]
alias = "charlie"
recipient = "{charlie.recipient}"
signing_key = "{charlie.signing_key}"
email = "charlie@team.example"

# In the safe of the office.
[[recovery]]
name = "safe-one"
recipient = "{rachel.recipient}"
email = "keeper@safe.example"
"""


def member(identity: Identity) -> str:
    return (
        f'[[members]]\nalias = "{identity.alias}"\nrecipient = "{identity.recipient}"\n'
        f'signing_key = "{identity.signing_key}"\nemail = "m@team.example"\n'
    )


def test_the_teams_remarks_stay(text: str, people: People) -> None:
    before = hashlib.sha256(text.encode()).hexdigest()
    added = with_member(text, member(people["miriam"][0]), serial=2, previous=before)
    removed = without_member(added, "robert", serial=2, previous=before)

    roster = parse_roster(removed.encode(), where="")
    assert ["charlie", "miriam"] == [one.alias for one in roster.members]
    assert (2, before) == (roster.serial, roster.previous)
    for remark in ("# Ours.", "# Charlie is away in August.", "# In the safe of the office."):
        assert remark in removed
    assert "robert" not in removed
    assert added.replace(f'\nserial = 2\nprevious = "{before}"', "\nserial = 1   # counted up").startswith(
        text.rstrip()
    )


def test_a_removal_takes_the_members_own_tables_along_and_no_others_remark(text: str) -> None:
    removed = without_member(text, "charlie", serial=1, previous="")

    assert "# In the safe of the office.\n[[recovery]]" in removed
    assert parse_roster(removed.encode(), where="").members[0].accounts == {"github": "robert"}


@pytest.mark.parametrize("alias", ["nobody", "safe-one", "ROBERT"])
def test_only_a_member_can_be_removed(text: str, alias: str) -> None:
    with pytest.raises(ConfigError, match=f"nobody on it has the alias {alias}"):
        without_member(text, alias, serial=1, previous="")


def test_the_last_member_stays(text: str) -> None:
    alone = without_member(text, "charlie", serial=1, previous="")

    with pytest.raises(ConfigError, match="nobody would be left"):
        without_member(alone, "robert", serial=1, previous="")


def test_a_roster_in_another_layout_is_left_to_the_team(people: People) -> None:
    robert, charlie = (people[alias][0] for alias in ("robert", "charlie"))
    tables = ", ".join(
        f'{{ alias = "{one.alias}", recipient = "{one.recipient}", signing_key = "{one.signing_key}", '
        f'email = "x@team.example" }}'
        for one in (robert, charlie)
    )
    text = f"version = 1\nserial = 1\nmembers = [{tables}]\n"

    with pytest.raises(ConfigError, match="change it by hand"):
        without_member(text, "robert", serial=1, previous="")


@pytest.mark.parametrize(
    ("recipient", "mistake"),
    [
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "an SSH key, which would name its owner"),
        (
            "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
            "a plugin's key, which would make programs run",
        ),
        ("age1qqqq", "age1 and 58 characters"),
        ("age1" + "q" * 58, "its checksum is wrong"),
    ],
)
def test_plugin_ssh_and_malformed_recipients_are_refused_with_the_reason(
    team: Team, recipient: str, mistake: str
) -> None:
    team.found("robert", "charlie")
    lines = team.file.with_name("miriam.txt")
    shown = team.desk("miriam")("key", "show").stdout
    lines.write_text(shown.replace(team.people["miriam"][0].recipient, recipient))
    before = team.file.read_bytes()

    said = team.refused("robert", "add", str(team.file), "--from", str(lines), "--email", "m@team.example")

    assert "members[3] (miriam).recipient is" in said
    assert "miriam.txt" in said
    assert mistake in said
    assert before == team.file.read_bytes()


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ("", "alias is missing; coc key show prints it"),
        ('alias = "miriam', "they are not valid TOML"),
        ('alias = "m"\nrecipient = "x"\nsigning_key = "y"', "email is missing"),
    ],
)
def test_lines_that_lack_something_are_refused(team: Team, lines: str, mistake: str) -> None:
    team.found("robert", "charlie")
    file = team.file.with_name("lines.txt")
    file.write_text(lines)

    assert mistake in team.refused("robert", "add", str(team.file), "--from", str(file))


def test_somebody_who_is_on_it_already_is_not_added_twice(team: Team) -> None:
    team.found("robert", "charlie")
    file = team.file.with_name("lines.txt")
    file.write_text(team.desk("charlie")("key", "show").stdout)

    said = team.refused("robert", "add", str(team.file), "--from", str(file), "--email", "c@team.example")

    assert "stands twice" in said


# Plain words ----------------------------------------------------------------------------------------


def test_every_difference_is_said_in_plain_words(text: str, people: People) -> None:
    before = parse_roster(text.encode(), where="")
    miriam = people["miriam"][0]
    after = parse_roster(
        text.replace("robert@team.example", "robert@moved.example")
        .replace('github = "robert"', 'github = "bob"')
        .replace(people["charlie"][0].recipient, miriam.recipient)
        .replace('charlie@team.example"', 'charlie@team.example"\non_duty = true\nnames = ["Carl"]\nhandles = ["c"]')
        .replace("keeper@safe.example", "other@safe.example")
        .encode()
        + f'[[service_keys]]\nid = "svc-1"\npublic = "{miriam.signing_key}"\n'.encode(),
        where="",
    )  # fmt: skip

    said = "\n".join(changes(before, after))

    for words in (
        "robert's notices go to robert@moved.example in place of robert@team.example.",
        "robert's accounts: bob on github, in place of robert on github.",
        f"charlie has another key: {fingerprint(miriam.recipient, people['charlie'][0].signing_key)} in place of",
        "charlie is on duty now.",
        "charlie's names: Carl, in place of none.",
        "charlie's handles: c, in place of none.",
        "Notices about the recovery key safe-one go to other@safe.example",
        f"The service key svc-1 is new: {fingerprint(miriam.signing_key)}",
    ):
        assert words in said
    back = "\n".join(changes(after, before))
    assert "The service key svc-1 is gone" in back
    assert changes(before, before) == []


def test_a_recovery_key_that_goes_or_is_exchanged_is_said(text: str, people: People) -> None:
    before = parse_roster(text.encode(), where="")
    other = parse_roster(
        text.replace(people["rachel"][0].recipient, people["miriam"][0].recipient).encode(), where=""
    )
    without = parse_roster(text[: text.index("[[recovery]]")].encode(), where="")

    assert "The recovery key safe-one is another one" in changes(before, other)[0]
    assert "The recovery key safe-one is gone" in changes(before, without)[0]
    assert "The recovery key safe-one is new" in changes(without, before)[0]

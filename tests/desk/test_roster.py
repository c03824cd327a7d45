"""``coc roster``: a team makes its roster, changes it, signs it and accepts it; no desk trusts another one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, PublicKeys, fingerprint
from desk.reading import trust_of
from desk.roster_changes import changes
from desk.roster_text import with_member, without_member
from integration.errors import ConfigError
from integration.incident import IncidentId
from integration.mirror import TicketName
from integration.roster import load_roster, parse_roster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.keys import Identity
    from integration.roster import Roster
    from tests.desk.conftest import Coc

URL = "https://coc.example.org"

People = dict[str, tuple["Identity", bytes]]


class Team:
    """A team at its desks, with one shared file."""

    def __init__(self, file: Path, people: People, desk_of: Callable[[str], Coc], passphrase: str) -> None:
        self.file = file
        self.people = people
        self.desk = desk_of
        self._passphrase = passphrase

    def found(self, *aliases: str) -> None:
        """Make and sign a first roster, and connect everybody to it."""
        self.draft(*aliases)
        for alias in aliases[:2] if len(aliases) > 2 else aliases[:1]:
            assert self.sign(alias).startswith(f"Roster 1:\n  - {aliases[0]} joins")
        for alias in aliases:
            done = self.desk(alias)("connect", URL, "--roster", str(self.file), input="y\n")
            assert done.exit_code == 0, done.output

    def draft(self, *aliases: str) -> None:
        first = self.desk(aliases[0])
        assert first("roster", "new", str(self.file), "--email", f"{aliases[0]}@team.example").exit_code == 0
        for alias in aliases[1:]:
            self.add(aliases[0], alias)

    def add(self, who: str, alias: str) -> str:
        lines = self.file.with_name(f"{alias}.txt")
        lines.write_text(self.desk(alias)("key", "show").stdout, encoding="utf-8")
        return self.run(who, "add", str(self.file), "--from", str(lines), "--email", f"{alias}@team.example")

    def sign(self, who: str) -> str:
        return self.run(who, "sign", str(self.file), "--passphrase-file", self._passphrase)

    def run(self, who: str, *args: str, answer: str | None = None) -> str:
        done = self.desk(who)("roster", *args, input=answer)
        assert done.exit_code == 0, done.output
        return done.stdout

    def refused(self, who: str, *args: str, answer: str | None = None) -> str:
        done = self.desk(who)("roster", *args, input=answer)
        assert done.exit_code == 1, done.output
        return done.stderr

    def pinned(self, who: str) -> Roster:
        connection = Home(self.desk(who).folder).connection()
        assert connection is not None
        return connection.roster

    @property
    def roster(self) -> Roster:
        return load_roster(self.file)


@pytest.fixture
def team(tmp_path: Path, people: People, desk_of: Callable[[str], Coc], passphrase_file: str) -> Team:
    (tmp_path / "shared").mkdir()
    return Team(tmp_path / "shared" / "roster.toml", people, desk_of, passphrase_file)


# Making the first ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "aliases", [("robert",), ("robert", "charlie"), ("robert", "charlie", "rachel")], ids=len
)
def test_a_team_makes_its_first_roster(team: Team, aliases: tuple[str, ...]) -> None:
    team.found(*aliases)

    assert [*aliases] == [member.alias for member in team.roster.members]
    assert (1, "") == (team.roster.serial, team.roster.previous)
    assert {team.roster.hash} == {team.pinned(alias).hash for alias in aliases}


def test_one_signature_is_not_enough_for_a_team_of_three(team: Team) -> None:
    team.draft("robert", "charlie", "rachel")
    shown = team.sign("robert")

    done = team.desk("charlie")("connect", URL, "--roster", str(team.file), input="y\n")

    assert "Signed by robert; needed: 2 of its own members." in shown
    assert "1 more must sign it, of: charlie, rachel." in shown
    assert done.exit_code == 1
    assert "1 more must sign it (coc roster sign), of: charlie, rachel." in done.stderr


def test_a_roster_is_never_made_over_another(team: Team) -> None:
    team.draft("robert")
    before = team.file.read_bytes()

    assert "is there already" in team.refused("robert", "new", str(team.file), "--email", "x@team.example")
    assert before == team.file.read_bytes()


def test_every_key_is_shown_by_its_fingerprint_before_it_is_trusted(team: Team) -> None:
    team.draft("robert", "charlie")
    team.sign("robert")

    done = team.desk("charlie")("connect", URL, "--roster", str(team.file), input="n\n")

    for alias in ("robert", "charlie"):
        identity = team.people[alias][0]
        assert fingerprint(identity.recipient, identity.signing_key) in done.stdout
    assert team.roster.hash in done.stdout
    assert Home(team.desk("charlie").folder).connection() is None


# Changing --------------------------------------------------------------------------------------------


def test_a_member_is_added_signed_and_accepted(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    first = team.roster
    shown = team.add("robert", "miriam")
    team.sign("robert")
    team.sign("rachel")

    accepted = team.run("charlie", "accept", str(team.file), answer="y\n")

    miriam = team.people["miriam"][0]
    assert "miriam joins" in shown
    assert f"New key {fingerprint(miriam.recipient, miriam.signing_key)}" in accepted
    assert (2, first.hash) == (team.roster.serial, team.roster.previous)
    assert team.roster == team.pinned("charlie")
    assert first == load_roster(team.file.with_name("roster-1.toml"))


def test_a_member_is_removed_and_what_they_signed_before_can_still_be_checked(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    shown = team.run("robert", "remove", str(team.file), "rachel")
    team.sign("robert")
    team.sign("charlie")

    team.run("charlie", "accept", str(team.file), "--roster-hash", team.roster.hash)

    connection = Home(team.desk("charlie").folder).connection()
    assert "rachel leaves the team" in shown
    assert connection is not None
    assert connection.roster.member("rachel") is None
    assert [1] == [one.serial for one in connection.former]
    assert connection.former[0].member("rachel") is not None


def test_a_desk_trusts_no_roster_that_it_has_not_accepted(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    first = team.roster
    team.add("robert", "miriam")
    team.sign("robert")
    team.sign("charlie")

    team.refused("rachel", "accept", str(team.file), answer="n\n")

    assert first == team.pinned("rachel")


@pytest.mark.parametrize("signers", [(), ("robert",)])
def test_a_roster_that_lacks_signatures_is_not_accepted(team: Team, signers: tuple[str, ...]) -> None:
    team.found("robert", "charlie", "rachel")
    team.add("robert", "miriam")
    for alias in signers:
        team.sign(alias)

    said = team.refused("charlie", "accept", str(team.file), "--roster-hash", team.roster.hash)

    assert f"{2 - len(signers)} more must sign it" in said
    assert 1 == team.pinned("charlie").serial


def test_who_was_removed_can_sign_nothing_and_stays_with_the_last_one_they_were_on(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    team.sign("robert")
    team.sign("charlie")
    for alias in ("robert", "charlie"):
        team.run(alias, "accept", str(team.file), answer="y\n")

    assert "your alias rachel is not in it" in team.refused("rachel", "accept", str(team.file), answer="y\n")
    team.add("robert", "miriam")
    assert "This is roster 3, and the accepted one is 1." in team.refused("rachel", "sign", str(team.file))


def test_a_new_member_cannot_sign_themselves_in(team: Team) -> None:
    team.found("robert", "charlie")
    team.add("robert", "miriam")
    home = Home(team.desk("miriam").folder)
    home.connect(URL, team.file.with_name("roster-1.toml").read_bytes(), team.pinned("robert"))

    said = team.refused("miriam", "sign", str(team.file))

    assert "miriam with your key is not on roster 1" in said


def test_a_key_that_is_not_the_listed_one_signs_nothing(team: Team, people: People) -> None:
    team.found("robert", "charlie")
    team.add("robert", "miriam")
    home = Home(team.desk("charlie").folder)
    other = people["rachel"][0]
    keys = PublicKeys("charlie", other.recipient, other.signing_key).roster_lines()
    (home.folder / "identity.toml").write_text(keys, encoding="ascii")

    assert "charlie with your key is not on roster 1" in team.refused("charlie", "sign", str(team.file))


def test_what_a_former_member_wrote_is_known_to_be_theirs(team: Team, people: People) -> None:
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    for alias in ("robert", "charlie"):
        team.sign(alias)
    team.run("robert", "accept", str(team.file), answer="y\n")
    connection = Home(team.desk("robert").folder).connection()
    assert connection is not None

    trust = trust_of(
        IncidentId("inc_" + "a" * 26),
        TicketName("github:acme/conduct#1"),
        connection.roster,
        connection.former,
    )

    rachel = people["rachel"][0]
    assert trust.knows("rachel", rachel.signing_key)
    assert "rachel" not in trust.members
    assert [
        rachel.reader() in trust.rosters[one.hash] for one in (*connection.former, connection.roster)
    ] == [True, False]


def test_a_second_change_before_acceptance_makes_the_signatures_void_and_says_so(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    team.sign("robert")
    shown = team.add("robert", "miriam")

    assert "Signatures of the text before were taken away" in shown
    assert 2 == team.roster.serial
    assert not list(team.file.parent.glob("roster.toml.sig.*"))


def test_who_was_away_follows_step_by_step(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    for change in ("add", "remove"):
        if change == "add":
            team.add("robert", "miriam")
        else:
            team.run("robert", "remove", str(team.file), "charlie")
        for alias in ("robert", "charlie"):
            team.sign(alias)
        for alias in ("robert", "charlie") if change == "add" else ("robert",):
            team.run(alias, "accept", str(team.file), answer="y\n")

    team.run("rachel", "accept", str(team.file), answer="y\n")

    connection = Home(team.desk("rachel").folder).connection()
    assert connection is not None
    assert (3, [1, 2]) == (connection.roster.serial, [one.serial for one in connection.former])


def test_an_older_roster_is_never_accepted_again(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    for alias in ("robert", "charlie"):
        team.sign(alias)
    team.run("robert", "accept", str(team.file), answer="y\n")

    said = team.refused("robert", "accept", str(team.file.with_name("roster-1.toml")), answer="y\n")

    assert "This is roster 1, and 2 was accepted already." in said
    assert team.pinned("robert").member("rachel") is None


def test_a_swapped_roster_with_the_same_number_is_refused(team: Team) -> None:
    team.found("robert", "charlie")
    mine, other = team.people["charlie"][0].recipient, team.people["miriam"][0].recipient
    team.file.write_text(team.file.read_text().replace(mine, other))

    assert "another roster 1" in team.refused("robert", "accept", str(team.file), answer="y\n")


def test_accepting_again_what_is_accepted_asks_nothing(team: Team) -> None:
    team.found("robert")

    assert "trusts already" in team.run("robert", "accept", str(team.file))


def test_another_hash_than_was_told_is_refused(team: Team) -> None:
    team.found("robert", "charlie")
    team.add("robert", "miriam")
    team.sign("robert")

    said = team.refused("charlie", "accept", str(team.file), "--roster-hash", "ab" * 32)

    assert "another roster than the one you were told of" in said
    assert 1 == team.pinned("charlie").serial


def test_a_change_by_hand_is_led_to_its_number(team: Team) -> None:
    team.found("robert", "charlie")
    text = team.file.read_text()
    team.file.write_text(text.replace("on_duty = true", "on_duty = false"))

    said = team.refused("robert", "sign", str(team.file))
    assert f'write at its top: serial = 2 and previous = "{team.pinned("robert").hash}"' in said

    text = team.file.read_text().replace("serial = 1", "serial = 2")
    team.file.write_text(
        text.replace('previous = ""', f'previous = "{team.pinned("robert").hash}"'), encoding="utf-8"
    )
    shown = team.sign("robert")
    team.run("charlie", "accept", str(team.file), answer="y\n")

    assert "robert is off duty now." in shown
    assert team.file.with_name("roster-1.toml").exists()
    assert 2 == team.pinned("charlie").serial


# Joining a team that works --------------------------------------------------------------------------


@pytest.fixture
def grown(team: Team) -> Team:
    """Rachel founded it and left again; Miriam is new on roster 3."""
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    for alias in ("robert", "charlie"):
        team.sign(alias)
    for alias in ("robert", "charlie"):
        team.run(alias, "accept", str(team.file), answer="y\n")
    team.add("robert", "miriam")
    team.sign("charlie")
    team.run("robert", "accept", str(team.file), answer="y\n")
    return team


def test_who_joins_later_trusts_the_hash_that_a_member_told_them(grown: Team) -> None:
    told = grown.pinned("robert").hash

    done = grown.desk("miriam")("connect", URL, "--roster", str(grown.file), "--roster-hash", told)

    connection = Home(grown.desk("miriam").folder).connection()
    assert done.exit_code == 0, done.output
    assert connection is not None
    assert (3, [1, 2]) == (connection.roster.serial, [one.serial for one in connection.former])


def test_who_joins_later_trusts_nothing_without_it(grown: Team) -> None:
    done = grown.desk("miriam")("connect", URL, "--roster", str(grown.file), input="y\n")

    assert done.exit_code == 1
    assert "--roster-hash" in done.stderr
    assert Home(grown.desk("miriam").folder).connection() is None


def test_older_rosters_that_were_tampered_with_are_not_taken_along(grown: Team) -> None:
    older = grown.file.with_name("roster-1.toml")
    older.write_bytes(older.read_bytes() + b"# x\n")

    grown.desk("miriam")(
        "connect", URL, "--roster", str(grown.file), "--roster-hash", grown.pinned("robert").hash
    )

    connection = Home(grown.desk("miriam").folder).connection()
    assert connection is not None
    assert [2] == [one.serial for one in connection.former]


# Showing ---------------------------------------------------------------------------------------------


def test_the_accepted_roster_is_shown_with_who_signed_it(grown: Team) -> None:
    shown = grown.run("robert", "show")

    assert f"Roster 3, SHA-256 {grown.roster.hash}" in shown
    assert "Signed by charlie; needed: 1 of members of roster 2." in shown
    miriam = grown.people["miriam"][0]
    assert fingerprint(miriam.recipient, miriam.signing_key) in shown.replace("\n", "")


def test_a_file_is_shown_with_what_it_lacks(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    team.add("robert", "miriam")
    team.file.with_name("roster.toml.sig.miriam").write_text("garbage")

    shown = team.run("charlie", "show", str(team.file))

    assert "Signed by nobody; needed: 2 of members of roster 1." in shown
    assert "Does not count: miriam is not on roster 1." in shown


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_checks_a_roster_with_what_show_prints(grown: Team, tmp_path: Path) -> None:
    (tmp_path / "signers").write_text(grown.run("robert", "show", "--allowed-signers"))

    for file, who in (("roster.toml", "charlie"), ("roster-1.toml", "robert")):
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", f"member:{who}", "-n",
             "coc-roster@v1", "-s", grown.file.with_name(f"{file}.sig.{who}")],
            input=grown.file.with_name(file).read_bytes(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "member:rachel " in (tmp_path / "signers").read_text()


def test_there_is_nothing_to_show_before_a_roster_was_accepted(team: Team) -> None:
    assert "has not accepted a roster yet" in team.refused("robert", "show")


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

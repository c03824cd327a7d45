"""A team makes its roster, changes it, signs it and accepts it; no desk trusts one that it has not accepted."""

from __future__ import annotations

import pytest

from desk.home import Home, PublicKeys, fingerprint
from desk.reading import trust_of
from integration.incident import IncidentId
from integration.mirror import TicketName
from integration.roster import load_roster
from tests.desk.roster.conftest import URL, People, Team

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


def test_who_signs_is_told_of_members_on_duty_without_names(team: Team) -> None:
    """Nobody would notice that a report means them, so they never get one to read first."""
    team.draft("robert", "charlie")

    assert "On duty, but without names in the roster: robert." in team.sign("robert")

    text = team.file.read_text().replace("names = []", 'names = ["Robert K"]', 1)
    team.file.write_text(text.replace("on_duty = false\nnames = []", "on_duty = true\nnames = []"))
    assert "On duty, but without names in the roster: charlie." in team.sign("robert")


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

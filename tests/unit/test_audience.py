"""No proof, no write: who may read a ticket space is exactly whom the team named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from integration.audience import (
    Acknowledged,
    AdminProof,
    Audience,
    Principal,
    Proof,
    check_admin_proof,
    prove,
    prove_by_admin,
)
from integration.errors import HostNotRestricted, HostRefused, HostUnproven
from integration.incident import SpaceName

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
SPACE = SpaceName("conduct")
TEAM = frozenset({"robert", "Miriam", "coc-bot"})


def audience(*accounts: str, open_doors: tuple[str, ...] = (), complete: bool = True) -> Audience:
    principals = tuple(Principal(account, "a role") for account in accounts)
    return Audience(SPACE, principals, open_doors, complete)


def owner(until: date, account: str = "olga-owner") -> Acknowledged:
    return Acknowledged(account, until, "owner of the organisation")


def proven(read: Audience, *acknowledged: Acknowledged) -> Proof:
    return prove(read, allowed=TEAM, acknowledged=acknowledged, now=NOW)


def reasons(read: Audience, *acknowledged: Acknowledged) -> str:
    with pytest.raises(HostNotRestricted) as raised:
        proven(read, *acknowledged)
    return str(raised.value)


def test_the_team_alone_is_proof() -> None:
    assert Proof(SPACE, NOW, frozenset({"robert", "coc-bot"})) == proven(audience("robert", "coc-bot"))


@pytest.mark.parametrize("account", ["ROBERT", "miriam", "Coc-Bot", "MIRIAM"])
def test_case_of_an_account_does_not_matter(account: str) -> None:
    assert frozenset({account}) == proven(audience(account)).readers


def test_an_outsider_is_no_proof_and_is_named_with_the_way_in() -> None:
    text = reasons(audience("robert", "mallory"))

    assert "'mallory' can read it by a role and is not in the roster" in text
    assert "robert" not in text


@pytest.mark.parametrize("until", [date(2026, 11, 22), date(2027, 1, 1)])
def test_an_acknowledged_account_counts_to_the_end_of_its_day(until: date) -> None:
    assert "OLGA-owner" in proven(audience("robert", "OLGA-owner"), owner(until)).readers


def test_an_exception_that_has_ended_counts_no_more_and_says_so() -> None:
    text = reasons(audience("Olga-Owner"), owner(date(2026, 11, 21)))

    assert "not in the roster; the exception for it ended on 2026-11-21" in text


def test_a_renewed_exception_counts() -> None:
    read = audience("olga-owner")

    assert proven(read, owner(date(2026, 1, 1)), owner(date(2027, 1, 1))).readers == {"olga-owner"}


def test_an_exception_lets_in_nobody_else() -> None:
    assert "'mallory'" in reasons(audience("mallory"), owner(date(2027, 1, 1)))


def test_an_open_door_is_no_proof_even_if_nobody_is_listed() -> None:
    assert "the repository is public" in reasons(audience("robert", open_doors=("the repository is public",)))


def test_an_incomplete_list_is_no_proof() -> None:
    assert "lacks an account that must be in it" in reasons(audience("robert", complete=False))


def test_an_empty_answer_is_no_proof() -> None:
    assert "lacks an account that must be in it" in reasons(audience(complete=False))


REFUSED = HostRefused("It may not be listed.")


@pytest.mark.parametrize(("account", "doors"), [("robert", ("the repository is public",)), ("mallory", ())])
def test_what_was_found_before_a_read_failed_counts(account: str, doors: tuple[str, ...]) -> None:
    text = reasons(replace(audience(account, open_doors=doors, complete=False), unread=REFUSED))

    assert "the host did not say who else can read it" in text
    assert "must be in it" not in text


def test_a_read_that_failed_without_a_finding_is_the_hosts_trouble_and_no_alarm() -> None:
    with pytest.raises(HostRefused):
        proven(replace(audience("robert"), unread=REFUSED))


def test_every_reason_stands_in_the_message() -> None:
    read = audience("mallory", "olga-owner", open_doors=("door one", "door two"), complete=False)

    text = reasons(read, owner(date(2026, 11, 21)))

    found = [
        text.index(reason)
        for reason in ("'conduct'", "door one", "door two", "'mallory'", "'olga-owner'", "must be in it")
    ]
    assert sorted(found) == found
    assert "The report stays sealed" in text


# An admin's proof -----------------------------------------------------------------------------------


def by_admin(*accounts: str, until: date | None = None) -> AdminProof:
    seen = Audience(
        SPACE, tuple(Principal(one, "a level") for one in accounts), (), complete=True, space_id="7"
    )
    acknowledged = (owner(until),) if until else ()
    return prove_by_admin(seen, allowed=TEAM, acknowledged=acknowledged, now=NOW)


def still(
    proof: AdminProof | None,
    *acknowledged: Acknowledged,
    space_id: str = "7",
    allowed: frozenset[str] = TEAM,
    now: datetime = NOW,
) -> str:
    """Why the proof does not count; empty if it does."""
    try:
        check_admin_proof(
            proof, SPACE, space_id=space_id, allowed=allowed, acknowledged=acknowledged, now=now
        )
    except HostUnproven as error:
        return str(error)
    return ""


def test_what_an_admin_saw_counts_for_ninety_days_and_not_a_moment_longer() -> None:
    proof = by_admin("robert")

    assert NOW + timedelta(days=90) == proof.ends_at
    assert not still(proof, now=proof.ends_at - timedelta(seconds=1))
    assert "ended on 2027-02-20" in still(proof, now=proof.ends_at)


def test_without_an_admins_proof_nothing_counts_and_the_command_that_helps_is_named() -> None:
    assert "never proven" in still(None)
    assert "coc-server doctor conduct --admin-token-file" in still(None)


def test_a_proof_of_another_repository_counts_for_nothing() -> None:
    assert "another repository or project than" in still(by_admin("robert"), space_id="8")


def test_an_admins_reading_without_the_hosts_own_id_is_no_proof() -> None:
    with pytest.raises(HostNotRestricted):
        prove_by_admin(audience("robert"), allowed=TEAM, acknowledged=(), now=NOW)


def test_who_left_the_team_and_was_in_the_admins_list_ends_the_proof_by_name_and_path() -> None:
    text = still(by_admin("robert", "miriam"), allowed=frozenset({"robert", "coc-bot"}))

    assert "'miriam' can read it by a level" in text


def test_an_exception_in_the_admins_list_ends_the_proof_with_its_own_day() -> None:
    proof = by_admin("robert", "olga-owner", until=date(2026, 12, 1))

    assert not still(proof, owner(date(2026, 12, 1)), now=datetime(2026, 12, 1, 23, tzinfo=UTC))
    late = still(proof, owner(date(2026, 12, 1)), now=datetime(2026, 12, 2, 1, tzinfo=UTC))
    assert "'olga-owner'" in late
    assert "ended on 2026-12-01" in late

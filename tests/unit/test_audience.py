"""No proof, no write: who may read a ticket space is exactly whom the team named."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from integration.audience import Acknowledged, Audience, Principal, Proof, prove
from integration.errors import HostNotRestricted
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


def test_every_reason_stands_in_the_message() -> None:
    read = audience("mallory", "olga-owner", open_doors=("door one", "door two"), complete=False)

    text = reasons(read, owner(date(2026, 11, 21)))

    found = [
        text.index(reason)
        for reason in ("'conduct'", "door one", "door two", "'mallory'", "'olga-owner'", "must be in it")
    ]
    assert sorted(found) == found
    assert "The report stays sealed" in text

"""Impact × likelihood, and the rule for stronger action that is not a threshold on the product."""

from __future__ import annotations

import pytest

from integration.risk import Level, risk, stronger_action

LEVELS = (None, Level.LOW, Level.MEDIUM, Level.HIGH)
STRONGER = {(Level.MEDIUM, Level.HIGH), (Level.HIGH, Level.HIGH)}


@pytest.mark.parametrize("impact", LEVELS)
@pytest.mark.parametrize("likelihood", LEVELS)
def test_risk_is_the_product_once_both_are_assessed(impact: Level | None, likelihood: Level | None) -> None:
    expected = int(impact) * int(likelihood) if impact and likelihood else None

    assert expected == risk(impact, likelihood)


@pytest.mark.parametrize("impact", LEVELS)
@pytest.mark.parametrize("likelihood", LEVELS)
def test_stronger_action_needs_likely_recurrence_and_medium_impact(
    impact: Level | None, likelihood: Level | None
) -> None:
    assert ((impact, likelihood) in STRONGER) is stronger_action(impact, likelihood)


def test_equal_products_do_not_mean_equal_action() -> None:
    assert risk(Level.HIGH, Level.MEDIUM) == risk(Level.MEDIUM, Level.HIGH) == 6
    assert stronger_action(Level.HIGH, Level.MEDIUM) is False
    assert stronger_action(Level.MEDIUM, Level.HIGH) is True

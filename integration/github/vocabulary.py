"""Every label and every issue field that a ticket of ours may ever show, for set-up and its checks.

Members with the role *triage* put labels on and off, but cannot make new ones, so all of them are made beforehand.
https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from integration.github.fields import KEYS, LABEL, NOT_ASSESSED
from integration.incident import IncidentType, Stage
from integration.risk import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integration.github.answers import Json

_SHADES = {
    "type": "d4c5f9",
    "impact": "f9d0c4",
    "likelihood": "fef2c0",
    "risk": "e99695",
    "stronger action": "b60205",
    "stage": "bfdadc",
    "lead": "c2e0c6",
    "secondary": "c2e0c6",
}


def values(aliases: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """By field, all texts it may show; ``aliases`` are the roster's, for lead and secondary."""
    levels = (NOT_ASSESSED, *(str(int(one)) for one in Level))
    risks = sorted({int(one) * int(other) for one, other in product(Level, Level)})
    people = tuple(sorted(aliases))
    shown = {
        "type": tuple(one.value for one in IncidentType),
        "impact": levels,
        "likelihood": levels,
        "risk": (NOT_ASSESSED, *(str(one) for one in risks)),
        "stronger action": ("yes",),
        "stage": tuple(one.value for one in Stage),
        "lead": people,
        "secondary": people,
    }
    return {key: shown[key] for key in KEYS}


def labels(aliases: Iterable[str]) -> Mapping[str, str]:
    """Labels by name, each with its colour."""
    named = {f"{key}: {text}": _SHADES[key] for key, texts in values(aliases).items() for text in texts}
    return {LABEL: "5319e7", **named}


def issue_fields(aliases: Iterable[str]) -> list[Json]:
    """Issue fields of the organisation, as GitHub takes them. A field without choices (a team of nobody) is text.

    https://docs.github.com/en/rest/orgs/issue-fields
    """
    made: list[Json] = []
    for key, texts in values(aliases).items():
        options = [{"name": text, "color": "gray", "priority": place} for place, text in enumerate(texts, 1)]
        kind = {"data_type": "single_select", "options": options} if options else {"data_type": "text"}
        made.append({"name": f"CoC {key}", **kind})
    return made

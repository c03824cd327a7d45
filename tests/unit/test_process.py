"""The process as data: the default is the seed's, a broken file is refused with all mistakes at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from integration.errors import ConfigError
from integration.incident import IncidentType, Stage
from integration.process import SAFETY, default_process, load_process, parse_process
from integration.risk import Level

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = resources.files("integration.data").joinpath("process.toml").read_text(encoding="utf-8")


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_process(text, where="the file")
    return caught.value.mistakes


def test_enforcement_has_the_eleven_steps_and_conflict_is_shorter() -> None:
    process = default_process()

    assert 11 == len(process.route(IncidentType.CONDUCT_ENFORCEMENT))
    assert 10 == len(process.route(IncidentType.CONFLICT_RESOLUTION))


@pytest.mark.parametrize("kind", IncidentType)
def test_safety_stands_first_on_every_ticket(kind: IncidentType) -> None:
    assert SAFETY == default_process().route(kind)[0].key


def test_every_step_has_guidance_and_a_due_time_that_never_goes_back() -> None:
    for route in default_process().routes.values():
        assert all(len(step.guidance) > 80 for step in route)
        assert [step.due for step in route] == sorted(step.due for step in route)


def test_due_counts_from_the_opening() -> None:
    opened = datetime(2026, 11, 22, tzinfo=UTC)

    assert opened + timedelta(hours=1) == default_process().route(IncidentType.CONDUCT_ENFORCEMENT)[0].due_at(
        opened
    )


def test_the_scale_is_worded_for_each_level() -> None:
    process = default_process()

    assert set(Level) == set(process.impact) == set(process.likelihood)


def test_a_team_can_replace_the_file(tmp_path: Path) -> None:
    path = tmp_path / "process.toml"
    path.write_text(DEFAULT.replace("Tell the rest of the team", "Ring the bell"), encoding="utf-8")

    titles = [step.title for step in load_process(path).route(IncidentType.CONDUCT_ENFORCEMENT)]

    assert "Ring the bell" == titles[1]


def test_a_missing_file_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_process(tmp_path / "none.toml")


def test_all_mistakes_are_listed_together() -> None:
    text = (
        DEFAULT.replace("version = 1", "version = 2")
        .replace("due_hours = 4", "due_hours = -4")
        .replace('stage = "Acting"', 'stage = "Panic"')
        .replace('title = "Choose a lead and a secondary"', 'title = "Ask @alice"')
    )

    found = mistakes(text)

    assert 5 == len(found)  # "Acting" stands at two steps
    assert any("version" in one for one in found)
    assert any("due_hours" in one for one in found)
    assert any("stage" in one for one in found)
    assert any("mention" in one for one in found)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (
            '"safety", "alert", "assign", "log", "risk", "diary", "listen"',
            '"alert", "safety", "listen"',
            "must begin",
        ),
        ('"find-tools", "arbitrate"', '"find-tools", "nowhere"', "not in [steps]"),
        ('"alert", "assign", "log", "risk", "diary", "hear-both"', '"alert", "alert", "hear-both"', "twice"),
        ("[steps.alert]", "[steps.Alert]", "lower-case"),
        ("[scale.impact]\n1 =", "[scale.impact]\n7 =", "unknown entry '7'"),
        ('title = "Tell the rest of the team"', 'title = ""', "must be a text"),
        ('title = "Tell the rest of the team"', f'title = "{"x" * 101}"', "longer than"),
        ('title = "Tell the rest of the team"', 'title = "see acme/conduct#4"', "address"),
        ('title = "Tell the rest of the team"', 'title = "see https://example.org"', "address"),
        ('title = "Tell the rest of the team"', 'title = "bell \\u0007"', "control"),
        ('title = "Tell the rest of the team"', 'title = "Decide together on the next move"', "same title"),
        ("due_hours = 4\n", "due_hours = true\n", "due_hours"),
        ("due_hours = 4\n", "due_hours = 4\nowner = 1\n", "unknown entry 'owner'"),
    ],
)
def test_each_mistake_has_a_sentence(old: str, new: str, word: str) -> None:
    assert old in DEFAULT

    assert any(word in one for one in mistakes(DEFAULT.replace(old, new, 1)))


@pytest.mark.parametrize("text", ["", "[[[", "version = 1\nsteps = 3\nroutes = []\nscale = 'x'"])
def test_nonsense_is_refused_without_a_crash(text: str) -> None:
    assert mistakes(text)


def test_stages_are_all_used_by_the_default_process() -> None:
    used = {step.stage for route in default_process().routes.values() for step in route}

    assert set(Stage) - {Stage.CLOSED} == used

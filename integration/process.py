"""The process as data: its routes, steps, due times and the wording of the scale.

The default is ``data/process.toml``, the eleven steps of a Code of Conduct team and a shorter route for
conflicts. A team may put its own file in its place; a file with mistakes is refused with all of them
listed. Titles and guidance are shown on the host, so a file must not hold mentions or addresses.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, NewType

from integration.errors import ConfigError
from integration.incident import IncidentType, Stage
from integration.risk import Level
from integration.text import PublicText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

StepKey = NewType("StepKey", str)
"""The stable name of a step, such as ``inform-team``. Hosts carry it as the sub-task's marker."""

SAFETY = StepKey("safety")
"""The step that stands first on every ticket, so that it does not tell in-person reports apart."""

MAX_STEPS = 40  # Jira's bulk create takes 50 issues, GitHub 100 sub-issues per parent
_MAX_TITLE = 100
_MAX_GUIDANCE = 2000
_MAX_HOURS = 24 * 365
_KEY = re.compile(r"[a-z][a-z0-9-]{0,38}\Z")
_REACHES_OUT = re.compile(r"(?:^|\s)@\w|https?://|www\.|(?:^|\s)[\w.-]+/[\w.-]+#\d|(?:^|\s)#\d")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the team does. ``due`` counts from the opening of the incident."""

    key: StepKey
    title: PublicText
    guidance: PublicText
    due: timedelta
    stage: Stage

    def due_at(self, opened_at: datetime) -> datetime:
        """When this step should be done for an incident opened at ``opened_at``."""
        return opened_at + self.due


@dataclass(frozen=True, slots=True)
class Process:
    """A whole, valid process: one route of steps for each type of incident, and the scale's wording."""

    routes: Mapping[IncidentType, tuple[Step, ...]]
    impact: Mapping[Level, PublicText]
    likelihood: Mapping[Level, PublicText]

    def route(self, incident_type: IncidentType) -> tuple[Step, ...]:
        """The steps of an incident of this type, in order."""
        return self.routes[incident_type]


def default_process() -> Process:
    """The process that ships with coc-mirror."""
    text = resources.files("integration.data").joinpath("process.toml").read_text(encoding="utf-8")
    return parse_process(text, where="the default process")


def load_process(path: Path) -> Process:
    """The process in a team's own file.

    Raises:
        ConfigError: the file cannot be read or has mistakes; all of them are listed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark before it
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The process file {path}", [f"it cannot be read ({type(error).__name__})"]
        ) from None
    return parse_process(text, where=f"The process file {path}")


def parse_process(text: str, *, where: str) -> Process:
    """Read a process from TOML.

    Raises:
        ConfigError: with every mistake in the text.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(where, [f"it is not valid TOML: {error}"]) from None
    mistakes: list[str] = []
    _refuse_unknown(data, {"version", "scale", "routes", "steps"}, "the file", mistakes)
    if data.get("version") != 1:
        mistakes.append("version must be 1")
    steps = _steps(data.get("steps"), mistakes)
    routes = _routes(data.get("routes"), steps, mistakes)
    scale = _table(data.get("scale"), "scale", mistakes)
    _refuse_unknown(scale, {"impact", "likelihood"}, "[scale]", mistakes)
    impact = _wording(scale.get("impact"), "scale.impact", mistakes)
    likelihood = _wording(scale.get("likelihood"), "scale.likelihood", mistakes)
    if mistakes:
        raise ConfigError(where, mistakes)
    return Process(
        routes={kind: tuple(steps[key] for key in keys) for kind, keys in routes.items()},
        impact=impact,
        likelihood=likelihood,
    )


def _steps(raw: object, mistakes: list[str]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for key, value in _table(raw, "steps", mistakes).items():
        name = f"[steps.{key}]"
        if not _KEY.match(key):
            mistakes.append(f"{name}: a step's key is lower-case letters, digits and hyphens, at most 39")
        table = _table(value, name, mistakes)
        before = len(mistakes)
        _refuse_unknown(table, {"title", "guidance", "due_hours", "stage"}, name, mistakes)
        title = _public(table.get("title"), f"{name}: title", _MAX_TITLE, mistakes)
        if "\n" in title:
            mistakes.append(f"{name}: title must be one line")
        guidance = _public(table.get("guidance"), f"{name}: guidance", _MAX_GUIDANCE, mistakes)
        hours = table.get("due_hours")
        if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours <= _MAX_HOURS:
            mistakes.append(f"{name}: due_hours must be a number above 0 and at most {_MAX_HOURS}")
            hours = 1
        stage = table.get("stage")
        allowed = [one.value for one in Stage if one is not Stage.CLOSED]
        if stage not in allowed:
            mistakes.append(f"{name}: stage must be one of {', '.join(allowed)}")
            stage = Stage.REPORTED.value
        if len(mistakes) == before or key not in steps:
            steps[key] = Step(StepKey(key), title, guidance, timedelta(hours=hours), Stage(stage))
    return steps


def _routes(raw: object, steps: Mapping[str, Step], mistakes: list[str]) -> dict[IncidentType, list[str]]:
    table = _table(raw, "routes", mistakes)
    _refuse_unknown(table, {kind.value for kind in IncidentType}, "[routes]", mistakes)
    routes: dict[IncidentType, list[str]] = {}
    for kind in IncidentType:
        keys = table.get(kind.value)
        name = f'routes."{kind.value}"'
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
            mistakes.append(f"{name} must be a list of step keys")
            continue
        mistakes.extend(
            f"{name} names the step {key!r}, which is not in [steps]" for key in keys if key not in steps
        )
        if keys[0] != SAFETY:
            mistakes.append(f"{name} must begin with {SAFETY!r}: it stands on every ticket")
        if len(set(keys)) != len(keys):
            mistakes.append(f"{name} names a step twice")
        if len({steps[key].title for key in keys if key in steps}) != len(
            {key for key in keys if key in steps}
        ):
            mistakes.append(f"{name} has two steps with the same title")
        if len(keys) > MAX_STEPS:
            mistakes.append(f"{name} has {len(keys)} steps; {MAX_STEPS} are possible")
        routes[kind] = keys
    used = {key for keys in routes.values() for key in keys}
    mistakes.extend(f"[steps.{key}] is in no route" for key in steps if routes and key not in used)
    return routes


def _wording(raw: object, name: str, mistakes: list[str]) -> dict[Level, PublicText]:
    table = _table(raw, name, mistakes)
    _refuse_unknown(table, {str(int(level)) for level in Level}, f"[{name}]", mistakes)
    return {
        level: _public(table.get(str(int(level))), f"{name}.{int(level)}", _MAX_TITLE, mistakes)
        for level in Level
    }


def _public(raw: object, name: str, limit: int, mistakes: list[str]) -> PublicText:
    """Text of the team that a host may show: printable, not too long, and reaching out to nobody."""
    if not isinstance(raw, str) or not raw.strip():
        mistakes.append(f"{name} must be a text")
        return PublicText("")
    text = raw.strip()
    if len(text) > limit:
        mistakes.append(f"{name} is longer than {limit} characters")
    if any(not (char.isprintable() or char == "\n") for char in text):
        mistakes.append(f"{name} holds a control character")
    if _REACHES_OUT.search(text):
        mistakes.append(
            f"{name} holds a mention, an address or an issue number; on a host that would notify or link somebody"
        )
    return PublicText(text)


def _table(raw: object, name: str, mistakes: list[str]) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    mistakes.append(f"{name} must be a table")
    return {}


def _refuse_unknown(table: Mapping[str, object], known: set[str], name: str, mistakes: list[str]) -> None:
    mistakes.extend(f"{name} has the unknown entry {key!r}" for key in table if key not in known)

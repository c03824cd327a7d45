"""What the service serves, and how its JSON is read: every field has one of our shapes, or the answer is refused.

The readers raise ValueError, KeyError or TypeError for anything else; the caller says what that means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from desk.home import head_from_json
from integration.code_name import CodeName
from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.mirror import TicketName
from integration.risk import Level
from integration.text import SealedText

if TYPE_CHECKING:
    from integration.diary.chain import Head

_LEAST_PART, _MOST_PART = 1_024, 1_000_000
"""What a service may name as the bytes of a part: less would never end, more fits no host."""

_CODE_NAME: Final = re.compile(r"[A-Z]{1,32}(-[A-Z]{1,32}){0,3}-[0-9]{2}\Z")
_INCIDENT: Final = re.compile(r"inc_[a-z2-7]{26}\Z")
_ALIAS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z")
_TICKET: Final = re.compile(r"[A-Za-z0-9._:/#-]{1,200}\Z")
_TICKET_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_CODE: Final = re.compile(r"[a-z-]{1,40}\Z")


@dataclass(frozen=True, slots=True)
class ServedIncident:
    """The public fields of an incident, as the service tells them; nobody signs these.

    ``ticket_id`` is what no other ticket ever has, where ``ticket`` (its name) could be given again.
    """

    id: IncidentId
    code_name: CodeName
    type: IncidentType
    stage: Stage
    impact: Level | None
    likelihood: Level | None
    lead: Alias | None
    secondary: Alias | None
    ticket: TicketName | None
    ticket_url: str | None
    opened_at: datetime
    ticket_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the service keeps and has not brought to the ticket yet.

    ``code`` is what the first of the ``jobs`` waits for, None where it was not tried yet; ``parked``: it needs a person.
    """

    jobs: int
    code: str | None
    parked: bool


@dataclass(frozen=True, slots=True)
class LoggedIncident:
    """An incident of the Master Incident Log, and whether the service counts this member as cleared for it."""

    incident: ServedIncident
    cleared: bool


@dataclass(frozen=True, slots=True)
class ServedDiary:
    """A sealed diary as the service hands it out. ``head`` is what the service says is the newest link.

    ``part_bytes`` is how many bytes of a body fit into one comment of its host; None if the service does not say.
    """

    incident: ServedIncident
    head: Head | None
    comments: tuple[SealedText, ...]
    part_bytes: int | None = None
    waiting: Waiting | None = None


def is_code_name(text: str) -> bool:
    """Whether a text has the form of a code name; only such texts go into an address or a file name."""
    return _CODE_NAME.match(text) is not None


def read_incidents(answer: dict[str, Any]) -> tuple[ServedIncident, ...]:
    """The answer to ``GET /api/v1/incidents``."""
    return tuple(_incident(one) for one in _list(answer["incidents"]))


def read_log(answer: dict[str, Any]) -> tuple[LoggedIncident, ...]:
    """The answer to ``GET /api/v1/log``; no incident may stand there twice."""
    listed = tuple(_logged(one) for one in _list(answer["incidents"]))
    for names in ({one.incident.code_name for one in listed}, {one.incident.id for one in listed}):
        if len(names) < len(listed):
            raise ValueError("an incident stands there twice")
    return listed


def read_diary(answer: dict[str, Any], code_name: str) -> ServedDiary:
    """The answer to ``GET /api/v1/incidents/<code_name>/diary``."""
    incident = _incident(answer["incident"])
    if incident.code_name != code_name:
        raise ValueError("another incident's diary")
    return ServedDiary(
        incident,
        None if answer["head"] is None else head_from_json(answer["head"], incident.id),
        tuple(SealedText(_text(one)) for one in _list(answer["comments"])),
        _part_bytes(answer.get("part_bytes")),
        _waiting(answer.get("waiting")),
    )


def _incident(raw: Any) -> ServedIncident:  # noqa: ANN401 - whatever JSON held
    return ServedIncident(
        id=IncidentId(_text(raw["id"], _INCIDENT)),
        code_name=CodeName(_text(raw["code_name"], _CODE_NAME)),
        type=IncidentType(raw["type"]),
        stage=Stage(raw["stage"]),
        impact=_level(raw["impact"]),
        likelihood=_level(raw["likelihood"]),
        lead=None if raw["lead"] is None else Alias(_text(raw["lead"], _ALIAS)),
        secondary=None if raw["secondary"] is None else Alias(_text(raw["secondary"], _ALIAS)),
        ticket=None if raw["ticket"] is None else TicketName(_text(raw["ticket"], _TICKET)),
        ticket_url=None if raw["ticket_url"] is None else _text(raw["ticket_url"]),
        opened_at=datetime.strptime(_text(raw["opened_at"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        ticket_id=None if raw.get("ticket_id") is None else _text(raw["ticket_id"], _TICKET_ID),
    )


def _waiting(raw: Any) -> Waiting | None:  # noqa: ANN401 - whatever JSON held
    if raw is None:
        return None
    if type(raw["jobs"]) is not int or not isinstance(raw["parked"], bool):
        raise ValueError("not what waits")
    return Waiting(raw["jobs"], None if raw["code"] is None else _text(raw["code"], _CODE), raw["parked"])


def _part_bytes(raw: object) -> int | None:
    if raw is None:
        return None
    if type(raw) is not int or not _LEAST_PART <= raw <= _MOST_PART:
        raise ValueError("not a size of a part")
    return raw


def _logged(raw: Any) -> LoggedIncident:  # noqa: ANN401 - whatever JSON held
    if not isinstance(raw["cleared"], bool):
        raise TypeError("not a yes or no")
    return LoggedIncident(_incident(raw), raw["cleared"])


def _level(raw: object) -> Level | None:
    if raw is None:
        return None
    if type(raw) is not int:
        raise ValueError("not a level")
    return Level(raw)


def _text(raw: object, form: re.Pattern[str] | None = None) -> str:
    if not isinstance(raw, str) or (form is not None and not form.match(raw)):
        raise ValueError("not the text we expect")
    return raw


def _list(raw: object) -> list[Any]:
    if not isinstance(raw, list):
        raise TypeError("not a list")
    return raw

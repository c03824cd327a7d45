"""The configured forms: ``[sources.NAME]`` of the configuration file.

Everything wrong is listed, nothing is raised and nothing is guessed: a source without a secret is a
mistake, not an open door. Secrets come from files and are never shown, not even in part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from integration.errors import CoCError, ConfigError
from integration.incident import IncidentType, SpaceName
from integration.report import ReportField
from webhook_server.intake.mapping import FormMapping
from webhook_server.intake.reading import is_token
from webhook_server.intake.registry import READERS
from webhook_server.intake.schemes import PRESETS, Scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
_MOST_SECRETS = 4
_KNOWN = frozenset(
    {
        "reader",
        "scheme",
        "secret_files",
        "space",
        "questions",
        "type_question",
        "conflict_answers",
        "default_type",
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """One form. ``reader`` is a name in the registry, ``space`` the ticket space its incidents go to."""

    name: str
    reader: str
    scheme: Scheme
    secrets: tuple[bytes, ...]
    mapping: FormMapping
    space: SpaceName

    @property
    def default_type(self) -> IncidentType:
        """The type of an incident where the form does not ask."""
        return self.mapping.default_type

    def __repr__(self) -> str:
        return f"Source({self.name!r}, reader={self.reader!r}, space={self.space!r}, {len(self.secrets)} secrets)"


def parse_sources(
    table: Mapping[str, object],
    *,
    read_secret: Callable[[str], bytes | str],
    spaces: AbstractSet[str],
    mistakes: list[str],
) -> dict[str, Source]:
    """The sources in the configuration's ``sources`` table, by name.

    Args:
        table: one sub-table for each source.
        read_secret: gives the content of a file named in ``secret_files``.
        spaces: the ticket spaces that are configured.
        mistakes: gets a sentence for each mistake; a source with one is left out of the result.
    """
    sources: dict[str, Source] = {}
    for name, raw in table.items():
        found: list[str] = []
        source = _source(name, raw, read_secret, spaces, found)
        mistakes.extend(f"[sources.{name}]: {mistake}" for mistake in found)
        if source is not None and not found:
            sources[name] = source
    return sources


def _source(
    name: str,
    raw: object,
    read_secret: Callable[[str], bytes | str],
    spaces: AbstractSet[str],
    mistakes: list[str],
) -> Source | None:
    if not _NAME.fullmatch(name):
        mistakes.append("a source's name is lower-case letters, digits and hyphens, at most 39")
    if not isinstance(raw, dict):
        mistakes.append("it must be a table")
        return None
    mistakes.extend(f"the entry {key!r} is not known" for key in raw if key not in _KNOWN)
    reader = raw.get("reader")
    if not isinstance(reader, str) or reader not in READERS:
        mistakes.append(f"reader must be one of {', '.join(sorted(READERS))}")
        reader = "generic"
    scheme = raw.get("scheme", READERS[reader].usual_scheme)
    if not isinstance(scheme, str) or scheme not in PRESETS:
        mistakes.append(f"scheme must be one of {', '.join(sorted(PRESETS))}")
        scheme = READERS[reader].usual_scheme
    space = raw.get("space")
    if not isinstance(space, str) or space not in spaces:
        mistakes.append(
            f"space must name a ticket space: {', '.join(sorted(spaces)) or 'none is configured'}"
        )
        space = ""
    return Source(
        name=name,
        reader=reader,
        scheme=PRESETS[scheme],
        secrets=_secrets(raw.get("secret_files"), PRESETS[scheme], read_secret, mistakes),
        mapping=_mapping(raw, mistakes),
        space=SpaceName(space),
    )


def _secrets(
    raw: object, scheme: Scheme, read_secret: Callable[[str], bytes | str], mistakes: list[str]
) -> tuple[bytes, ...]:
    """The keys in the secret files. Mistakes name a file by its place: somebody may have put a secret there."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= _MOST_SECRETS:
        mistakes.append(
            f"secret_files must list 1 to {_MOST_SECRETS} files; without a secret anyone could send reports"
        )
        return ()
    keys: list[bytes] = []
    for place, path in enumerate(raw, start=1):
        file = f"file {place} of secret_files"
        if not isinstance(path, str) or not path:
            mistakes.append(f"{file} must be a path")
            continue
        try:
            secret = read_secret(path)
        except ConfigError as error:
            mistakes.extend(f"{file}: {mistake}" for mistake in error.mistakes)
            continue
        except (OSError, ValueError, CoCError) as error:
            mistakes.append(f"{file} cannot be read ({type(error).__name__})")
            continue
        try:
            keys.append(scheme.key(secret.strip()))
        except ValueError as error:
            mistakes.append(f"{file} does not hold a secret of this scheme: {error}")
    return tuple(keys)


def _mapping(raw: Mapping[str, object], mistakes: list[str]) -> FormMapping:
    type_question = raw.get("type_question")
    if type_question is not None and not is_token(type_question):
        mistakes.append("type_question must be the key of a question")
        type_question = None
    answers = raw.get("conflict_answers", [])
    if not isinstance(answers, list) or not all(isinstance(one, str) and one.strip() for one in answers):
        mistakes.append("conflict_answers must be a list of texts")
        answers = []
    if (type_question is None) != (not answers):
        mistakes.append("type_question and conflict_answers need each other")
    default = raw.get("default_type", IncidentType.CONDUCT_ENFORCEMENT.value)
    if default not in [kind.value for kind in IncidentType]:
        mistakes.append(f"default_type must be one of {', '.join(kind.value for kind in IncidentType)}")
        default = IncidentType.CONDUCT_ENFORCEMENT.value
    return FormMapping(
        questions=_questions(raw.get("questions", {}), mistakes),
        type_question=str(type_question) if type_question is not None else None,
        conflict_answers=frozenset(one.strip() for one in answers),
        default_type=IncidentType(default),
    )


def _questions(raw: object, mistakes: list[str]) -> Mapping[str, ReportField]:
    if not isinstance(raw, dict):
        mistakes.append("questions must be a table of question = field")
        return MappingProxyType({})
    allowed = [name.value for name in ReportField]
    for key, value in raw.items():
        if not is_token(key):
            mistakes.append(f"questions: {key!r} cannot be the key of a question")
        if value not in allowed:
            mistakes.append(f"questions.{key} must be one of {', '.join(allowed)}")
    return MappingProxyType(
        {key: ReportField(value) for key, value in raw.items() if value in allowed and is_token(key)}
    )

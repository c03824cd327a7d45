"""The configured forms: all mistakes at once, no source without a secret, no secret in any text."""

from __future__ import annotations

import base64
import tomllib

import pytest

from integration.errors import ConfigError
from integration.incident import IncidentType
from integration.report import ReportField
from webhook_server.intake.schemes import PRESETS
from webhook_server.intake.sources import Source, parse_sources

CANARY = "canary-3c9e1f7a52d84b60-secret"
FILES: dict[str, str | bytes] = {
    "/run/typeform": f"{CANARY}\n",
    "/run/typeform-old": CANARY.encode() + b"-old\r\n",
    "/run/standard": "whsec_" + base64.b64encode(CANARY.encode()).decode(),
    "/run/empty": "\n",
    "/run/short": "short",
}


def read_secret(path: str) -> str | bytes:
    if path == "/run/config-error":
        raise ConfigError("A secret file", ["others can read it"])
    if path not in FILES:
        raise FileNotFoundError(path)
    return FILES[path]


def parse(toml: str) -> tuple[dict[str, Source], list[str]]:
    mistakes: list[str] = []
    table = tomllib.loads(toml)["sources"]
    found = parse_sources(table, read_secret=read_secret, spaces={"conduct"}, mistakes=mistakes)
    return found, mistakes


WHOLE = """
[sources.website]
reader = "typeform"
secret_files = ["/run/typeform", "/run/typeform-old"]
space = "conduct"
type_question = "kind"
conflict_answers = ["Help with a conflict "]

[sources.website.questions]
your-name = "reporter"
about = "subject"
also-about = "subject"
what = "account"

[sources.script]
reader = "generic"
secret_files = ["/run/standard"]
space = "conduct"
default_type = "Conflict Resolution"
"""


def test_whole_configuration() -> None:
    sources, mistakes = parse(WHOLE)

    assert mistakes == []
    website, script = sources["website"], sources["script"]
    assert (website.name, website.reader, website.space) == ("website", "typeform", "conduct")
    assert website.scheme is PRESETS["typeform"]
    assert website.secrets == (CANARY.encode(), CANARY.encode() + b"-old")
    assert website.mapping.questions == {
        "your-name": ReportField.REPORTER,
        "about": ReportField.SUBJECT,
        "also-about": ReportField.SUBJECT,
        "what": ReportField.ACCOUNT,
    }
    assert website.mapping.type_question == "kind"
    assert website.mapping.conflict_answers == {"Help with a conflict"}
    assert website.default_type is IncidentType.CONDUCT_ENFORCEMENT
    assert script.scheme is PRESETS["standard-webhooks"]
    assert script.secrets == (CANARY.encode(),)
    assert script.default_type is IncidentType.CONFLICT_RESOLUTION


def test_scheme_can_be_named() -> None:
    sources, mistakes = parse(
        '[sources.relay]\nreader="generic"\nscheme="github"\nsecret_files=["/run/typeform"]\nspace="conduct"'
    )

    assert mistakes == []
    assert sources["relay"].scheme is PRESETS["github"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('reader = "jotform"', "reader must be one of generic, typeform"),
        ("reader = 1", "reader must be one of"),
        ('scheme = "md5"', "scheme must be one of"),
        ("scheme = []", "scheme must be one of"),
        ('space = "elsewhere"', "space must name a ticket space: conduct"),
        ("secret_files = []", "without a secret anyone could send reports"),
        ('secret_files = "/run/typeform"', "without a secret anyone could send reports"),
        ("secret_files = [1]", "file 1 of secret_files must be a path"),
        (
            'secret_files = ["/run/typeform", "/run/none"]',
            "file 2 of secret_files cannot be read (FileNotFoundError)",
        ),
        ('secret_files = ["/run/config-error"]', "file 1 of secret_files: others can read it"),
        ('secret_files = ["/run/empty"]', "does not hold a secret of this scheme: it is shorter than 16"),
        ('secret_files = ["/run/short"]', "does not hold a secret of this scheme: it is shorter than 16"),
        ('secret = "x"', "the entry 'secret' is not known"),
        ("questions = []", "questions must be a table"),
        ('questions = {"what" = "story"}', "questions.what must be one of reporter, contact,"),
        ('questions = {"what" = ["account"]}', "questions.what must be one of reporter, contact,"),
        ('questions = {"What happened?" = "account"}', "cannot be the key of a question"),
        ('type_question = "kind"', "type_question and conflict_answers need each other"),
        ('conflict_answers = ["x"]', "type_question and conflict_answers need each other"),
        ('conflict_answers = "x"', "conflict_answers must be a list of texts"),
        ("conflict_answers = [1]", "conflict_answers must be a list of texts"),
        ("type_question = 3", "type_question must be the key of a question"),
        ('default_type = "Case"', "default_type must be one of Conduct Enforcement, Conflict Resolution"),
        ("default_type = []", "default_type must be one of"),
    ],
)
def test_mistake_is_a_sentence_and_the_source_is_left_out(line: str, expected: str) -> None:
    good = {
        "reader": 'reader = "typeform"',
        "space": 'space = "conduct"',
        "secret_files": 'secret_files = ["/run/typeform"]',
    }
    good[line.partition(" ")[0]] = line

    sources, mistakes = parse("[sources.website]\n" + "\n".join(good.values()))

    assert sources == {}
    assert any(one.startswith("[sources.website]: ") and expected in one for one in mistakes), mistakes
    assert CANARY not in str(mistakes)


def test_all_mistakes_of_all_sources_are_listed_and_good_sources_stay() -> None:
    sources, mistakes = parse(WHOLE + '[sources.BAD]\nreader = "x"\n[sources.worse]\nspace = "x"\n')

    assert set(sources) == {"website", "script"}
    assert sum(one.startswith("[sources.BAD]") for one in mistakes) == 4
    assert sum(one.startswith("[sources.worse]") for one in mistakes) == 3


def test_source_that_is_no_table_is_a_mistake() -> None:
    assert parse("[sources]\nwebsite = 1") == ({}, ["[sources.website]: it must be a table"])


def test_secret_written_where_a_path_belongs_is_not_repeated() -> None:
    _, mistakes = parse(f'[sources.a]\nreader="typeform"\nspace="conduct"\nsecret_files=["{CANARY}"]')

    assert mistakes == ["[sources.a]: file 1 of secret_files cannot be read (FileNotFoundError)"]


def test_secrets_do_not_print() -> None:
    sources, _ = parse(WHOLE)

    for shown in (repr(sources), str(sources["website"]), f"{sources['script']}"):
        assert CANARY not in shown
    assert "'website'" in repr(sources["website"])

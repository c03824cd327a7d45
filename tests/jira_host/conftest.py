"""What the tests of the Jira host share: one invented space, one view, sealed comments, and a leak check."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import responses

from integration.code_name import CodeName
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment, plain_line, render
from integration.incident import Alias, Incident, IncidentId, IncidentType, SpaceName
from integration.jira import fields
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.mirror import TicketName, TicketRef, mirror
from integration.process import default_process
from integration.risk import Level
from sandbox.contract import observer
from sandbox.wire import serving
from tests.jira_host.bureau import Bureau, fresh_cloud
from tests.jira_host.scene import MADE, OURS, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.mirror import MirrorView

SITE = "https://acme.atlassian.net"
TOKEN = "tOkEn-1f0c6d2b9a7e4f53"
EMAIL = "mirror-bot-4471@acme.example"
CANARY = "cAnArY-93d1c0f7a2be4d55b8"
INCIDENT = IncidentId("inc_abcdefghijklmnopqrstuvwxyz")


class Leakless(Protocol):
    def __call__(self, error: BaseException) -> None: ...


class Seal(Protocol):
    def __call__(self, seq: int, part: int = 1, parts: int = 1) -> SealedComment: ...


@pytest.fixture
def canary() -> str:
    """What stands in each hostile body and may come out nowhere."""
    return CANARY


@pytest.fixture
def ids() -> JiraFieldIds:
    return JiraFieldIds(
        type="customfield_10050",
        impact="customfield_10051",
        likelihood="customfield_10052",
        risk="customfield_10053",
        lead="customfield_10054",
        secondary="customfield_10055",
        stage="customfield_10056",
    )


@pytest.fixture
def space(ids: JiraFieldIds) -> JiraSpace:
    return JiraSpace(
        name=SpaceName("conduct"),
        site=SITE,
        project="COC",
        email=EMAIL,
        issue_type_id="10001",
        subtask_type_id="10002",
        security_level_id="10030",
        fields=ids,
        browse_roles=frozenset({"10040"}),
        browse_groups=frozenset(),
        comment_role=None,
    )


@pytest.fixture
def view() -> MirrorView:
    incident = Incident(
        id=INCIDENT,
        code_name=CodeName("BLUE-JAY-27"),
        type=IncidentType.CONDUCT_ENFORCEMENT,
        space=SpaceName("conduct"),
        opened_at=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
        impact=Level.HIGH,
        lead=Alias("Heron"),
    )
    return mirror(incident, default_process())


@pytest.fixture
def ref() -> TicketRef:
    name = TicketName("jira:acme.atlassian.net/10100")
    return TicketRef(name, "10100", "COC-1", f"{SITE}/browse/COC-1")


@pytest.fixture
def seal() -> Seal:
    """Comments in the diary's format. Nothing in them is really encrypted; the host cannot tell."""

    def make(seq: int, part: int = 1, parts: int = 1) -> SealedComment:
        link = Link("A" * 43)
        place = CommentId(seq, part)
        head = plain_line(INCIDENT, "jira:acme/1", place, parts, 1, CommentKind.ENTRY, link)
        text = render(head, b"sealed" * 500, None, bytes(64), "svc1")
        return SealedComment(INCIDENT, "jira:acme/1", place, parts, 1, CommentKind.ENTRY, link, link, text)

    return make


@pytest.fixture
def naps() -> list[float]:
    """How long the host slept each time, in seconds."""
    return []


@pytest.fixture
def host(space: JiraSpace, naps: list[float]) -> JiraHost:
    return JiraHost(space, token=TOKEN, sleep=naps.append)


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    """Plays Jira's answers; a request nobody told it about is a connection error."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as play:
        yield play


@pytest.fixture
def ticket(view: MirrorView, space: JiraSpace) -> dict[str, Any]:
    """The ticket as Jira gives it when all is well. Tests spoil it."""
    marker = fields.ticket_marker(view.incident)
    return {
        **MADE,
        "fields": {
            **fields.ticket_fields(view, space.fields, security_level=space.security_level_id),
            "labels": ["coc", OURS, "people's own"],
            "project": {"key": "COC"},
            "subtasks": [],
        },
        "properties": {marker["key"]: marker["value"]},
    }


@pytest.fixture
def scene(
    host: JiraHost,
    ref: TicketRef,
    view: MirrorView,
    ticket: dict[str, Any],
    seal: Seal,
    naps: list[float],
    jira: responses.RequestsMock,
) -> Scene:
    return Scene(host, ref, view, ticket, seal, naps, jira)


@pytest.fixture
def leakless(caplog: pytest.LogCaptureFixture) -> Leakless:
    """Checks that neither an error, nor what it came from, nor the log holds an answer or a credential."""
    caplog.set_level(logging.DEBUG)
    secrets = (CANARY, TOKEN, EMAIL)

    def check(error: BaseException) -> None:
        waiting: list[BaseException | None] = [error]
        texts = [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
        while waiting:
            one = waiting.pop()
            if one is None:
                continue
            waiting += [one.__cause__, one.__context__]
            texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
            for frame, _ in traceback.walk_tb(one.__traceback__):
                if "tests" not in frame.f_code.co_filename:
                    texts += [repr(value) for value in frame.f_locals.values()]
        assert [secret for secret in secrets for text in texts if secret in text] == []

    return check


@pytest.fixture
def fresh() -> Iterator[Bureau]:
    """A site whose project is as the template made it."""
    yield from _served(None)


@pytest.fixture(scope="package")
def _set_up(request: pytest.FixtureRequest) -> Iterator[Bureau]:
    for bureau in _served(request):
        bureau.apply()
        bureau.save()
        yield bureau


@pytest.fixture
def bureau(_set_up: Bureau) -> Iterator[Bureau]:
    """A site whose project is set up; whatever a test does to it is gone afterwards."""
    _set_up.restore()
    _set_up.problems.clear()
    yield _set_up
    assert _set_up.problems == []


def _served(checked: pytest.FixtureRequest | None) -> Iterator[Bureau]:
    """``checked``: each exchange is held against Atlassian's description."""
    cloud = fresh_cloud()
    with serving(cloud.wire) as url:
        bureau = Bureau(cloud, url)
        if checked is not None and "COC_REFERENCE" in os.environ:
            cloud.wire.observer = observer(checked.getfixturevalue("jira_contract"), bureau.problems)
        yield bureau
    assert bureau.problems == []

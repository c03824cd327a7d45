"""The team works on GitHub, and the service answers: values, steps, closing, plain comments, and nothing of its own doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.errors import HostGone, HostNotRestricted
from integration.incident import Alias, Stage
from integration.risk import Level
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, OWNER, REPOSITORY, playground
from sandbox.rehearsal import HeldHook, Server, SetClock
from tests.e2e.office import MOST_REQUESTS, OF_A_COMMENT, Office, is_sealed_once_and_never_lost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.keys import Identity
    from sandbox.github_state import Issue

HOME = f"{ORG}/{REPOSITORY}"


@dataclass
class GitHubOffice(Office):
    """Members who work on GitHub."""

    host = "github"

    @property
    def issue(self) -> Issue:
        return self.server.world.github.repo(HOME).issues[int(self.ref.id)]

    @property
    def path(self) -> str:
        return f"/issues/{self.issue.number}"

    def step(self, number: int) -> str:
        return f"/issues/{self.issue.children[number].number}"

    def ask(self, method: str, path: str, sent: object = None, *, who: str = "robert") -> Any:  # noqa: ANN401 - JSON
        """A person asks GitHub for something."""
        answer = requests.request(
            method, f"{self.server.world.github_url}/repos/{HOME}{path}", json=sent, timeout=10,
            headers={"Authorization": f"Bearer {self.server.world.token(who)}"},
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def say(self, words: str) -> None:
        self.ask("POST", f"{self.path}/comments", {"body": words})

    def labels(self) -> set[str]:
        return {one.name for one in self.issue.labels}

    def settled(self) -> None:
        """All events of the opening were heard, and the service knows who it is."""
        while self.hook.held:
            self.told()

    def plain(self) -> list[str]:
        """The texts of comments on the ticket and its steps that hold no diary."""
        comments = [one.body for issue in (self.issue, *self.issue.children) for one in issue.comments]
        return [text for text in comments if "CoC-Seal" not in text]


@pytest.fixture(scope="module")
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity]
) -> Iterator[tuple[Server, HeldHook]]:
    clock = SetClock()
    folder = tmp_path_factory.mktemp("server")
    with playground(
        folder,
        now=clock.now,
        identities=identities,
        issue_fields=getattr(request, "param", "fields") == "fields",
    ) as world:
        server = Server(world, clock)
        hook = HeldHook(f"{world.origin}/from/in-github", world.webhook_secret, "X-Hub-Signature-256")
        world.github.hooks.append(hook)
        yield server, hook
        server.close()


@pytest.fixture
def office(hub: tuple[Server, HeldHook], identities: dict[str, Identity]) -> GitHubOffice:
    server, hook = hub
    inbox_id = server.report("github", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    made = GitHubOffice(server, hook, server.incident_of(inbox_id).id, identities)
    made.settled()
    return made


@pytest.fixture(params=[False, True], ids=["parents-not-named", "parents-named"])
def parents(request: pytest.FixtureRequest, office: GitHubOffice) -> Iterator[None]:
    """Whether events of a step name its ticket: GitHub's description of REST does, that of events does not."""
    state = office.server.world.github.state
    state.events_name_parents = request.param
    yield
    state.events_name_parents = False


def choose(office: GitHubOffice, **values: str) -> None:
    """A member sets values as people do: in the fields where there are some, otherwise by labels."""
    organization = office.server.world.github.repo(HOME).organization
    ids = {one.name: one.id for one in organization.issue_fields} if organization else {}
    if ids:
        sent = [{"field_id": ids[f"CoC {name}"], "value": text} for name, text in values.items()]
        office.ask("POST", f"{office.path}/issue-field-values", {"issue_field_values": sent})
    else:
        office.ask("POST", f"{office.path}/labels", [f"{name}: {text}" for name, text in values.items()])


def shown(office: GitHubOffice) -> set[str]:
    """What the ticket shows, by labels and fields alike."""
    organization = office.server.world.github.repo(HOME).organization
    names = (
        {one.id: one.name.removeprefix("CoC ") for one in organization.issue_fields} if organization else {}
    )
    values = {f"{names[key]}: {value:g}" if isinstance(value, float | int) else f"{names[key]}: {value}"
              for key, value in office.issue.values.items()}  # fmt: skip
    return values | office.labels()


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
def test_killed_at_every_call_a_plain_comment_is_sealed_once_and_never_lost(
    office: GitHubOffice, *, after: bool
) -> None:
    is_sealed_once_and_never_lost(office, after=after)


@pytest.mark.parametrize("hub", ["labels", "fields"], indirect=True)
def test_values_are_adopted_and_risk_and_stronger_action_are_written_back(office: GitHubOffice) -> None:
    choose(office, impact="3", likelihood="3", lead="charlie", stage="Assessing")
    assert office.told() <= MOST_REQUESTS
    incident = office.incident
    assert (incident.impact, incident.likelihood) == (Level.HIGH, Level.HIGH)
    assert (incident.lead, incident.stage) == (Alias("charlie"), Stage.ASSESSING)
    assert {"impact: 3", "likelihood: 3", "risk: 9", "stronger action: yes", "lead: charlie"} <= shown(office)
    assert "impact: not yet assessed" not in shown(office)
    (note,) = office.diary()
    assert "robert" in note
    assert "impact" in note


def test_our_own_changes_do_not_echo(office: GitHubOffice) -> None:
    choose(office, impact="2")
    office.told()
    comments = len(office.issue.comments)
    for _ in range(3):
        assert office.told() <= 2
    assert len(office.issue.comments) == comments
    assert not office.hook.held


@pytest.mark.usefixtures("parents")
@pytest.mark.parametrize(
    "where", ["the ticket's text", "a step's title", "a step's text", "all of a step's text"]
)
def test_words_in_a_text_of_ours_are_taken_off(office: GitHubOffice, where: str) -> None:
    one = office.issue if where.startswith("the ticket") else office.issue.children[3]
    before, steps = (one.title, one.body), len(office.issue.children)
    sent = {
        "the ticket's text": {"body": f"Olivia was told.\n\n{one.body}"},
        "a step's title": {"title": "Talk to Olivia"},
        "a step's text": {"body": f"Olivia was told.\r\n{one.body}"},
        "all of a step's text": {"body": "Olivia was told."},
    }[where]
    office.ask("PATCH", f"/issues/{one.number}", sent)

    assert office.told() <= MOST_REQUESTS

    assert before == (one.title, one.body)
    assert steps == len(office.issue.children)
    assert office.told() == 0


@pytest.mark.usefixtures("parents")
def test_a_step_done_and_one_skipped_are_noted(office: GitHubOffice) -> None:
    office.ask("PATCH", office.step(0), {"state": "closed"})
    assert office.told() <= MOST_REQUESTS
    office.ask("PATCH", office.step(1), {"state": "closed", "state_reason": "not_planned"})
    office.told()
    done, skipped = office.diary()
    assert ": done" in done
    assert ": skipped" in skipped


@pytest.mark.usefixtures("parents")
def test_closing_too_early_is_undone_with_a_word_and_closing_at_the_end_is_not(office: GitHubOffice) -> None:
    office.ask("PATCH", office.path, {"state": "closed"})
    assert office.told() <= MOST_REQUESTS
    assert office.issue.state == "open"
    (word,) = office.plain()
    assert office.issue.children[0].title in word
    office.told()
    assert office.plain() == [word]  # our own word is no exposed note
    for number in range(len(office.issue.children)):
        office.ask("PATCH", office.step(number), {"state": "closed"})
    office.told()
    office.ask("PATCH", office.path, {"state": "closed"})
    office.told()
    assert (office.issue.state, office.incident.stage) == ("closed", Stage.CLOSED)
    office.told()
    assert office.issue.state == "closed"


@pytest.mark.usefixtures("parents")
@pytest.mark.parametrize("on_step", [False, True], ids=["on-the-ticket", "on-a-step"])
def test_a_plain_comment_is_sealed_read_back_and_deleted(office: GitHubOffice, *, on_step: bool) -> None:
    place = office.step(2) if on_step else office.path
    office.ask("POST", f"{place}/comments", {"body": "Noah called me\nand cried"}, who="charlie")
    assert office.told() <= OF_A_COMMENT
    assert office.plain() == []
    (note,) = office.diary()
    assert "The account charlie wrote this" in note
    assert "  Noah called me\n  and cried" in note
    assert not any("Noah" in text for one in office.issue.comments for text in [one.body, *one.history])


def test_more_comments_on_a_step_than_github_shows_with_it_are_all_sealed_and_deleted(
    office: GitHubOffice,
) -> None:
    for number in range(25):
        office.ask("POST", f"{office.step(2)}/comments", {"body": f"Noah said {number}."})
    office.told()
    assert office.plain() == []
    notes = "\n".join(office.diary())
    assert all(f"  Noah said {number}." in notes for number in range(25))


def test_words_added_to_a_diary_comment_are_sealed_and_the_right_one_is_written_again(
    office: GitHubOffice,
) -> None:
    place = office.issue.comments[1]
    office.ask("PATCH", f"/issues/comments/{place.id}", {"body": f"{place.body}\nnot true"}, who=OWNER)
    office.told()
    assert "not true" not in str([one.body for one in office.issue.comments])
    (note,) = office.diary()
    assert f"The account {OWNER} wrote this" in note


def test_title_and_marker_are_put_back(office: GitHubOffice) -> None:
    office.ask(
        "PATCH", office.path, {"title": "Noah against Olivia", "body": f"x\n{(office.issue.body or '')}"}
    )
    office.told()
    assert office.issue.title == office.incident.code_name


def test_a_repository_that_went_public_gets_nothing_more(office: GitHubOffice) -> None:
    github = office.server.world.github
    github.people.set_visibility(HOME, "public")
    assert office.server.deliver(office.hook) == [200, 200]
    choose(office, impact="1")
    try:
        office.server.clock.forward(minutes=20)
        with pytest.raises(HostNotRestricted):
            office.told()
        assert office.incident.impact is None
    finally:
        github.people.set_visibility(HOME, "private")
        office.server.clock.forward(minutes=5)


def test_a_ticket_that_was_transferred_is_not_followed(office: GitHubOffice) -> None:
    github = office.server.world.github
    github.add_repo(
        ORG, f"other-{office.issue.number}", collaborators={"robert": "push", "coc-service": "push"}
    )
    github.transfer_issue(HOME, office.issue.number, to=f"{ORG}/other-{office.issue.number}")
    with pytest.raises((HostGone, HostNotRestricted)):
        office.told()
    assert not [one for one in github.wire.writes() if f"/repos/{ORG}/other" in one.path]

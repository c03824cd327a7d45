"""Set-up of a repository: a plan that changes nothing, carried out once, and empty the second time."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from integration.code_name import CodeName
from integration.errors import ConfigError, HostRefused
from integration.github import fields, vocabulary
from integration.github.credential import AppCredential, TokenCredential
from integration.github.hook_settings import EVENTS
from integration.github.setup import GitHubSetup, Wanted, web_address
from integration.incident import Alias, Incident, IncidentType, SpaceName, Stage
from integration.mirror import mirror
from integration.process import default_process
from integration.risk import Level
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.setup import Deed

World = Any  # the stand-in with its organisation, from conftest.py

URL = "https://coc.example.org/from/hub"
SECRET = "a secret of the webhook"


@pytest.fixture
def setup(world: World) -> Callable[..., GitHubSetup]:
    """The set-up as the owner ada runs it, with a token of the account coc-bot unless a test says otherwise."""

    def make(
        token: str = "ghp_ada",
        *,
        as_app: bool = False,
        repository: str = "conduct",
        **more: Any,  # noqa: ANN401 - as Wanted
    ) -> GitHubSetup:
        bot = AppCredential("31", world.key) if as_app else TokenCredential(world.bot_token)
        wanted = {
            "space": world.space(repository=repository, owner=more.pop("owner", "acme")),
            "accounts": frozenset({"wren", "robin"}),
            "aliases": frozenset({"wren", "robin"}),
            "bot": bot,
            "bot_file": "hub.pem" if as_app else "github.token",
            "hook_url": URL,
            "hook_secret": SECRET,
            "hook_secret_file": "hub-webhook.secret",
        }
        return GitHubSetup(Wanted(**{**wanted, **more}), TokenCredential(token))

    return make


def carried_out(setup: GitHubSetup) -> Sequence[Deed]:
    """Do whatever can be done, in as many rounds as it needs; what is left is for a person."""
    for _ in range(4):
        todo = [deed for deed in setup.deeds() if deed.do is not None]
        if not todo:
            break
        for deed in todo:
            assert deed.do is not None
            deed.do()
    return setup.deeds()


def keys(deeds: Sequence[Deed]) -> list[str]:
    return [deed.key for deed in deeds]


def test_a_plan_changes_nothing_and_a_second_run_finds_nothing_to_do(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    world.repo().actions = True
    world.repo().flags |= {"has_wiki": True, "allow_forking": True, "has_pages": True}
    world.forget_journal()
    plan = setup().deeds()
    assert keys(plan) == ["flags", "pages", "actions", "labels", "webhook", "member-robin", "member-wren"]
    assert world.writes() == []
    assert carried_out(setup()) == []
    world.forget_journal()
    assert setup().deeds() == []
    assert world.writes() == []


def test_a_missing_repository_is_made_private_and_then_set_up(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    made = setup(repository="new")
    (deed,) = made.deeds()
    assert deed.key == "repository"
    assert all(what in deed.what for what in ("private", "Actions off", "labels", "robin, wren"))
    assert carried_out(made) == []
    repo = world.hub.repo("acme/new")
    assert repo.visibility == "private"
    assert not repo.actions
    assert not repo.flags["has_wiki"]
    assert repo.collaborators == {"wren": "triage", "robin": "triage", "coc-bot": "push"}


def test_what_concerns_the_whole_organisation_is_left_to_a_person_with_exact_words(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    org = world.repo().organization
    org.default_permission = "pull"
    org.settings |= {
        "members_can_change_repo_visibility": True,
        "members_can_invite_outside_collaborators": True,
    }
    left = carried_out(setup())
    assert keys(left) == ["base-permission", "visibility-change", "outside-collaborators"]
    assert all(
        deed.do is None and "/organizations/acme/settings/member_privileges" in deed.by_hand for deed in left
    )
    assert "No permission" in left[0].by_hand
    assert org.default_permission == "pull"


def test_a_public_repository_is_not_made_private_behind_anybodys_back(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    world.repo().visibility = "public"
    assert keys(carried_out(setup())) == ["visibility"]
    assert world.repo().visibility == "public"


def test_the_webhook_is_signed_has_our_events_and_is_read_back(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    assert carried_out(setup()) == []
    (hook,) = world.repo().webhooks
    assert (hook.hook.url, hook.hook.secret, hook.active) == (URL, SECRET, True)
    assert set(hook.events) == set(EVENTS)
    assert f"# hook_id = {hook.id}" in setup().settings()


@pytest.mark.parametrize(
    "change",
    [
        lambda hook: setattr(hook, "active", False),
        lambda hook: setattr(hook.hook, "secret", ""),
        lambda hook: setattr(hook, "events", ("issues",)),
        lambda hook: setattr(hook, "content_type", "form"),
        lambda hook: setattr(hook, "insecure_ssl", "1"),
    ],
)
def test_a_webhook_that_is_wrong_is_put_right_and_not_doubled(
    world: World, setup: Callable[..., GitHubSetup], change: Callable[[Any], None]
) -> None:
    carried_out(setup())
    (hook,) = world.repo().webhooks
    change(hook)
    assert keys(setup().deeds()) == ["webhook"]
    assert carried_out(setup()) == []
    assert len(world.repo().webhooks) == 1
    assert hook.hook.secret == SECRET


def test_every_label_a_ticket_may_show_is_there_afterwards(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    carried_out(setup())
    there = {label.name for label in world.repo().labels}
    assert there == set(vocabulary.labels({"wren", "robin"}))
    assert {"coc", "impact: 2", "risk: 9", "stage: Reporting back", "lead: wren"} <= there
    assert all(len(name) <= 50 for name in there)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("kind", IncidentType)
def test_no_ticket_shows_a_label_that_the_set_up_does_not_know(stage: Stage, kind: IncidentType) -> None:
    known = set(vocabulary.labels({"wren", "robin"}))
    for impact, likelihood in product((None, *Level), (None, *Level)):
        incident = Incident(
            id=new_incident_id(),
            code_name=CodeName("AMBER-HERON-42"),
            type=kind,
            space=SpaceName("hub"),
            opened_at=datetime(2026, 11, 22, tzinfo=UTC),
            stage=stage,
            impact=impact,
            likelihood=likelihood,
            lead=Alias("wren"),
            secondary=Alias("robin"),
        )
        assert set(fields.plan(mirror(incident, default_process()), ()).labels) <= known


def test_issue_fields_are_made_if_wanted_and_then_members_get_the_role_write(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    wanted = setup(issue_fields=True)
    assert carried_out(wanted) == []
    names = {one.name for one in world.repo().organization.issue_fields}
    assert names == {f"CoC {key}" for key in vocabulary.values(())}
    assert world.repo().collaborators["wren"] == "push"
    assert keys(carried_out(setup())) == ["issue-fields-in-the-way"]


def test_issue_fields_of_a_users_repository_are_refused(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    world.hub.add_repo("ada", "notes", collaborators={"coc-bot": "push"})
    with pytest.raises(ConfigError, match="organisation"):
        setup(owner="ada", repository="notes", issue_fields=True).deeds()


def test_a_users_repository_is_set_up_with_labels(world: World, setup: Callable[..., GitHubSetup]) -> None:
    world.hub.add_repo("ada", "notes", collaborators={"coc-bot": "push"})
    made = setup(owner="ada", repository="notes")
    assert carried_out(made) == []
    assert {one.invitee.login for one in world.hub.repo("ada/notes").invitations} == {"wren", "robin"}


def test_members_outside_the_organisation_are_invited_once(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    wanted = setup(accounts=frozenset({"wren", "mallory"}))
    assert carried_out(wanted) == []
    assert [one.invitee.login for one in world.repo().invitations] == ["mallory"]


def test_a_role_that_comes_from_a_team_is_left_to_a_person(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    other = world.hub.add_repo("acme", "other", teams={"staff": ("push", ["wren"])})
    world.repo().teams.extend(other.teams)
    del world.repo().collaborators["wren"]
    (left,) = carried_out(setup())
    assert (left.key, left.do) == ("member-wren", None)
    assert "Give the team the role triage" in left.by_hand


def test_owners_keep_their_role(setup: Callable[..., GitHubSetup]) -> None:
    assert carried_out(setup(accounts=frozenset({"ada"}))) == []


def test_an_app_needs_no_webhook_of_the_repository_and_is_installed_by_a_person(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    assert keys(carried_out(setup(as_app=True))) == ["app-everywhere"]
    world.hub.install_app("coc-mirror", ["public"])
    (left,) = setup(as_app=True).deeds()
    assert left.key == "app-installed"
    assert "/apps/coc-mirror/installations/new" in left.by_hand
    world.hub.install_app("coc-mirror", ["conduct"])
    assert setup(as_app=True).deeds() == []
    assert world.repo().webhooks == []


def test_a_token_that_is_not_an_owners_is_told_so(setup: Callable[..., GitHubSetup]) -> None:
    with pytest.raises(HostRefused, match="owner"):
        setup("ghp_bot_of_the_team").deeds()


def test_the_bots_account_must_be_a_member_to_see_who_can_read(
    world: World, setup: Callable[..., GitHubSetup]
) -> None:
    world.repo().organization.members.discard("coc-bot")
    assert keys(carried_out(setup())) == ["bot-member"]


@pytest.mark.parametrize(("as_app", "entry"), [(True, "private_key_file"), (False, "token_file")])
def test_the_settings_are_toml_that_the_configuration_takes_and_hold_no_secret(
    setup: Callable[..., GitHubSetup],
    as_app: bool,  # noqa: FBT001 - a parameter of the test
    entry: str,
) -> None:
    carried_out(setup(as_app=as_app))
    text = setup(as_app=as_app).settings()
    (space,) = tomllib.loads(text)["spaces"].values()
    assert (space["host"], space["owner"], space["repository"]) == ("github", "acme", "conduct")
    assert entry in space
    assert space["webhook_secret_file"] == "hub-webhook.secret"
    assert not any(secret in text for secret in (SECRET, "ghp_", "PRIVATE"))


def test_links_for_people_lead_to_github_and_not_to_its_api() -> None:
    assert web_address("https://api.github.com") == "https://github.com"
    assert web_address("https://ghe.example.org/api/v3") == "https://ghe.example.org"

"""Who can read the repository: listed people, open doors, and when the list is not a proof."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from integration.audience import prove
from integration.errors import HostError, HostNotRestricted, HostRefused, HostUnavailable

if TYPE_CHECKING:
    from integration.github.host import GitHubHost

World = Any  # the stand-in with its organisation, from conftest.py
Played = Any  # the played GitHub, from conftest.py

TEAM = frozenset({"Wren", "robin", "ada", "coc-bot"})


def proven(host: GitHubHost) -> frozenset[str]:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return prove(host.audience(), allowed=TEAM, acknowledged=(), now=now).readers


def test_a_restricted_repository_is_proven(world: World) -> None:
    assert proven(world.with_token()) == {"ada", "wren", "robin", "coc-bot"}
    assert proven(world.with_app()) == {"ada", "wren", "robin", "coc-bot"}


def test_it_takes_three_reads_with_a_token_and_two_as_an_app(world: World) -> None:
    host = world.with_token()
    host.own_accounts  # noqa: B018 - looked up once
    world.forget_journal()
    host.audience()
    path = "GET /repos/acme/conduct"
    assert world.reads() == [path, f"{path}/collaborators", f"{path}/invitations"]
    host = world.with_app()
    host.audience()
    world.forget_journal()
    host.audience()
    assert world.reads() == [path, f"{path}/collaborators"]


def test_each_reader_is_named_with_the_role(world: World) -> None:
    paths = {one.account: one.path for one in world.with_token().audience().principals}
    assert paths["ada"] == "the role admin in the repository"
    assert paths["wren"] == "the role write in the repository"


def test_somebody_outside_the_team_breaks_the_proof(world: World) -> None:
    world.repo().collaborators["mallory"] = "pull"
    with pytest.raises(HostNotRestricted, match="mallory"):
        proven(world.with_app())


def test_the_organisations_base_permission_lists_its_members(world: World) -> None:
    org = world.hub.state.account("acme")
    org.members.add("mallory")
    assert "mallory" not in proven(world.with_token())
    org.default_permission = "pull"
    with pytest.raises(HostNotRestricted, match="mallory"):
        proven(world.with_token())


@pytest.mark.parametrize(
    ("visibility", "door"), [("public", "is public"), ("internal", "every member of the enterprise")]
)
def test_a_repository_that_others_can_read_is_an_open_door(visibility: str, door: str, world: World) -> None:
    world.repo().visibility = visibility
    with pytest.raises(HostNotRestricted, match=door):
        proven(world.with_token())


def test_an_archived_repository_is_refused(world: World) -> None:
    world.repo().archived = True
    with pytest.raises(HostNotRestricted, match="archived"):
        proven(world.with_token())


def test_a_renamed_repository_is_refused(world: World) -> None:
    host = world.with_token()
    proven(host)
    world.hub.rename_repo("acme/conduct", "elsewhere")
    with pytest.raises(HostNotRestricted, match="renamed or moved"):
        proven(host)


def test_another_repository_under_the_old_name_shows_another_id(world: World) -> None:
    host = world.with_token()
    before = host.audience().space_id
    world.repo().name = "elsewhere"
    other = world.hub.add_repo("acme", "conduct", collaborators={"coc-bot": "admin"})

    assert host.audience().space_id == str(other.id)
    assert before not in {"", str(other.id)}


def test_an_open_invitation_counts_as_a_reader(world: World) -> None:
    repo = world.repo()
    world.hub.add_repo("acme", "other", invitations={"mallory": "pull"})
    repo.invitations = world.hub.repo("acme/other").invitations
    with pytest.raises(HostNotRestricted, match=r"mallory.*invitation"):
        proven(world.with_token())


def play(github: Played, collaborators: object, invitations: object = (), status: int = 200) -> None:
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", collaborators)
    github.answers("GET", "/repos/acme/conduct/invitations", list(invitations), status=status)  # type: ignore[call-overload]  # JSON


BOT = {"login": "coc-bot", "role_name": "write"}


def test_an_invitation_by_mail_is_an_open_door_and_an_expired_one_is_none(
    github: Played, host: GitHubHost
) -> None:
    play(github, [BOT], [{"invitee": None}, {"invitee": {"login": "old"}, "expired": True}])
    found = host.audience()
    assert found.open_doors == ("somebody is invited to the repository by mail address",)
    assert [one.account for one in found.principals] == ["coc-bot"]


@pytest.mark.parametrize("status", [403, 404])
def test_invitations_that_we_may_not_see_change_nothing(
    status: int, github: Played, host: GitHubHost
) -> None:
    play(github, [BOT], status=status)
    assert host.audience().complete


@pytest.mark.parametrize("listed", [[], [{"login": "ada", "permissions": {"admin": True}}], [{"login": ""}]])
def test_with_a_token_a_list_without_our_own_account_is_no_proof(
    listed: list[object], github: Played, host: GitHubHost
) -> None:
    play(github, listed)
    assert not host.audience().complete


@pytest.mark.parametrize(
    ("listed", "complete"),
    [
        ([], False),
        ([{"login": "wren", "role_name": "write"}], False),
        ([{"login": "ada", "role_name": "read", "permissions": {"admin": True}}], True),
        ([{"login": "ada", "role_name": "admin"}], True),
        ([{"login": "ada", "role_name": "admin"}, {"login": None}], False),
    ],
)
def test_as_an_app_a_list_without_any_admin_is_no_proof(
    listed: list[object],
    complete: bool,  # noqa: FBT001 - what is expected
    github: Played,
    app_host: GitHubHost,
) -> None:
    play(github, listed)
    assert app_host.audience().complete is complete


def test_a_long_list_is_read_to_its_end(github: Played, host: GitHubHost) -> None:
    page = [{"login": f"member{n}", "role_name": "read"} for n in range(100)]
    play(github, page)
    github.answers("GET", "/repos/acme/conduct/collaborators", [BOT])
    found = host.audience()
    assert len(found.principals) == 101
    assert found.complete


@pytest.mark.parametrize("part", ["collaborators", "invitations"])
def test_a_short_page_is_not_the_last_where_github_names_a_next_one(
    part: str, github: Played, host: GitHubHost
) -> None:
    github.repository()
    link = {
        "Link": '<https://elsewhere.example/next>; rel="next", <https://elsewhere.example/last>; rel="last"'
    }
    pages: dict[str, list[object]] = {
        "collaborators": [BOT, {"login": "mallory", "role_name": "read"}],
        "invitations": [{"invitee": {"login": "old"}, "expired": True}, {"invitee": {"login": "mallory"}}],
    }
    for name, listed in pages.items():
        path = f"/repos/acme/conduct/{name}"
        if name == part:
            github.answers("GET", path, listed[:1], headers=link)
            github.answers("GET", path, listed[1:])
        else:
            github.answers("GET", path, listed[:1])
    assert [one.account for one in host.audience().principals] == ["coc-bot", "mallory"]
    assert "page=2" in str(
        [call.request.url for call in github.wire.calls if part in str(call.request.url)][-1]
    )


def test_a_list_that_turns_in_a_circle_is_left(github: Played, host: GitHubHost) -> None:
    github.repository()
    link = {"Link": '<https://api.github.com/x?page=2>; rel="next"'}
    github.answers("GET", "/repos/acme/conduct/collaborators", [BOT], headers=link)
    with pytest.raises(HostUnavailable):
        host.audience().whole()
    assert len(github.wire.calls) == 3


def test_a_role_of_the_organisations_own_is_not_repeated(github: Played, host: GitHubHost) -> None:
    play(github, [BOT, {"login": "wren", "role_name": "knows about Jo"}])
    assert host.audience().principals[1].path == "the role of its own in the repository"


def test_a_key_without_the_right_to_list_is_refused(github: Played, host: GitHubHost) -> None:
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", {"message": "no"}, status=403)
    with pytest.raises(HostRefused):
        host.audience().whole()


# A read that fails takes back nothing that was found -------------------------------------------------

TROUBLE = [403, 404, 500, 429]


@pytest.mark.parametrize("status", TROUBLE)
def test_a_public_repository_whose_readers_cannot_be_listed_is_an_open_door(
    status: int, github: Played, host: GitHubHost
) -> None:
    github.repository(private=False, visibility="public")
    github.answers("GET", "/repos/acme/conduct/collaborators", {"message": github.canary}, status=status)
    with pytest.raises(
        HostNotRestricted, match="is public; the host did not say who else can read it"
    ) as told:
        proven(host)
    assert github.canary not in str(told.value)


@pytest.mark.parametrize("status", TROUBLE)
def test_a_private_repository_whose_readers_cannot_be_listed_is_no_alarm(
    status: int, github: Played, host: GitHubHost
) -> None:
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", {"message": "no"}, status=status)
    with pytest.raises(HostError) as told:
        proven(host)
    assert not isinstance(told.value, HostNotRestricted)


def test_an_outsider_on_a_page_before_the_one_that_fails_is_found(github: Played, host: GitHubHost) -> None:
    page = [BOT, *({"login": f"outsider{n}", "role_name": "read"} for n in range(99))]
    play(github, page)
    github.answers("GET", "/repos/acme/conduct/collaborators", {"message": "no"}, status=500)
    with pytest.raises(HostNotRestricted, match="outsider98"):
        proven(host)


def test_an_outsider_is_found_although_invitations_cannot_be_listed(github: Played, host: GitHubHost) -> None:
    play(github, [BOT, {"login": "mallory", "role_name": "read"}], status=500)
    with pytest.raises(HostNotRestricted, match="mallory"):
        proven(host)


def test_a_team_whose_invitations_cannot_be_listed_is_neither_proven_nor_an_alarm(
    github: Played, host: GitHubHost
) -> None:
    play(github, [BOT], status=500)
    with pytest.raises(HostUnavailable):
        proven(host)


def test_a_public_repository_is_found_while_github_does_not_say_who_we_are(
    github: Played, host: GitHubHost
) -> None:
    host._login = None
    github.repository(private=False, visibility="public")
    github.answers("GET", "/user", {"message": "no"}, status=500)
    assert host.audience().open_doors == ("the repository is public",)


@pytest.mark.parametrize("body", [{"message": "Server Error"}, {"id": None}])
def test_an_answer_that_is_no_repository_is_no_alarm_while_github_is_in_trouble(
    body: object, github: Played, host: GitHubHost
) -> None:
    github.answers("GET", "/repos/acme/conduct", body)
    github.answers("GET", "/repos/acme/conduct/collaborators", {"message": "no"}, status=500)
    with pytest.raises(HostUnavailable):
        proven(host)

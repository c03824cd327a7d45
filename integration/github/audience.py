"""Who can read the repository, as far as our own credential can see.

Three reads: the repository, its collaborators (people with direct access, through teams, through the
organisation's base permission, and its owners), and open invitations where we may see them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.audience import Audience, Principal
from integration.errors import HostError, HostGone, HostRefused
from integration.github.answers import Moved

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.github.answers import Json
    from integration.github.client import Client
    from integration.incident import SpaceName

_ROLES = frozenset({"read", "triage", "write", "maintain", "admin"})


class KnownRepository:
    """The repository this host writes to: the one whose audience was read, and none of the same name since then.

    Whether that is the one it always was is known by the store (:mod:`integration.space_identity`).
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._id: int | None = None
        self.may_lock = False
        """Whether we may lock conversations and still comment: an account with the role write may, an App may not.

        https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations
        """
        self.node: str = ""
        """GraphQL's id of it, as it was read last."""

    def look(self) -> tuple[Json, tuple[str, ...]]:
        """As :meth:`read`, for a reading of the audience: whatever stands there is what is written to from now on."""
        self._id = None
        return self.read()

    def read(self) -> tuple[Json, tuple[str, ...]]:
        """The repository as it is now, and every reason why it must not be written to (an open door)."""
        found = self._client.get_object(self._client.path, "look at the repository")
        rights = found.get("permissions")
        self.may_lock = not self._client.is_app and isinstance(rights, dict) and rights.get("push") is True
        doors = list(_open_doors(found, self._client.where))
        self.node = str(found.get("node_id") or "") if not doors else ""
        number = found.get("id")
        if not isinstance(number, int):
            doors.append("GitHub does not say which repository it is")
        elif self._id is None and not doors:
            self._id = number
        elif self._id is not None and number != self._id:
            doors.append("another repository stands under the same name than a moment ago")
        return found, tuple(doors)


def _open_doors(repository: Json, where: str) -> list[str]:
    doors = []
    visibility = repository.get("visibility")
    if repository.get("private") is not True or visibility == "public":
        doors.append("the repository is public")
    elif visibility == "internal":
        doors.append("the repository is internal: every member of the enterprise can read it")
    elif visibility != "private":
        doors.append("GitHub does not say that the repository is private")
    if str(repository.get("full_name", "")).casefold() != where.casefold():
        doors.append("the repository has another name or owner than configured")
    if repository.get("archived") is True:
        doors.append("the repository is archived, so that nothing can be written or put right")
    return doors


def read_audience(
    client: Client, repository: KnownRepository, *, space: SpaceName, own_login: Callable[[], str]
) -> Audience:
    """Who can read the repository now.

    ``complete`` needs an account that must be in the list of collaborators: our own, or, for an App, which
    is never in it, one with the admin role (the owner of the repository or an owner of its organisation).
    An empty or shortened list proves nothing. Whoever makes the repository public may take our right to list
    people away as well: a read that fails takes back nothing that was found before it.

    Args:
        client: the repository.
        repository: which one it is.
        space: its ticket space.
        own_login: gives the account under which we write; not asked for an App.

    Raises:
        HostError: the repository itself could not be read.
    """
    try:
        found, doors = repository.look()
    except Moved:
        found, doors = {}, ("the repository answers under another address: it was renamed or moved",)
    if not found:
        return Audience(space, (), doors, complete=False)
    reading = _Reading(client, doors)
    complete, unread = False, None
    try:
        complete = reading.people("" if client.is_app else own_login())
    except HostError as trouble:
        if not isinstance(found.get("id"), int):
            raise  # what came first was no repository either: trouble of GitHub's, and no door
        unread = trouble
    return Audience(
        space, tuple(reading.principals), tuple(reading.doors),
        complete=complete, space_id=str(found.get("id") or ""), unread=unread,
    )  # fmt: skip


class _Reading:
    """What was found so far."""

    def __init__(self, client: Client, doors: tuple[str, ...]) -> None:
        self._client = client
        self.principals: list[Principal] = []
        self.doors = list(doors)

    def people(self, own_login: str) -> bool:
        """Read who can read; whether the list held an account that must be in it."""
        admins = 0
        path, what = f"{self._client.path}/collaborators", "list who can read the repository"
        for one in self._client.get_list(path, what, affiliation="all"):
            role = role_of(one)
            self.principals.append(
                Principal(str(one.get("login") or ""), f"the role {role} in the repository")
            )
            admins += role == "admin"
        accounts = {one.account.casefold() for one in self.principals}
        invited, doors = invitations(self._client)
        self.principals += invited
        self.doors += doors
        return "" not in accounts and (
            admins > 0 if self._client.is_app else own_login.casefold() in accounts
        )


def invitations(client: Client) -> tuple[list[Principal], list[str]]:
    """Who may become a reader at any moment. Only an admin sees invitations.

    An App's token lacks that right, so an App does not ask. Where a token lacks it, an invited person is
    noticed at the next reading after they accepted, like everybody who is given access.
    """
    if client.is_app:
        return [], []
    try:
        listed = list(client.get_list(f"{client.path}/invitations", "list open invitations"))
    except (HostRefused, HostGone):
        return [], []
    principals, doors = [], []
    for one in listed:
        if one.get("expired") is True:
            continue
        invitee = one.get("invitee")
        login = invitee.get("login") if isinstance(invitee, dict) else None
        if isinstance(login, str) and login:
            principals.append(Principal(login, "an open invitation to the repository"))
        else:
            doors.append("somebody is invited to the repository by mail address")
    return principals, doors


def role_of(collaborator: Json) -> str:
    """The role in GitHub's words. A role with a name of the organisation's own is not repeated."""
    permissions = collaborator.get("permissions")
    if isinstance(permissions, dict) and permissions.get("admin") is True:
        return "admin"
    role = collaborator.get("role_name")
    return role if isinstance(role, str) and role in _ROLES else "of its own"

"""Who is let into the repository by the set-up, and in which role.

The role *triage* closes tickets and puts labels on and off, and may not comment on a locked conversation, unlock it,
transfer a ticket or delete a comment. *Write* may all that.
https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.github.audience import role_of
from integration.setup import Deed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from integration.github.client import Client

_RANK = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
_IN_WORDS = {"pull": "read", "push": "write"}


class People:
    """The repository's people as they are now."""

    def __init__(self, client: Client, *, in_organisation: bool) -> None:
        self._client = client
        self._in_organisation = in_organisation
        self._all = self._roles("all")
        self._direct = self._roles("direct")
        self._invited = {
            str(one["invitee"].get("login", "")).casefold()
            for one in client.get_list(f"{client.path}/invitations", "list open invitations")
            if isinstance(one.get("invitee"), dict) and one.get("expired") is not True
        }

    def deeds(self, accounts: Collection[str], role: str, *, bot: bool = False) -> Iterator[Deed]:
        """Let these in with this role (in the API's words: ``triage``, ``push``).

        Whoever has less gets it. A member who has more of their own gets less, since they could write comments in plain
        text; owners, and who has it from a team, keep what they have. Open invitations are waited for. A repository of
        a user has one role only.
        """
        wanted = _IN_WORDS.get(role, role)
        for account in sorted(accounts, key=str.casefold):
            has, known = self._all.get(account.casefold(), "none"), account.casefold()
            if known in self._invited or (has != "none" and not self._in_organisation):
                continue
            lacks = _RANK.get(has, 0) < _RANK[wanted]
            more = not bot and _RANK.get(has, 0) > _RANK[wanted] and has != "admin"
            own = self._direct.get(known) == has
            key = f"{'bot' if bot else 'member'}-{known}"
            if lacks:
                yield Deed(key, f"Let {account} in with the role {wanted}", self._letting(account, role))
            elif more and own:
                what = f"Give {account} the role {wanted} instead of {has}: with {has}, a locked ticket is open for comments"
                yield Deed(key, what, self._letting(account, role))
            elif more:
                yield Deed(
                    key,
                    f"{account} has the role {has} from a team: for {account}, a locked ticket is open for comments",
                    by_hand=f"Give the team the role {wanted} in {self._client.where} (Settings → Collaborators and teams).",
                )

    def _letting(self, account: str, role: str) -> Callable[[], None]:
        def let_in() -> None:
            path = f"{self._client.path}/collaborators/{account}"
            self._client.write("PUT", path, {"permission": role}, "let somebody in")

        return let_in

    def _roles(self, affiliation: str) -> dict[str, str]:
        listed = self._client.get_list(
            f"{self._client.path}/collaborators", "list who can read the repository", affiliation=affiliation
        )
        return {str(one.get("login", "")).casefold(): role_of(one) for one in listed}

"""What the parts of the set-up of a Jira project share: what is wanted, what was found, and what a part is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from integration.incident import Alias
    from integration.jira.admin import JiraAdmin
    from integration.jira.space import JiraLogin


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted.

    Args:
        space: site and project.
        bot_email: the mail address of the service's account.
        bot_account: its account id.
        members: alias -> account id, from the roster.
        hook_url: where Jira sends its events; None without a webhook.
        hook_secret: what signs them.
        hook_secret_file: where the service finds it, as it stands in the configuration.
        secret_is_new: it was made just now, so that a webhook that is there already signs with another one.
    """

    space: JiraLogin
    bot_email: str
    bot_account: str
    members: Mapping[Alias, str]
    hook_url: str | None = None
    hook_secret: str = field(default="", repr=False)
    hook_secret_file: str = ""
    secret_is_new: bool = False

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """What lead and secondary can be set to."""
        return tuple(self.members)


@dataclass
class Found:
    """Ids that were found; a part fills in its own, for the parts after it."""

    project_id: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    level_id: str = ""
    types: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is lacking; ``write`` makes it, or ``by_hand`` says how a person does."""

    key: str
    what: str
    write: Callable[[], object] | None = None
    by_hand: str = ""


class Part:
    """A part of the set-up."""

    def __init__(self, admin: JiraAdmin, plan: Plan, found: Found) -> None:
        self._admin = admin
        self._plan = plan
        self._found = found

    def lacks(self) -> Iterator[Lack]:
        """Read, and give what is lacking. What needs something else first is named all the same."""
        raise NotImplementedError

    def lacks_of(self, key: str) -> Iterator[Lack]:
        """The same for whom one lack is enough: what is surely not about it need not be read."""
        del key
        return self.lacks()


def later() -> None:
    """What this needs is not there yet: nothing is written, and the next round names it again."""

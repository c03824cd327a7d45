"""GitHub's REST calls on a repository's webhooks, as far as they are about deliveries.

https://docs.github.com/en/rest/repos/webhooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sandbox.github_access import rank
from sandbox.github_calls import Calls, Reply
from sandbox.github_state import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.github_access import Caller
    from sandbox.github_actions import Actions
    from sandbox.github_deliveries import Deliveries
    from sandbox.github_json import Show
    from sandbox.github_state import Repository, State
    from sandbox.wire import Hook


class HookCalls(Calls):
    """For who administers the repository, with a token that carries webhooks; for all others there is no hook."""

    in_a_repository: ClassVar[Mapping[str, str]] = {
        "GET /hooks/<int:hook_id>/deliveries": "hook_deliveries",
        "POST /hooks/<int:hook_id>/deliveries/<int:delivery_id>/attempts": "hook_deliver_again",
    }

    def __init__(
        self, state: State, *, show: Show, actions: Actions, hooks: Sequence[Hook], deliveries: Deliveries
    ) -> None:
        super().__init__(state, show=show, actions=actions)
        self._hooks = hooks
        self._deliveries = deliveries

    def _call_hook_deliveries(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        return self._deliveries.listed(self._hook(caller, repo, hook_id, write=False), self._show.root)

    def _call_hook_deliver_again(
        self, caller: Caller, repo: Repository, hook_id: int, delivery_id: int
    ) -> Reply:
        return self._deliveries.again(self._hook(caller, repo, hook_id, write=True), delivery_id)

    def _hook(self, caller: Caller, repo: Repository, hook_id: int, *, write: bool) -> Hook:
        caller.require("repository_hooks", write=write)
        is_admin = caller.app is not None or rank(caller.level(repo)) >= rank("admin")
        if not is_admin or not 1 <= hook_id <= len(self._hooks):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return self._hooks[hook_id - 1]

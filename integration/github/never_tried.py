"""What could never be tried on the real GitHub, and what no check of ours can find out there either."""

from __future__ import annotations

from typing import Final

from integration.checks import Check, Outcome

_MORE: Final = "See docs/hosts/github.md, 'Never run against the real GitHub'."


def _never(key: str, what: str, next_step: str = _MORE) -> Check:
    return Check(f"never-tried-{key}", Outcome.UNKNOWN, what, next_step)


NEVER_TRIED: Final = (
    _never(
        "limits", "how GitHub counts several changes in one GraphQL request against its limits; we count each"
    ),
    _never("large-requests", "whether six comments of 60 kB in one request stay within GitHub's ten seconds"),
    _never(
        "mail",
        "what GitHub's mail and mobile notifications show of a ticket",
        "Look at one that you received.",
    ),
    _never(
        "triage",
        "that a member in the role triage cannot comment on a locked ticket: GitHub's documentation says so",
        "Let a member try it on the next ticket.",
    ),
    _never(
        "selected-apps",
        "in which repositories an App is installed that was given chosen ones: GitHub does not tell owners by its API",
        "Look at each App's page under the organisation's settings, Installed GitHub Apps.",
    ),
    _never(
        "enterprise",
        "who owns the enterprise above the organisation, if there is one, and can become an owner of it",
        "Ask whoever pays for GitHub; the docs recommend an organisation of its own.",
    ),
)

"""How the Jira stand-in says no: an exception with a status and a body in Jira's own shape.

Like the real ones, some messages repeat what was sent. A client that lets such a body into a log leaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import jsonify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
TEXT_LIMIT = 32_767
PROPERTY_LIMIT = 32_768


class Refusal(Exception):
    """An answer that is not a success: ``errorMessages``, and ``errors`` by field."""

    def __init__(
        self,
        status: int,
        *messages: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, object]:
        """Jira's error collection."""
        return {"errorMessages": self.messages, "errors": self.errors}

    def answer(self) -> Response:
        """The whole answer."""
        response = jsonify(self.as_json())
        response.status_code = self.status
        response.headers.extend(self.headers)
        return response


def unauthenticated(reason: str) -> Refusal:
    """No credentials where some are needed, or wrong ones."""
    return Refusal(
        401,
        "Client must be authenticated to access this resource.",
        headers={"WWW-Authenticate": 'OAuth realm="sandbox"', "X-Seraph-LoginReason": reason},
    )


def no_issue() -> Refusal:
    """There is no such issue, or none that this person may know of: the same answer for both."""
    return Refusal(404, NO_ISSUE)


def no_project(key: str) -> Refusal:
    """There is no such project, or none that this person may know of."""
    return Refusal(404, f"No project could be found with key '{key}'.")


def too_long(field: str) -> Refusal:
    """A text over Jira's limit. https://support.atlassian.com/jira-cloud-administration/ (32,767 characters)."""
    return Refusal(
        400,
        "CONTENT_LIMIT_EXCEEDED",
        errors={
            field: f"The entered text is too long. It exceeds the allowed limit of {TEXT_LIMIT:,} characters."
        },
    )

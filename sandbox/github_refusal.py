"""What GitHub answers when it does not do what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refused(Exception):
    """What the host answers instead of acting: as HTTP status for REST, as error type for GraphQL."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "UNPROCESSABLE",
        errors: list[dict[str, object]] | None = None,
        headers: Mapping[str, str] | None = None,
        location: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.errors = errors
        self.headers = dict(headers or {})
        self.location = location


def invalid(resource: str, name: str, message: str = "", *, code: str = "custom") -> Refused:
    """The 422 of a value that is not accepted; the message names the field, as GitHub's does."""
    entry: dict[str, object] = {"resource": resource, "code": code, "field": name}
    if message:
        entry["message"] = message
    return Refused(422, "Validation Failed", errors=[entry])

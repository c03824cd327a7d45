"""Labels and issue fields in which incidents show, made by the set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import ConfigError, HostGone, HostRefused
from integration.github import fields, vocabulary
from integration.setup import Deed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.github.client import Client


class Fields:
    """The labels of the repository, and the issue fields of its organisation if it has one."""

    def __init__(self, client: Client, org: str, aliases: frozenset[str], web: str) -> None:
        self._client = client
        self._org = org
        self._aliases = aliases
        self._web = web

    def deeds(self, *, in_organisation: bool, as_issue_fields: bool) -> Iterator[Deed]:
        """What is lacking of them.

        Raises:
            ConfigError: issue fields are asked for, and there is no organisation.
        """
        defined = self._defined() if in_organisation else {}
        missing = [
            one for one in vocabulary.issue_fields(self._aliases) if one["name"].casefold() not in defined
        ]
        ours = [defined[f"coc {key}"] for key in fields.KEYS if f"coc {key}" in defined]
        if as_issue_fields and missing:
            names = ", ".join(one["name"] for one in missing)
            what = f"Make the issue fields {names}. Every member of the organisation sees these names"
            if not in_organisation:
                raise ConfigError(
                    "The set-up", ["issue fields need an organisation; a user's repository has labels"]
                )
            yield Deed("issue-fields", what, self._make_fields)
        if not as_issue_fields and ours:
            yield Deed(
                "issue-fields-in-the-way",
                f"The organisation has the issue fields {', '.join(ours)}, and members with the role triage cannot set them",
                by_hand=f"Rename or delete them ({self._web}/organizations/{self._org}/settings/issue-fields), "
                "or run this with --issue-fields.",
            )
        lacking = self._lacking_labels()
        if lacking:
            yield Deed(
                "labels",
                f"Make {len(lacking)} labels, from {lacking[0]!r} to {lacking[-1]!r}",
                self._make_labels,
            )

    def _defined(self) -> dict[str, str]:
        """The organisation's issue fields: their names, by the names in lower case."""
        try:
            listed = self._client.get(f"/orgs/{self._org}/issue-fields", "list the issue fields")
        except (HostGone, HostRefused):
            return {}
        names = [str(one.get("name", "")) for one in listed] if isinstance(listed, list) else []
        return {name.strip().casefold(): name for name in names}

    def _make_fields(self) -> None:
        defined = self._defined()
        for one in vocabulary.issue_fields(self._aliases):
            if one["name"].casefold() not in defined:
                self._client.write("POST", f"/orgs/{self._org}/issue-fields", one, "make an issue field")

    def _lacking_labels(self) -> list[str]:
        listed = self._client.get_list(f"{self._client.path}/labels", "list the labels")
        there = {str(one.get("name", "")).casefold() for one in listed}
        return [name for name in vocabulary.labels(self._aliases) if name.casefold() not in there]

    def _make_labels(self) -> None:
        colours = vocabulary.labels(self._aliases)
        for name in self._lacking_labels():
            body = {"name": name, "color": colours[name]}
            self._client.write("POST", f"{self._client.path}/labels", body, "make a label")

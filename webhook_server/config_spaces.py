"""``[spaces.NAME]`` of the configuration: the ticket spaces, each a Jira project or a GitHub repository."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from integration.audience import Acknowledged
from integration.incident import SpaceName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.ports import HostKind
    from webhook_server.config_values import Values

_SPACE_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}\Z")
_SHORTEST_SECRET = 16
_JIRA_FIELDS = ("type", "impact", "likelihood", "risk", "lead", "secondary", "stage")


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """One Jira project as ticket space; docs/hosts/jira.md says where each id is found."""

    site: str
    project: str
    email: str
    token: str = field(repr=False)
    issue_type_id: str
    subtask_type_id: str
    security_level_id: str
    fields: Mapping[str, str]
    browse_roles: tuple[str, ...]
    browse_groups: tuple[str, ...]
    comment_role: str | None


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """One GitHub repository as ticket space, with a token or as an App; see docs/hosts/github.md."""

    owner: str
    repository: str
    base_url: str
    token: str | None = field(repr=False)
    app_id: str | None
    private_key: str | None = field(repr=False)
    bot_login: str | None
    hook_id: int | None = None


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """A ticket space: where it is, and who outside the team is known to be able to read it."""

    name: SpaceName
    host: JiraSettings | GitHubSettings
    acknowledged: tuple[Acknowledged, ...]
    webhook_secret: str | None = field(default=None, repr=False)
    """What the host signs its webhook with; without one, no event of it is believed."""

    @property
    def kind(self) -> HostKind:
        """Which kind of host it is on."""
        return "jira" if isinstance(self.host, JiraSettings) else "github"

    @property
    def exceptions(self) -> tuple[Acknowledged, ...]:
        """What is acknowledged, of each account the one that ends last: an old one may stand beside its renewal."""
        last = {one.account.casefold(): one for one in sorted(self.acknowledged, key=lambda one: one.until)}
        return tuple(last.values())


def read_spaces(table: dict[str, Any], values: Values) -> dict[SpaceName, SpaceSettings]:
    """``[spaces.NAME]``: the ticket spaces by name."""
    if not table:
        values.mistakes.append("[spaces] must describe at least one ticket space")
    spaces: dict[SpaceName, SpaceSettings] = {}
    for name, raw in table.items():
        where = f"[spaces.{name}]"
        if not _SPACE_NAME.match(name):
            values.mistakes.append(
                f"{where}: a space's name is lower-case letters, digits and hyphens, at most 39"
            )
        if not isinstance(raw, dict):
            values.mistakes.append(f"{where} must be a table")
            continue
        kind = raw.get("host")
        if kind == "jira":
            host: JiraSettings | GitHubSettings = _jira(raw, where, values)
        elif kind == "github":
            host = _github(raw, where, values)
        else:
            values.mistakes.append(f'{where}.host must be "jira" or "github"')
            continue
        spaces[SpaceName(name)] = SpaceSettings(
            SpaceName(name),
            host,
            _acknowledged(raw, where, values),
            _webhook_secret(raw, where, values) if "webhook_secret_file" in raw else None,
        )
    return spaces


def _jira(raw: dict[str, Any], where: str, values: Values) -> JiraSettings:
    keys = {
        "site",
        "project",
        "email",
        "token_file",
        "issue_type_id",
        "subtask_type_id",
        "security_level_id",
    }
    values.refuse_unknown(
        raw,
        keys
        | {
            "host",
            "fields",
            "browse_roles",
            "browse_groups",
            "comment_role",
            "webhook_secret_file",
            "acknowledged",
        },
        where,
    )
    fields = values.table(raw, "fields", where)
    values.refuse_unknown(fields, set(_JIRA_FIELDS), f"{where}.fields")
    return JiraSettings(
        site=values.address(raw, "site", where),
        project=values.text(raw, "project", where),
        email=values.text(raw, "email", where),
        token=values.secret(raw, "token_file", where, in_header=True),
        issue_type_id=values.text(raw, "issue_type_id", where),
        subtask_type_id=values.text(raw, "subtask_type_id", where),
        security_level_id=values.text(raw, "security_level_id", where),
        fields={name: values.text(fields, name, f"{where}.fields") for name in _JIRA_FIELDS},
        browse_roles=values.texts(raw, "browse_roles", where),
        browse_groups=values.texts(raw, "browse_groups", where),
        comment_role=values.text(raw, "comment_role", where) if "comment_role" in raw else None,
    )


def _github(raw: dict[str, Any], where: str, values: Values) -> GitHubSettings:
    values.refuse_unknown(
        raw,
        {
            "host",
            "owner",
            "repository",
            "base_url",
            "token_file",
            "app_id",
            "private_key_file",
            "bot_login",
            "hook_id",
            "webhook_secret_file",
            "acknowledged",
        },
        where,
    )
    as_app = "app_id" in raw or "private_key_file" in raw
    if as_app == ("token_file" in raw):
        values.mistakes.append(f"{where} needs either token_file, or app_id and private_key_file")
    return GitHubSettings(
        owner=values.text(raw, "owner", where),
        repository=values.text(raw, "repository", where),
        base_url=values.address(raw, "base_url", where) if "base_url" in raw else "https://api.github.com",
        token=values.secret(raw, "token_file", where, in_header=True) if "token_file" in raw else None,
        app_id=values.text(raw, "app_id", where) if as_app else None,
        private_key=values.secret(raw, "private_key_file", where, many_lines=True) if as_app else None,
        bot_login=values.text(raw, "bot_login", where) if "bot_login" in raw else None,
        hook_id=_hook_id(raw, where, values) if "hook_id" in raw else None,
    )


def _hook_id(raw: dict[str, Any], where: str, values: Values) -> int:
    found = raw["hook_id"]
    if "token_file" not in raw:
        values.mistakes.append(f"{where}.hook_id goes with token_file: an App has a webhook of its own")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        values.mistakes.append(
            f"{where}.hook_id must be a whole number: it ends the webhook's address on GitHub"
        )
        return 0
    return found


def _webhook_secret(raw: dict[str, Any], where: str, values: Values) -> str:
    secret = values.secret(raw, "webhook_secret_file", where)
    if 0 < len(secret) < _SHORTEST_SECRET:
        values.mistakes.append(
            f"{where}.webhook_secret_file: the secret is shorter than {_SHORTEST_SECRET} characters"
        )
    return secret


def _acknowledged(raw: dict[str, Any], where: str, values: Values) -> tuple[Acknowledged, ...]:
    exceptions: list[Acknowledged] = []
    listed = raw.get("acknowledged", [])
    if not isinstance(listed, list):
        values.mistakes.append(f"{where}.acknowledged must be a list of tables")
        return ()
    for number, one in enumerate(listed, 1):
        name = f"{where}.acknowledged[{number}]"
        entry = one if isinstance(one, dict) else {}
        values.refuse_unknown(entry, {"account", "until", "why"}, name)
        until = entry.get("until")
        if type(until) is not date:  # TOML's date with a time would be one too
            values.mistakes.append(f"{name}.until must be a date such as 2027-06-30")
            until = date.min
        exceptions.append(
            Acknowledged(values.text(entry, "account", name), until, values.text(entry, "why", name))
        )
    return tuple(exceptions)

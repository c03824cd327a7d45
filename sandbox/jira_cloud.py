"""A stand-in for a Jira Cloud site: the unmodified ``jira`` library talks to it over HTTP.

It keeps everything in memory and behaves as Atlassian documents: identities and tokens, permission and
security schemes, screens, limits, a search that lags, signed webhooks. ``/browse/`` shows the same to people.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from flask import Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from integration.incident import IncidentType, Stage
from sandbox.jira_attachments import AttachmentApi
from sandbox.jira_comments import Comments
from sandbox.jira_custom_fields_api import CustomFieldApi, ScreenApi
from sandbox.jira_dashboard_page import DashboardPage
from sandbox.jira_dashboards import DashboardApi
from sandbox.jira_filters import FilterApi
from sandbox.jira_hooks import Announcer
from sandbox.jira_issue_api import CommentApi, IssueApi
from sandbox.jira_issues import Issues
from sandbox.jira_pages import Pages
from sandbox.jira_project_api import ProjectApi, SiteApi
from sandbox.jira_refusal import Refusal, unauthenticated
from sandbox.jira_roles_api import DirectoryApi, IssueTypeApi, RoleApi
from sandbox.jira_schemes_api import NotificationSchemeApi, PermissionSchemeApi, SecuritySchemeApi
from sandbox.jira_search_api import SearchApi
from sandbox.jira_site import Site, texts_in
from sandbox.jira_state import (
    WORKING_PERMISSIONS,
    CustomField,
    FieldContext,
    FieldKind,
    Grant,
    Group,
    Holder,
    IssueType,
    Level,
    NotificationScheme,
    Option,
    Project,
    Role,
    User,
)
from sandbox.jira_webhooks_api import WebhookApi
from sandbox.quick_app import QuickApp
from sandbox.wire import Wire, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sandbox.wire import Hook

__all__ = ["Holder", "JiraCloud", "RestrictedProject"]

_PARENT_SCREEN = ("project", "issuetype", "summary", "description", "labels", "security", "duedate")
_SUBTASK_SCREEN = ("project", "issuetype", "parent", "summary", "description", "labels", "duedate")
_LEVELS = ("1", "2", "3")
_ADMINS = "site-admins"
_DAILY = (SiteApi, ProjectApi, SearchApi, IssueApi, CommentApi, AttachmentApi, FilterApi, DashboardApi)
_FOR_ADMINS = (
    RoleApi,
    DirectoryApi,
    IssueTypeApi,
    PermissionSchemeApi,
    SecuritySchemeApi,
    NotificationSchemeApi,
    CustomFieldApi,
    ScreenApi,
    WebhookApi,
)


@dataclass(frozen=True, slots=True)
class RestrictedProject:
    """What a configuration has to know of a project made by :meth:`JiraCloud.restricted_project`.

    ``fields`` maps type, impact, likelihood, risk, lead, secondary and stage to custom field ids;
    ``roles`` maps role names to role ids.
    """

    key: str
    issue_type_id: str
    subtask_type_id: str
    security_level_id: str
    security_scheme_id: str
    fields: Mapping[str, str]
    roles: Mapping[str, str]
    team_role: str


class JiraCloud:
    """A Jira Cloud site. Serve :attr:`wire`, with :func:`sandbox.wire.serving`.

    Args:
        now: the site's clock.
        search_lag: how long it takes until the search sees a change.
    """

    def __init__(
        self, *, now: Callable[[], datetime] = utc_now, search_lag: timedelta = timedelta(0)
    ) -> None:
        self.now = now
        self.search_lag = search_lag
        self.hooks: list[Hook] = []
        self.site = Site()
        self.announcer = Announcer(self.site, self.hooks)
        self.mail = self.announcer.mail
        self.issues = Issues(self.site, now, self.announcer)
        self.comments = Comments(self.site, now, self.announcer, self.issues)
        self.app = self._flask()
        self.wire = Wire(self.app)

    @property
    def write_limits(self) -> bool:
        """Whether too many writes to one issue are answered 429 (20 in 2 seconds, 100 in 30)."""
        return self.issues.write_limits

    @write_limits.setter
    def write_limits(self, on: bool) -> None:
        self.issues.write_limits = on

    def add_user(
        self, *, account_id: str, email: str, token: str, name: str, site_admin: bool = False
    ) -> None:
        """A person; they authenticate with their mail address and token."""
        self.site.users[account_id] = User(account_id, email, token, name, site_admin)
        if site_admin:
            admins = self.site.groups.setdefault(_ADMINS, Group("group-admins", _ADMINS, [], "site-admin"))
            admins.members.append(account_id)

    def add_group(
        self, name: str, members: Sequence[str], *, access: Literal["admin", "user"] | None = None
    ) -> Group:
        """A group of accounts. ``access``: it makes its members Jira admins, or users of the product."""
        group = Group(f"group-{self.site.new_id()}", name, list(members), access)
        self.site.groups[name] = group
        return group

    def add_role(self, name: str) -> Role:
        """The role with this name; made if there is none. Roles are site-wide, their actors are not."""
        role = self.site.role_named(name)
        if role is None:
            role = Role(self.site.new_id(), name)
            self.site.roles[role.id] = role
        return role

    def add_field(
        self, name: str, kind: FieldKind, *, options: Sequence[str] = (), context: Sequence[str] = ()
    ) -> CustomField:
        """A custom field for the projects in ``context``, or for all."""
        field_id = f"customfield_{self.site.new_id()}"
        made = [Option(self.site.new_id(), value) for value in options]
        everywhere = FieldContext(
            field_id.rpartition("_")[2], f"Default Configuration Scheme for {name}", list(context), made
        )
        self.site.fields[field_id] = CustomField(field_id, name, kind, [everywhere])
        return self.site.fields[field_id]

    def add_project(
        self,
        key: str,
        *,
        name: str,
        lead_account: str,
        roles: Mapping[str, Sequence[str]],
        browse: Sequence[Holder],
        grants: Mapping[str, Sequence[Holder]] | None = None,
        levels: Mapping[str, Sequence[Holder]] | None = None,
        default_level: str | None = None,
        fields: Sequence[CustomField] = (),
        style: Literal["classic", "next-gen"] = "classic",
    ) -> Project:
        """A project with a permission scheme of its own and two types of issue: Incident and Step.

        Args:
            key: upper case, such as ``COC``.
            name: for people.
            lead_account: the project lead.
            roles: role name -> account ids, and ``group:<name>`` for groups.
            browse: who holds BROWSE_PROJECTS.
            grants: permission -> holders; a working permission that is not named is held by ``browse``.
            levels: name -> holders, for the issue security scheme; none: the project has no scheme.
            default_level: the name of the level an issue gets by itself.
            fields: custom fields on the Incident's screen.
            style: ``next-gen`` is what the product calls a team-managed project.
        """
        site = self.site
        given = {"BROWSE_PROJECTS": browse, **(grants or {})}
        held = {**dict.fromkeys(WORKING_PERMISSIONS, browse), **given}
        scheme = [
            Grant(int(site.new_id()), permission, holder)
            for permission, holders in held.items()
            for holder in holders
        ]
        made = [Level(site.new_id(), level, list(holders)) for level, holders in (levels or {}).items()]
        project = Project(
            id=site.new_id(),
            key=key,
            name=name,
            lead=lead_account,
            style=style,
            actors={self.add_role(role).id: list(actors) for role, actors in roles.items()},
            scheme_id=int(site.new_id()),
            scheme_name=f"{key} permission scheme",
            grants=scheme,
            types=[
                IssueType(
                    site.new_id(),
                    "Incident",
                    subtask=False,
                    screen=[*_PARENT_SCREEN, *(field.id for field in fields)],
                ),
                IssueType(site.new_id(), "Step", subtask=True, screen=list(_SUBTASK_SCREEN)),
            ],
            security_scheme_id=site.new_id() if made else None,
            levels=made,
            default_level=next((level.id for level in made if level.name == default_level), None),
        )
        site.projects[key] = project
        return project

    def fresh_project(self, key: str = "COC", *, lead_account: str) -> Project:
        """A company-managed project as an admin has just made it: everybody on the site works in it.

        It has two types, Task and Sub-task, with one screen for both, no issue security, and mails its watchers.
        """
        site = self.site
        screen = [*_PARENT_SCREEN[:5], "duedate", "parent"]
        mails = NotificationScheme(
            site.new_id(), "Default Notification Scheme", ["Issue Created", "Issue Updated"]
        )
        site.notification_schemes.setdefault(mails.id, mails)
        everybody, admins = Holder("applicationRole"), Holder("projectRole", "Administrators")
        project = self.add_project(
            key,
            name="Code of Conduct",
            lead_account=lead_account,
            roles={"Administrators": ["group:" + _ADMINS] if _ADMINS in site.groups else []},
            browse=[everybody, Holder("projectRole", "atlassian-addons-project-access")],
            grants={"ADMINISTER_PROJECTS": [admins]},
        )
        project.default_screen = screen
        project.types = [
            IssueType(site.new_id(), "Task", subtask=False, screen=screen),
            IssueType(site.new_id(), "Sub-task", subtask=True, screen=screen),
        ]
        project.notification_scheme = mails.id
        self.add_role("atlassian-addons-project-access")
        return project

    def delete_project(self, key: str) -> None:
        """Nothing finds the project or anything in it any more; its key is free."""
        for issue in [one for one in self.site.issues.values() if one.project == key]:
            self.site.put_into_index(issue, self.now(), gone=True)
            del self.site.issues[issue.id]
        del self.site.projects[key]

    def restricted_project(
        self,
        key: str = "COC",
        *,
        team: Sequence[str],
        service: str,
        lead_account: str,
        aliases: Sequence[str],
        team_role: str = "CoC team",
        level: str = "CoC team only",
    ) -> RestrictedProject:
        """A project as coc-mirror wants it: only the team's role browses, every issue is in one level.

        Args:
            key: the project's key.
            team: the members' accounts.
            service: the service's account; it administers the project, to read its roles and schemes.
            lead_account: the project lead, one of the team.
            aliases: what lead and secondary can be set to.
            team_role: the name of the role that may read; team and service are in it.
            level: the name of the security level.
        """
        people = list(aliases)
        fields = {
            "type": self.add_field("Incident type", "select", options=list(IncidentType), context=[key]),
            "impact": self.add_field("Impact", "select", options=_LEVELS, context=[key]),
            "likelihood": self.add_field("Likelihood", "select", options=_LEVELS, context=[key]),
            "risk": self.add_field("Risk", "number", context=[key]),
            "lead": self.add_field("Lead", "select", options=people, context=[key]),
            "secondary": self.add_field("Secondary", "select", options=people, context=[key]),
            "stage": self.add_field("Stage", "select", options=list(Stage), context=[key]),
        }
        readers = Holder("projectRole", team_role)
        project = self.add_project(
            key,
            name="Code of Conduct",
            lead_account=lead_account,
            roles={team_role: [*team, service], "CoC service": [service]},
            browse=[readers],
            grants={"ADMINISTER_PROJECTS": [Holder("projectRole", "CoC service")]},
            levels={level: [readers]},
            default_level=level,
            fields=list(fields.values()),
        )
        parent, subtask = project.types
        return RestrictedProject(
            key=key,
            issue_type_id=parent.id,
            subtask_type_id=subtask.id,
            security_level_id=project.levels[0].id,
            security_scheme_id=project.security_scheme_id or "",
            fields={name: field.id for name, field in fields.items()},
            roles={role.name: role.id for role in self.site.roles.values()},
            team_role=team_role,
        )

    def text_of_everything(self) -> bytes:
        """All that the site holds or was ever sent, to search for what should not be there.

        Every text stands in it as it is as well, without the escapes of JSON.
        """
        parts = [self.site.everything()]
        for exchange in self.wire.journal:
            parts += [f"{exchange.method} {exchange.path}?{exchange.query}".encode(), exchange.request_body]
            try:
                parts += [text.encode() for text in texts_in(json.loads(exchange.request_body or b"{}"))]
            except ValueError:
                continue
        return b"\n".join(parts)

    def _flask(self) -> QuickApp:
        app = QuickApp("sandbox.jira", static_folder=None)
        app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's own provider has it
        for part in (*_DAILY, *_FOR_ADMINS, Pages, DashboardPage):
            app.register_blueprint(part(self).blueprint())

        @app.before_request
        def authenticate() -> None:
            g.user = self._user() if request.path.startswith("/rest/") else None

        @app.errorhandler(Refusal)
        def refuse(refusal: Refusal) -> Response:
            return refusal.answer()

        @app.errorhandler(HTTPException)
        def unknown(error: HTTPException) -> Response | HTTPException:
            if isinstance(error, RequestRedirect):
                return error
            return Refusal(error.code or 500, error.name).answer()

        return app

    def _user(self) -> User | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, encoded = header.partition(" ")
        try:
            email, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise unauthenticated("AUTHENTICATED_FAILED") from None
        for user in self.site.users.values():
            if scheme.casefold() == "basic" and user.email == email and user.token == token:
                return user
        raise unauthenticated("AUTHENTICATED_FAILED")

"""How the Jira stand-in shows what it holds: the JSON of Atlassian's API description, version 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.jira_access import sees_comment, sees_issue
from sandbox.jira_fields import SYSTEM_FIELDS, schema_of
from sandbox.jira_scheme_shapes import SchemeShapes
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sandbox.jira_site import Site
    from sandbox.jira_state import (
        Attachment,
        Comment,
        CustomField,
        Issue,
        IssueType,
        Json,
        Level,
        Project,
        User,
    )

_EXPAND = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
_BRIEF = ("summary", "status", "priority", "issuetype")
_IN_HOOKS = ("summary", "issuetype", "project", "assignee", "priority", "status")
_PRIORITY_ID = "3"


def jira_time(moment: datetime) -> str:
    """A time as Jira writes it: ``2026-11-22T14:00:00.000+0000``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


class Shapes(SchemeShapes):
    """Makes Jira's JSON of what the site holds, for one person, with links to one address."""

    def __init__(
        self, site: Site, base: str, user: User | None, *, version: str = "3", sees_all: bool = False
    ) -> None:
        super().__init__(site, f"{base}/rest/api/{version}")
        self._base = base
        self._user = user
        self._sees_all = sees_all

    def user(self, account_id: str) -> Json:
        """A person, with the mail address hidden as the privacy settings of new accounts do."""
        user = self._site.users[account_id]
        return {
            "self": f"{self._api}/user?accountId={account_id}",
            "accountId": account_id,
            "accountType": "atlassian",
            "avatarUrls": self._avatars(account_id),
            "displayName": user.name,
            "active": True,
            "timeZone": "Etc/UTC",
        }

    def project(self, project: Project) -> Json:
        """A project as ``GET /project/{key}`` shows it."""
        return {
            **self.project_ref(project),
            "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
            "description": "",
            "lead": self.user(project.lead),
            "components": [],
            "versions": [],
            "issueTypes": [self.issue_type(kind) for kind in project.types],
            "assigneeType": "UNASSIGNED",
            "roles": self.roles(project),
            "style": project.style,
            "isPrivate": False,
            "archived": project.archived,
            "properties": {},
        }

    def project_ref(self, project: Project) -> Json:
        """A project inside something else."""
        return {
            "self": f"{self._api}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
            "simplified": project.style != "classic",
            "avatarUrls": self._avatars(project.key),
        }

    def roles(self, project: Project) -> Json:
        """Name and address of every role: roles are site-wide."""
        return {
            role.name: f"{self._api}/project/{project.id}/role/{role.id}"
            for role in self._site.roles.values()
        }

    def role(self, project: Project, role_id: str) -> Json:
        """A role with its actors in one project."""
        return {
            "self": f"{self._api}/project/{project.id}/role/{role_id}",
            "name": self._site.roles[role_id].name,
            "id": int(role_id),
            "description": "",
            "actors": [
                self._actor(number, actor)
                for number, actor in enumerate(project.actors.get(role_id, []), 10240)
            ],
        }

    def _actor(self, number: int, actor: str) -> Json:
        name = actor.removeprefix("group:")
        if name == actor:
            return {
                "id": number,
                "displayName": self._site.users[actor].name,
                "type": "atlassian-user-role-actor",
                "actorUser": {"accountId": actor},
            }
        group = self._site.groups[name]
        return {
            "id": number,
            "displayName": name,
            "type": "atlassian-group-role-actor",
            "name": name,
            "actorGroup": {"name": name, "displayName": name, "groupId": group.id},
        }

    def issue_type(self, kind: IssueType) -> Json:
        """A type of issue."""
        return {
            "self": f"{self._api}/issuetype/{kind.id}",
            "id": kind.id,
            "description": "",
            "iconUrl": f"{self._base}/images/icons/issuetypes/{'subtask' if kind.subtask else 'task'}.svg",
            "name": kind.name,
            "subtask": kind.subtask,
            "hierarchyLevel": -1 if kind.subtask else 0,
        }

    def field(self, field: CustomField | str) -> Json:
        """A field as ``GET /field`` lists it."""
        if isinstance(field, str):
            system = SYSTEM_FIELDS[field]
            shown = {"id": system.id, "key": system.id, "name": system.name, "schema": system.schema}
            return shown | {"custom": False, "clauseNames": [system.id]} | _EVERYWHERE
        number = field.id.rpartition("_")[2]
        shown = {"id": field.id, "key": field.id, "name": field.name, "schema": schema_of(field)}
        return shown | {"custom": True, "clauseNames": [f"cf[{number}]", field.name]} | _EVERYWHERE

    def create_field(self, project: Project, field: str, levels: Iterable[Level]) -> Json:
        """A field as the create meta-data describe it."""
        custom = self._site.fields.get(field)
        shown: Json = {
            "required": field in {"summary", "issuetype", "project", "parent"},
            "schema": schema_of(custom) if custom else SYSTEM_FIELDS[field].schema,
            "name": custom.name if custom else SYSTEM_FIELDS[field].name,
            "key": field,
            "fieldId": field,
            "hasDefaultValue": field == "security" and project.default_level is not None,
            "operations": ["add", "set", "remove"] if field == "labels" else ["set"],
        }
        if custom is not None and custom.kind == "select":
            context = custom.context_for(project.key)
            options = context.options if context else []
            shown["allowedValues"] = [self._option(custom, option.id) for option in options]
        if field == "security":
            shown["allowedValues"] = [self.level(level) for level in levels]
        return shown

    def _option(self, custom: CustomField, option_id: str) -> Json:
        option = next(one for one in custom.options if one.id == option_id)
        return {"self": f"{self._api}/customFieldOption/{option.id}", "value": option.value, "id": option.id}

    def status(self, status: str) -> Json:
        """A status with its category."""
        name, category, number, colour, _ = STATUSES[status]
        return {
            "self": f"{self._api}/status/{status}",
            "description": "",
            "iconUrl": f"{self._base}/images/icons/status_generic.gif",
            "name": name,
            "id": status,
            "statusCategory": {
                "self": f"{self._api}/statuscategory/{number}",
                "id": number,
                "key": category,
                "colorName": colour,
                "name": name,
            },
        }

    def transition(self, status: str) -> Json:
        """The way to a status; every status can be reached from every other."""
        return {
            "id": STATUSES[status][4],
            "name": STATUSES[status][0],
            "to": self.status(status),
            "hasScreen": False,
            "isGlobal": True,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
        }

    def created(self, issue: Issue) -> Json:
        """The answer to a create."""
        return {"id": issue.id, "key": issue.key, "self": f"{self._api}/issue/{issue.id}"}

    def issue(self, issue: Issue, fields: Sequence[str], properties: Sequence[str] = ()) -> Json:
        """An issue with the fields asked for: ids, ``*all``, ``*navigable``, ``-id`` to leave one out."""
        shown: Json = {"expand": _EXPAND, **self.created(issue)}
        shown["fields"] = self.fields(issue, fields)
        if properties:
            everything = "*all" in properties
            shown["properties"] = {
                key: value for key, value in issue.properties.items() if everything or key in properties
            }
        return shown

    def fields(self, issue: Issue, asked: Sequence[str]) -> Json:
        """The values of the fields asked for."""
        every = self._every_field(issue)
        if "*all" in asked:
            chosen = set(every)
        elif "*navigable" in asked or all(name.startswith("-") for name in asked):
            chosen = set(every) - {"comment", "attachment"}
        else:
            chosen = set(asked) & set(every)
        chosen -= {name[1:] for name in asked if name.startswith("-")}
        return {name: value for name, value in every.items() if name in chosen}

    def _every_field(self, issue: Issue) -> Json:
        project = self._site.projects[issue.project]
        level = self._site.level_of(issue)
        shown: Json = {
            "summary": issue.values.get("summary"),
            "issuetype": self.issue_type(self._site.issue_type(issue)),
            "project": self.project_ref(project),
            "description": issue.values.get("description"),
            "labels": issue.values.get("labels", []),
            "duedate": issue.values.get("duedate"),
            "status": self.status(issue.status),
            "priority": self._priority(),
            "resolution": self._resolution(issue),
            "assignee": None,
            "reporter": self.user(issue.reporter),
            "creator": self.user(issue.creator),
            "created": jira_time(issue.created),
            "updated": jira_time(issue.updated),
            "security": self.level(level) if level else None,
            "subtasks": [
                self.brief(one)
                for one in self._site.subtasks(issue)
                if self._sees_all or sees_issue(self._site, self._user, one)
            ],
            "comment": self.comments(issue),
            "attachment": [self.attachment(one) for one in issue.attachments],
        }
        if issue.parent is not None:
            shown["parent"] = self.brief(self._site.issues[issue.parent])
        kind = self._site.issue_type(issue)
        for custom in self._site.fields.values():
            if custom.id in kind.screen:
                shown[custom.id] = self._custom(custom, issue.values.get(custom.id))
        return shown

    def _custom(self, custom: CustomField, value: Any) -> object:  # noqa: ANN401 - as kept, by kind
        if value is None or custom.kind != "select":
            return value
        return self._option(custom, value)

    def _resolution(self, issue: Issue) -> Json | None:
        if STATUSES[issue.status][1] != "done":
            return None
        name = issue.resolution or "Done"
        number = "10000" if name == "Done" else "10001"
        return {"self": f"{self._api}/resolution/{number}", "id": number, "name": name}

    def _priority(self) -> Json:
        return {
            "self": f"{self._api}/priority/{_PRIORITY_ID}",
            "iconUrl": f"{self._base}/images/icons/priorities/medium.svg",
            "name": "Medium",
            "id": _PRIORITY_ID,
        }

    def brief(self, issue: Issue) -> Json:
        """A parent or sub-task inside another issue."""
        every = {
            "summary": issue.values.get("summary"),
            "status": self.status(issue.status),
            "priority": self._priority(),
            "issuetype": self.issue_type(self._site.issue_type(issue)),
        }
        return {**self.created(issue), "fields": {name: every[name] for name in _BRIEF}}

    def in_hook(self, issue: Issue) -> Json:
        """An issue as it stands in a webhook about a comment: six fields."""
        return {**self.created(issue), "fields": {name: self._every_field(issue)[name] for name in _IN_HOOKS}}

    def attachment(self, attachment: Attachment) -> Json:
        """A file of an issue; its content is at another address."""
        return {
            "self": f"{self._api}/attachment/{attachment.id}",
            "id": attachment.id,
            "filename": attachment.filename,
            "author": self.user(attachment.author),
            "created": jira_time(attachment.created),
            "size": len(attachment.content),
            "mimeType": attachment.media_type,
            "content": f"{self._api}/attachment/content/{attachment.id}",
        }

    def comments(self, issue: Issue) -> Json:
        """The comments of an issue as one of its fields."""
        seen = [
            one
            for one in issue.comments
            if self._sees_all or sees_comment(self._site, self._user, one, issue)
        ]
        return {
            "comments": [self.comment(issue, one) for one in seen],
            "self": f"{self._api}/issue/{issue.id}/comment",
            "maxResults": len(seen),
            "total": len(seen),
            "startAt": 0,
        }

    def comment(self, issue: Issue, comment: Comment, *, properties: bool = False) -> Json:
        """A comment; its properties only when they were asked for."""
        shown: Json = {
            "self": f"{self._api}/issue/{issue.id}/comment/{comment.id}",
            "id": comment.id,
            "author": self.user(comment.author),
            "body": comment.body,
            "updateAuthor": self.user(comment.update_author),
            "created": jira_time(comment.created),
            "updated": jira_time(comment.updated),
            "jsdPublic": True,
        }
        if comment.visibility is not None:
            shown["visibility"] = comment.visibility
        if properties:
            shown["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return shown

    def _avatars(self, of: str) -> Json:
        return {f"{size}x{size}": f"{self._base}/avatar/{of}.png?size={size}" for size in (48, 24, 16, 32)}


_EVERYWHERE: Json = {"orderable": True, "navigable": True, "searchable": True}

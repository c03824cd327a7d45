"""Who may do what on the Jira stand-in, as Atlassian documents it.

Site admins administer; that alone shows them no issue. An issue with a security level is not there for
anybody outside the level, and a project that somebody may not browse is not there for them either.
https://support.atlassian.com/jira-cloud-administration/docs/manage-project-permissions/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.jira_state import GLOBAL_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.jira_site import Site
    from sandbox.jira_state import (
        Comment,
        Holder,
        Issue,
        Json,
        Level,
        Project,
        User,
    )

_FOR_SOMEBODY = frozenset({"reporter", "assignee", "userCustomField", "groupCustomField"})
"""Holders that mean one person on each issue. On the project itself they count for everybody who is logged
in: with such a grant, the project shows to all (Atlassian's knowledge base, article 586056400)."""


def has_global(user: User | None, permission: str) -> bool:
    """Whether somebody holds a global permission. All who are logged in may browse users."""
    return user is not None and (user.site_admin or permission != "ADMINISTER")


def holds_global(site: Site, user: User | None, permission: str) -> bool:
    """The same, with whom the site's admins let share filters and dashboards."""
    return may_share(site, user) if permission == "CREATE_SHARED_OBJECTS" else has_global(user, permission)


def may_share(site: Site, user: User | None) -> bool:
    """Whether somebody may share filters and dashboards."""
    return user is not None and (site.sharers is None or user.account_id in site.sharers)


def may(site: Site, user: User | None, permission: str, project: Project, issue: Issue | None = None) -> bool:
    """Whether somebody holds a permission in a project, or for one issue of it."""
    if permission in GLOBAL_PERMISSIONS:
        return holds_global(site, user, permission)
    grants = (grant.holder for grant in project.grants if grant.permission == permission)
    return any(is_holder(site, user, holder, project, issue) for holder in grants)


def is_holder(
    site: Site, user: User | None, holder: Holder, project: Project, issue: Issue | None = None
) -> bool:
    """Whether a holder means this person."""
    if user is None or holder.type == "anyone":
        return holder.type == "anyone"
    account, named = user.account_id, holder.parameter
    match holder.type:
        case "projectRole":
            role = site.role_named(named)
            held = role is not None and in_role(site, account, role.id, project)
        case "group":
            held = named in site.groups and account in site.groups[named].members
        case "user" | "projectLead":
            held = account == (named if holder.type == "user" else project.lead)
        case "reporter" if issue is not None:
            held = issue.reporter == account
        case _:
            held = holder.type == "applicationRole" or (holder.type in _FOR_SOMEBODY and issue is None)
    return held


def in_role(site: Site, account: str, role_id: str, project: Project) -> bool:
    """Whether an account acts in a project's role, by itself or by a group."""
    for actor in project.actors.get(role_id, []):
        name = actor.removeprefix("group:")
        if actor == account or (name != actor and account in site.groups[name].members):
            return True
    return False


def in_level(site: Site, user: User | None, level: Level, project: Project, issue: Issue | None) -> bool:
    """Whether somebody is in a security level."""
    return any(
        is_holder(site, user, holder, project, issue)
        for holder in level.holders
        if issue is not None or holder.type not in _FOR_SOMEBODY
    )


def sees_project(site: Site, user: User | None, project: Project) -> bool:
    """Whether a project is there for somebody: they may browse or administer it, or are site admin."""
    return may(site, user, "BROWSE_PROJECTS", project) or administers(site, user, project)


def administers(site: Site, user: User | None, project: Project) -> bool:
    """Whether somebody may read and change a project's schemes and roles."""
    return has_global(user, "ADMINISTER") or may(site, user, "ADMINISTER_PROJECTS", project)


def sees_issue(site: Site, user: User | None, issue: Issue) -> bool:
    """Whether an issue is there for somebody."""
    project = site.projects[issue.project]
    if not may(site, user, "BROWSE_PROJECTS", project, issue):
        return False
    level = site.level_of(issue)
    return level is None or in_level(site, user, level, project, issue)


def sees_comment(site: Site, user: User | None, comment: Comment, issue: Issue) -> bool:
    """Whether a comment is there for somebody who sees the issue."""
    return comment.visibility is None or may_limit_to(site, user, comment.visibility, issue)


def may_limit_to(site: Site, user: User | None, visibility: Json, issue: Issue) -> bool:
    """Whether somebody is in the role or group a comment is limited to: only they may limit it so."""
    if user is None:
        return False
    name = str(visibility.get("value", ""))
    if visibility.get("type") == "role":
        role = site.role_named(name)
        return role is not None and in_role(site, user.account_id, role.id, site.projects[issue.project])
    return name in site.groups and user.account_id in site.groups[name].members


def levels_for(site: Site, user: User | None, project: Project) -> Iterator[Level]:
    """The levels somebody may set: they hold Set Issue Security and are in the level themselves."""
    if may(site, user, "SET_ISSUE_SECURITY", project):
        yield from (level for level in project.levels if in_level(site, user, level, project, None))


def can_view(site: Site, issue: Issue) -> list[User]:
    """Everybody who sees an issue."""
    return [user for user in site.users.values() if sees_issue(site, user, issue)]

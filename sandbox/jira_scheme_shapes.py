"""How the Jira stand-in shows its schemes: permissions, security levels, and who holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.jira_state import SecurityScheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.jira_site import Site
    from sandbox.jira_state import (
        Grant,
        Holder,
        Json,
        Level,
        Project,
    )


class SchemeShapes:
    """The part of :class:`sandbox.jira_shapes.Shapes` that is about schemes.

    Args:
        site: what there is.
        api: the address of the API.
    """

    def __init__(self, site: Site, api: str) -> None:
        self._site = site
        self._api = api

    def permission_scheme(self, project: Project, *, grants: bool) -> Json:
        """A project's permission scheme; the grants only when they were asked for."""
        return self.scheme(project.scheme_id, project.scheme_name, project.grants if grants else None)

    def scheme(self, scheme_id: int, name: str, grants: Sequence[Grant] | None) -> Json:
        """A permission scheme, with these grants."""
        shown = {
            "expand": "permissions,user,group,projectRole,field,all",
            "id": scheme_id,
            "self": f"{self._api}/permissionscheme/{scheme_id}",
            "name": name,
            "description": "",
        }
        if grants is None:
            return shown
        return {**shown, "permissions": [self.grant(scheme_id, one) for one in grants]}

    def grant(self, scheme_id: int, grant: Grant) -> Json:
        """One line of a permission scheme."""
        return {
            "id": grant.id,
            "self": f"{self._api}/permissionscheme/{scheme_id}/permission/{grant.id}",
            "holder": self.holder(grant.holder),
            "permission": grant.permission,
        }

    def holder(self, holder: Holder) -> Json:
        """Who holds something: roles by id, groups by name and id, users by account."""
        shown: Json = {"type": holder.type}
        if holder.type == "projectRole":
            role = self._site.role_named(holder.parameter)
            identifier = role.id if role is not None else holder.parameter
            shown |= {"parameter": identifier, "value": identifier, "expand": "projectRole"}
        elif holder.type == "group":
            group = self._site.groups[holder.parameter]
            shown |= {"parameter": group.name, "value": group.id, "expand": "group"}
        elif holder.parameter:
            shown |= {"parameter": holder.parameter, "value": holder.parameter, "expand": "user"}
        return shown

    def security_scheme(self, project: Project) -> Json:
        """A project's issue security scheme with its levels."""
        known = self._site.security_schemes.get(project.security_scheme_id or "")
        name = known.name if known is not None else f"{project.key} security"
        scheme = SecurityScheme(
            project.security_scheme_id or "0", name, project.levels, project.default_level
        )
        return self.security(scheme, levels=True)

    def security(self, scheme: SecurityScheme, *, levels: bool) -> Json:
        """An issue security scheme."""
        shown: Json = {
            "self": f"{self._api}/issuesecurityschemes/{scheme.id}",
            "id": int(scheme.id),
            "name": scheme.name,
            "description": "",
        }
        if scheme.default_level is not None:
            shown["defaultSecurityLevelId"] = int(scheme.default_level)
        return shown | ({"levels": [self.level(level) for level in scheme.levels]} if levels else {})

    def level(self, level: Level) -> Json:
        """A security level."""
        return {
            "self": f"{self._api}/securitylevel/{level.id}",
            "id": level.id,
            "description": "",
            "name": level.name,
        }

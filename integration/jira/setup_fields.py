"""The set-up of what a ticket is made of: its two types, seven custom fields, and the screens these stand on.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-contexts/
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from integration.jira.setup_parts import Lack, Part, later
from integration.jira.wanted import (
    STEP_SCREEN,
    STEP_TYPE,
    TICKET_SCREEN,
    TICKET_TYPE,
    wanted_fields,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from integration.jira.fields import Json
    from integration.jira.wanted import WantedField

_ABOUT = "For coc-mirror; the service writes it."
_AUTOMATIC = "Default Configuration Scheme for "
"""How Jira names the context for all projects that it makes with each new field."""


class TypesPart(Part):
    """A standard type for incidents and a sub-task type for steps."""

    def lacks(self) -> Iterator[Lack]:
        """One read if the project has both types; two otherwise."""
        project = self._admin.classic_project()
        used = self._admin.objects(project.get("issueTypes"), "read the project's types")
        self._found.types.clear()
        every: list[Json] | None = None
        for name, subtask in ((TICKET_TYPE, False), (STEP_TYPE, True)):
            there = _named(used, name)
            if there is None:
                if every is None:
                    every = self._admin.read_list("issuetype", what="list the types of ticket")
                yield from self._missing(name, subtask=subtask, made=_named(every, name))
            elif there.get("subtask") is not subtask:
                yield _wrong_kind(name, subtask=subtask)
            else:
                self._found.types[name] = str(there.get("id"))

    def _missing(self, name: str, *, subtask: bool, made: Json | None) -> Iterator[Lack]:
        kind = "sub-task" if subtask else "standard"
        if made is None:
            body = {"name": name, "description": _ABOUT, "type": "subtask" if subtask else "standard"}
            make = partial(self._admin.write, "issuetype", body, what="make a type of ticket")
            yield Lack(f"type:{name}", f"make the {kind} type {name!r}", make)
        elif made.get("subtask") is not subtask:
            yield _wrong_kind(name, subtask=subtask)
            return
        use = partial(self._use, str(made.get("id")) if made else "")
        yield Lack(f"type-used:{name}", f"let the project have tickets of the type {name!r}", use)

    def _use(self, type_id: str) -> None:
        if not type_id:
            return
        scheme = self._admin.read_only_one(
            "issuetypescheme/project",
            what="read the project's type scheme",
            query={"projectId": self._found.project_id},
        )
        scheme_id = (scheme.get("issueTypeScheme") or {}).get("id")
        self._admin.change(
            f"issuetypescheme/{scheme_id}/issuetype", {"issueTypeIds": [type_id]}, what="add a type of ticket"
        )


def _named(types: list[Json], name: str) -> Json | None:
    """The type of this name; those of team-managed projects have a scope and are theirs alone."""
    return next((one for one in types if one.get("name") == name and not one.get("scope")), None)


def _wrong_kind(name: str, *, subtask: bool) -> Lack:
    return Lack(
        f"type-kind:{name}",
        f"the site has a type {name!r} that is {'no' if subtask else 'a'} sub-task type",
        by_hand=f"In Jira: Settings, Issues, Issue types; give {name!r} another name, and set up again. "
        "Jira cannot change a type's kind.",
    )


class FieldsPart(Part):
    """Seven custom fields for this project alone, with their options. An option that nobody needs any more stays."""

    def lacks(self) -> Iterator[Lack]:
        """One read for all, and three for each field that is there."""
        return self._lacks(wanted_fields(self._plan.aliases))

    def lacks_of(self, key: str) -> Iterator[Lack]:
        """What is lacking of the one field that the key is about."""
        chosen = [one for one in wanted_fields(self._plan.aliases) if one.key == key.rpartition(":")[2]]
        return self._lacks(chosen)

    def _lacks(self, fields: Sequence[WantedField]) -> Iterator[Lack]:
        known = self._admin.read_list("field", what="list the fields")
        for wanted in fields:
            named = [one for one in known if one.get("name") == wanted.name and one.get("custom") is True]
            right = [one for one in named if (one.get("schema") or {}).get("custom") == wanted.type]
            self._found.fields[wanted.name] = str(right[0].get("id")) if right else ""
            if named and not right:
                yield Lack(
                    f"field-kind:{wanted.key}",
                    f"the field {wanted.name!r} is of another kind than is needed",
                    by_hand=f"In Jira: Settings, Issues, Custom fields; give {wanted.name!r} another name, and set up again.",
                )
                continue
            if right:
                yield from self._context(wanted, self._found.fields[wanted.name])
                continue
            kind = f"select field with {', '.join(wanted.options)}" if wanted.options else "number field"
            yield Lack(
                f"field:{wanted.key}",
                f"make {wanted.name!r} for this project alone: a {kind}",
                partial(self._make, wanted),
            )

    def _make(self, wanted: WantedField) -> None:
        body = {
            "name": wanted.name,
            "description": _ABOUT,
            "type": wanted.type,
            "searcherKey": wanted.searcher,
        }
        field_id = str(self._admin.write("field", body, what="make a field").get("id"))
        self._found.fields[wanted.name] = field_id
        for _ in ("where it is for", "its options, which belong to that"):
            for lack in list(self._context(wanted, field_id)):
                if lack.write is not None:
                    lack.write()

    def _context(self, wanted: WantedField, field_id: str) -> Iterator[Lack]:
        path = f"field/{field_id}/context"
        what = "read what a field is for"
        contexts = self._admin.read_pages(path, what=what)
        own = self._own_context(path, what)
        if not own:
            body = {
                "name": f"CoC {self._plan.space.project}",
                "description": _ABOUT,
                "projectIds": [self._found.project_id],
                "issueTypeIds": [],
            }
            yield Lack(
                f"context:{wanted.key}",
                f"let the field {wanted.name!r} be for the project",
                partial(self._admin.write, path, body, what="say what a field is for"),
            )
        for one in contexts:
            if one.get("isGlobalContext") is True:
                yield self._for_all(wanted, path, one)
        if wanted.options:
            yield from self._options(wanted, f"{path}/{own}/option", made=bool(own))

    def _own_context(self, path: str, what: str) -> str:
        lines = self._admin.read_pages(f"{path}/projectmapping", what=what)
        ours = [one for one in lines if str(one.get("projectId")) == self._found.project_id]
        return str(ours[0].get("contextId")) if ours else ""

    def _for_all(self, wanted: WantedField, path: str, context: Json) -> Lack:
        what = f"let the field {wanted.name!r} be for no other project"
        key = f"context-for-all:{wanted.key}"
        if not str(context.get("name", "")).startswith(_AUTOMATIC):
            # Somebody made it: to delete it would delete what other projects' tickets have in the field.
            return Lack(
                key,
                what,
                by_hand=f"In Jira: Settings, Issues, Custom fields, {wanted.name!r}, Contexts; see which projects use "
                f"the context {context.get('name')!r}, and delete it or limit it to them.",
            )
        delete = partial(
            self._admin.delete, f"{path}/{context.get('id')}", what="limit a field to the project"
        )
        return Lack(key, what, delete)

    def _options(self, wanted: WantedField, path: str, *, made: bool) -> Iterator[Lack]:
        listed = self._admin.read_pages(path, what="read a field's options", page=100) if made else []
        there = {one.get("value") for one in listed if one.get("disabled") is not True}
        if lacking := [value for value in wanted.options if value not in there]:
            body = {"options": [{"value": value, "disabled": False} for value in lacking]}
            yield Lack(
                f"options:{wanted.key}",
                f"give the field {wanted.name!r} the options {', '.join(lacking)}",
                partial(self._admin.write, path, body, what="make a field's options") if made else later,
            )


class ScreensPart(Part):
    """What can be set on a ticket and a step must be on their screens, or Jira drops or refuses it."""

    def lacks(self) -> Iterator[Lack]:
        """Two reads, one for each scheme of screens, and two or more for each screen."""
        ours = {
            self._found.fields.get(one.name) or one.name: one.name
            for one in wanted_fields(self._plan.aliases)
        }
        wanted: dict[int, dict[str, str]] = {}
        for screen in self._screens(TICKET_TYPE):
            wanted.setdefault(screen, {}).update({one: one for one in TICKET_SCREEN} | ours)
        for screen in self._screens(STEP_TYPE):
            wanted.setdefault(screen, {}).update({one: one for one in STEP_SCREEN})
        for screen, fields in wanted.items():
            yield from self._screen(screen, fields)

    def _screens(self, name: str) -> list[int]:
        """The screens on which tickets of a type are made, edited and seen."""
        what = "read the project's screens"
        scheme = self._admin.read_only_one(
            "issuetypescreenscheme/project", what=what, query={"projectId": self._found.project_id}
        )
        scheme_id = (scheme.get("issueTypeScreenScheme") or {}).get("id")
        lines = self._admin.read_pages(
            "issuetypescreenscheme/mapping", what=what, query={"issueTypeScreenSchemeId": str(scheme_id)}
        )
        by_type = {str(one.get("issueTypeId")): str(one.get("screenSchemeId")) for one in lines}
        chosen = by_type.get(self._found.types.get(name, ""), by_type.get("default", ""))
        screens = self._admin.read_only_one("screenscheme", what=what, query={"id": chosen})
        return _ids_of_screens(screens.get("screens") or {})

    def _screen(self, screen: int, wanted: Mapping[str, str]) -> Iterator[Lack]:
        what = "read a screen"
        tabs = self._admin.read_list(f"screens/{screen}/tabs", what=what)
        there = {
            one.get("id")
            for tab in tabs
            for one in self._admin.read_list(f"screens/{screen}/tabs/{tab.get('id')}/fields", what=what)
        }
        if lacking := {key: name for key, name in wanted.items() if key not in there}:
            path = f"screens/{screen}/tabs/{tabs[0].get('id')}/fields"
            yield Lack(
                f"screen:{screen}",
                f"put onto the screen {screen} of the project: {', '.join(lacking.values())}",
                partial(self._put, path, list(lacking)),
            )

    def _put(self, path: str, fields: list[str]) -> None:
        ids = set(self._found.fields.values()) | {*TICKET_SCREEN, *STEP_SCREEN}
        for one in (field for field in fields if field in ids):  # a name: that field is not made yet
            self._admin.write(path, {"fieldId": one}, what="put a field onto a screen")


def _ids_of_screens(screens: Json) -> list[int]:
    default = screens.get("default")
    found = [screens.get(use) or default for use in ("create", "edit", "view")]
    return list(dict.fromkeys(one for one in found if isinstance(one, int)))

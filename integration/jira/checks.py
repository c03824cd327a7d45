"""What ``coc-server doctor`` finds out about a Jira project: each assumption of ours, held against the site.

:func:`jira_checks` is a generator, so that each finding is shown as it comes. A finding that could not be made is UNKNOWN
with what to do, never PASS. The service's account reads most of it; what only a Jira admin can read needs an admin's
credential, and whether people outside are really kept out is tried with a second one that has no rights at all
(:mod:`integration.jira.canary`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.jira.admin import JiraAdmin, holds, status_for_strangers
from integration.jira.admin_checks import AdminChecks
from integration.jira.canary import Canary
from integration.jira.findings import found, guarded
from integration.jira.setup_people import mailing_events
from integration.jira.wanted import (
    BOT_NEVER,
    BOT_RIGHTS,
    STEP_SCREEN,
    TICKET_SCREEN,
    read_grants,
    wanted_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from integration.jira.admin import Credential
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

_HIDDEN = {401, 404}
_UNTRIED = {
    "untried-apps": (
        "which installed apps can read the project: no call of Jira's says so to a site's own admin",
        "In Jira: Apps, Manage apps; remove what the team does not need, and see that none acts for another company.",
    ),
    "untried-automation": (
        "which automation rules send tickets elsewhere: no call of Jira's says so",
        "In Jira: Settings, System, Global automation; look at each rule that covers all projects or this one.",
    ),
    "untried-copies": (
        "who holds backups and exports of the site",
        "Ask the site's admins. Such a copy holds what every member sees in Jira, and diaries as ciphertext.",
    ),
    "untried-limits": (
        "how this site counts 32,767 characters of a comment, and whether sub-tasks count as writes to their parent",
        "Nothing to do: the service stays below both by a margin, and says so if Jira refuses.",
    ),
}
"""What no call can show. It was never run against a real Jira, either."""


def jira_checks(
    space: JiraSpace,
    *,
    admin: Credential | None,
    bot: Credential,
    outsider: Credential | None,
    aliases: Iterable[str] = (),
    hook_url: str | None = None,
) -> Iterator[Check]:
    """Every check of one Jira project, one after another; some thirty calls, and at most four writes.

    The writes are to one canary ticket, made by the service's account with the security level, found again by its
    label the next time, and left closed. It holds nothing of a report.

    Args:
        space: the ticket space as it is configured.
        admin: a Jira admin's credential, kept in memory only; None leaves what it would show UNKNOWN.
        bot: the service's own (the space's e-mail address and token).
        outsider: of an account of the site that is in no role, group or level of the project; None leaves what it
            would try UNKNOWN.
        aliases: the roster's, which lead and secondary must offer.
        hook_url: where Jira's events go, if they do; without it, our webhook is known by its name.

    Raises:
        ConfigError: a credential cannot be sent at all. Whatever a host says becomes a check instead.
    """
    client = JiraAdmin(space, bot)
    for key, check in _Checks(client, space, tuple(aliases)).all():
        yield from guarded(key, check)
    if admin is None:
        yield Check(
            "admin",
            Outcome.UNKNOWN,
            "members of the security level, contexts of the fields and webhooks were not read: only a Jira admin can",
            "Run it again with a Jira admin's e-mail address and token.",
        )
    else:
        for key, check in AdminChecks(JiraAdmin(space, admin), space, hook_url).all():
            yield from guarded(key, check)
    yield from Canary(client, space, outsider).checks()
    for key, (what, step) in _UNTRIED.items():
        yield Check(key, Outcome.UNKNOWN, what, step)


class _Checks:
    """What the service's own account can see."""

    def __init__(self, client: JiraAdmin, space: JiraSpace, aliases: tuple[str, ...]) -> None:
        self._client = client
        self._space = space
        self._aliases = aliases
        self._own = ""

    def all(self) -> tuple[tuple[str, Callable[[], Iterator[Check]]], ...]:
        """Each with its key, in the order in which they are told."""
        return (
            ("bot-login", self._login),
            ("project", self._project),
            ("strangers", self._strangers),
            ("bot-rights", self._rights),
            ("permission-scheme", self._scheme),
            ("security-level", self._level),
            ("notification-scheme", self._mails),
            ("screens", self._screens),
        )

    def _login(self) -> Iterator[Check]:
        self._own = self._client.account()
        yield Check("bot-login", Outcome.PASS, f"the service's token is that of the account {self._own}")

    def _project(self) -> Iterator[Check]:
        project = self._client.classic_project()
        yield Check("project", Outcome.PASS, "the project is company-managed and in use")
        types = {
            one.get("id"): one.get("subtask")
            for one in project.get("issueTypes") or []
            if isinstance(one, dict)
        }
        wanted = {self._space.issue_type_id: False, self._space.subtask_type_id: True}
        yield found(
            "types",
            (
                f"the type {one} is not in the project, or is {'no' if subtask else 'a'} sub-task type"
                for one, subtask in wanted.items()
                if types.get(one) is not subtask
            ),
            "the project has both types of ticket",
            "Compare issue_type_id and subtask_type_id with the project, or run coc-server setup jira.",
        )

    def _strangers(self) -> Iterator[Check]:
        status = status_for_strangers(self._space)
        if status in _HIDDEN:
            yield Check("strangers", Outcome.PASS, f"without a login the project is not there ({status})")
        elif status in range(200, 300):
            yield Check(
                "strangers",
                Outcome.FAIL,
                "everybody on the internet can see that the project is there",
                "Take the right to browse away from the public: coc-server setup jira makes a scheme without it.",
            )
        else:
            yield Check(
                "strangers",
                Outcome.UNKNOWN,
                f"Jira answered {status} to somebody without a login",
                "Try again later.",
            )

    def _rights(self) -> Iterator[Check]:
        asked = ",".join(dict.fromkeys((*BOT_RIGHTS, *BOT_NEVER, "ADMINISTER")))
        held = self._client.read(
            "mypermissions",
            what="read the service's own rights",
            query={"projectKey": self._space.project, "permissions": asked},
        )
        yield found(
            "bot-rights",
            (f"the service's account lacks the right {one}" for one in BOT_RIGHTS if not holds(held, one)),
            "the service's account has every right it needs",
            "Give it through the role that it is alone in, or run coc-server setup jira.",
        )
        yield found(
            "bot-not-more",
            (
                f"the service's account holds {one}, which it never needs"
                for one in (*BOT_NEVER, "ADMINISTER")
                if holds(held, one)
            ),
            "the service's account holds no right that could do harm beyond the project",
            "Take it away: whoever stole the service's token could use it.",
        )

    def _scheme(self) -> Iterator[Check]:
        what = "read the project's permission scheme"
        path = f"project/{self._space.project}/permissionscheme"
        lines = read_grants(self._client.read(path, what=what, query={"expand": "permissions,group"}))
        if lines is None:
            raise self._client.unreadable(what)
        allowed = {("projectRole", one) for one in self._space.browse_roles}
        allowed |= {("group", one) for one in self._space.browse_groups}
        step = "Take these lines out of the permission scheme, or run coc-server setup jira."
        yield found(
            "browsing",
            (
                f"the scheme has {line}"
                for line in lines
                if line.right == "BROWSE_PROJECTS" and (line.kind, line.holder) not in allowed
            ),
            "only the configured roles and groups may browse the project",
            step,
        )
        commenting = [(line.kind, line.holder) for line in lines if line.right == "ADD_COMMENTS"]
        yield found(
            "only-bot-comments",
            (why for holder in dict.fromkeys(commenting) for why in self._others(*holder)),
            "only the service's account may comment, so nobody writes in clear on a ticket by mistake",
            step,
        )

    def _others(self, kind: str, holder: str) -> Iterator[str]:
        """Whom a right is granted to beside the service's account."""
        if kind == "projectRole":
            path = f"project/{self._space.project}/role/{holder}"
            actors = self._client.objects(
                self._client.read(path, what="read a project role").get("actors"), "read a project role"
            )
            accounts = [(one.get("actorUser") or {}).get("accountId") for one in actors]
            if any(one != self._own for one in accounts):
                yield f"the role {holder}, which others are in too, may comment"
        elif (kind, holder) != ("user", self._own):
            yield f"{kind} {holder}".rstrip() + " may comment"

    def _level(self) -> Iterator[Check]:
        listed = self._client.read(
            f"project/{self._space.project}/securitylevel", what="read the project's security levels"
        ).get("levels")
        ids = {one.get("id") for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)}
        level = self._space.security_level_id
        yield found(
            "security-level",
            [] if level in ids else [f"the service's account may not set the security level {level}"],
            "the service's account may set the security level",
            "Put it into the level, and give it the right Set Issue Security: coc-server setup jira does both.",
        )
        scheme = self._client.read_or_none(
            f"project/{self._space.project}/issuesecuritylevelscheme",
            what="read the project's security scheme",
        )
        default = str((scheme or {}).get("defaultSecurityLevelId"))
        yield found(
            "security-default",
            []
            if default == level
            else ["a ticket that somebody makes by hand does not get the security level"],
            "a ticket that somebody makes by hand gets the security level, too",
            "Make the level its scheme's default: coc-server setup jira does it.",
        )

    def _mails(self) -> Iterator[Check]:
        scheme = self._client.read_or_none(
            f"project/{self._space.project}/notificationscheme",
            what="read the project's notification scheme",
            query={"expand": "all"},
        )
        events = mailing_events(scheme or {})
        yield found(
            "notification-scheme",
            [f"Jira mails somebody at {events} kinds of event"] if events else [],
            "Jira mails nobody about tickets of the project",
            "Give the project a notification scheme without recipients: coc-server setup jira does it.",
        )

    def _screens(self) -> Iterator[Check]:
        ids = self._space.fields
        ticket, step = (
            self._settable(kind) for kind in (self._space.issue_type_id, self._space.subtask_type_id)
        )
        advice = "Put it onto the screens for create and edit, or run coc-server setup jira."
        lacking = [one for one in TICKET_SCREEN if one not in ticket]
        lacking += [one.key for one in wanted_fields(self._aliases) if getattr(ids, one.key) not in ticket]
        yield found(
            "screens",
            [
                *(f"{one} cannot be set on a ticket" for one in lacking),
                *(f"{one} cannot be set on a step" for one in STEP_SCREEN if one not in step),
            ],
            "every field can be set where the service sets it",
            advice,
        )
        yield found(
            "options",
            (
                f"the field for {one.key} lacks {value!r}"
                for one in wanted_fields(self._aliases)
                for value in one.options
                if value not in _values(ticket.get(getattr(ids, one.key), {}))
            ),
            "every select field has its options",
            "Add them to the field's context of the project, spelt exactly so, or run coc-server setup jira.",
        )

    def _settable(self, kind: str) -> dict[str, Json]:
        """What the service's account can set when it makes a ticket of a type."""
        path, what = f"issue/createmeta/{self._space.project}/issuetypes/{kind}", "read what a ticket takes"
        fields: dict[str, Json] = {}
        total = 1
        while len(fields) < total:
            page = self._client.read(path, what=what, query={"startAt": len(fields), "maxResults": 200})
            listed = self._client.objects(page.get("fields"), what)
            fields |= {str(one.get("fieldId")): one for one in listed}
            total = page.get("total", 0) if listed and isinstance(page.get("total"), int) else 0
        return fields


def _values(field: Json) -> set[object]:
    listed = field.get("allowedValues")
    return {one.get("value") for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)}

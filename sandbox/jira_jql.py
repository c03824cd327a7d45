"""The small part of Jira's query language that our hosts and people's tools use.

``project = COC AND labels in ("a", "b") AND created >= "2026-11-22 14:00" ORDER BY created DESC``: fields,
``= != in not in >= <= > <``, AND, OR, NOT, brackets, quotes. Anything else is refused as Jira would.
https://support.atlassian.com/jira-software-cloud/docs/use-advanced-search-with-jira-query-language-jql/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.jira_refusal import Refusal
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.jira_site import Site
    from sandbox.jira_state import Issue

    Test = Callable[[Issue], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|>=|<=|[=<>(),])|(?P<word>[^\s"'=!<>(),]+))"""
)
_TIMES = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_RELATIVE = re.compile(r"-(\d+)([wdhm])\Z")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_ALIASES = {"issuekey": "key", "issue": "key", "type": "issuetype", "label": "labels"}
_FIELDS = frozenset(
    {"project", "labels", "key", "id", "issuetype", "parent", "status", "created", "updated", "summary",
     "duedate", "statuscategory"}
)  # fmt: skip
_DATES = frozenset({"created", "updated", "duedate"})
_CUSTOM = re.compile(r"cf\[(\d+)\]\Z")


@dataclass(frozen=True, slots=True)
class Query:
    """A query: which issues, and in which order (pairs of field and "descending")."""

    test: Test
    order: tuple[tuple[str, bool], ...]

    def run(self, issues: list[Issue]) -> list[Issue]:
        """The issues that fit, in order; without one, the newest first."""
        found = [issue for issue in issues if self.test(issue)]
        for name, descending in reversed(self.order or (("created", True),)):
            found.sort(key=lambda issue: _sort_key(issue, name), reverse=descending)
        return found


def parse(site: Site, jql: str, *, now: datetime, visible: Callable[[str], bool]) -> Query:
    """A query that can be run.

    Args:
        site: for the names of types and parents.
        jql: the query's text.
        now: for relative dates.
        visible: whether a project with this key is there for the person who asks.

    Raises:
        Refusal: 400 for what Jira would not understand, or for a query without any restriction.
    """
    return _Parser(site, jql, now, visible).query()


class _Parser:
    def __init__(self, site: Site, jql: str, now: datetime, visible: Callable[[str], bool]) -> None:
        self._site = site
        self._now = now
        self._visible = visible
        self._tokens = _tokens(jql)
        self._at = 0

    def query(self) -> Query:
        if self._peek() in {"", "order"}:
            raise Refusal(
                400,
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
            )
        test = self._either()
        order: list[tuple[str, bool]] = []
        if self._accept("order"):
            self._expect("by")
            while True:
                name = self._field()
                order.append((name, self._peek() == "desc"))
                if self._peek() in {"asc", "desc"}:
                    self._next()
                if not self._accept(","):
                    break
        if self._peek():
            raise self._error()
        return Query(test, tuple(order))

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda issue: any(test(issue) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._accept("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda issue: all(test(issue) for test in tests)

    def _one(self) -> Test:
        if self._accept("not"):
            inner = self._one()
            return lambda issue: not inner(issue)
        if self._accept("("):
            test = self._either()
            self._expect(")")
            return test
        return self._clause()

    def _clause(self) -> Test:
        name = self._field()
        if name in _DATES:
            return self._date_clause(name)
        negated = self._accept("not")
        sign = self._next()
        if sign == "in":
            self._expect("(")
            wanted = [self._value(name)]
            while self._accept(","):
                wanted.append(self._value(name))
            self._expect(")")
        elif sign in {"=", "!="} and not negated:
            negated = sign == "!="
            wanted = [self._value(name)]
        else:
            raise self._error()
        lowered = {text.casefold() for text in wanted}
        if negated:
            return lambda issue: not lowered & _values(self._site, issue, name)
        return lambda issue: bool(lowered & _values(self._site, issue, name))

    def _date_clause(self, name: str) -> Test:
        sign = self._next()
        moment = self._moment(self._value(name))
        compare: dict[str, Callable[[datetime], bool]] = {
            ">=": lambda time: time >= moment,
            "<=": lambda time: time <= moment,
            ">": lambda time: time > moment,
            "<": lambda time: time < moment,
        }
        if sign not in compare:
            raise self._error()

        def test(issue: Issue) -> bool:
            time = _time(issue, name)
            return time is not None and compare[sign](time)

        return test

    def _moment(self, text: str) -> datetime:
        if text in {"now", "startOfDay"}:
            self._expect("(")
            self._expect(")")
            return (
                self._now if text == "now" else self._now.replace(hour=0, minute=0, second=0, microsecond=0)
            )
        relative = _RELATIVE.match(text)
        if relative:
            return self._now - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        for form in _TIMES:
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise Refusal(
            400,
            f"Date value '{text}' for field 'created' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
            "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.",
        )

    def _value(self, name: str) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if not token or token in {"(", ")", ",", "=", "!="}:
            raise self._error()
        self._at += 1
        text = re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token
        if name == "project":
            project = self._site.project(text)
            if project is None or not self._visible(project.key):
                raise Refusal(400, f"The value '{text}' does not exist for the field 'project'.")
            return project.key
        return text

    def _field(self) -> str:
        raw = self._next()
        name = _ALIASES.get(raw, raw)
        custom = _CUSTOM.match(name)
        if custom and f"customfield_{custom[1]}" in self._site.fields:
            return f"customfield_{custom[1]}"
        if name not in _FIELDS:
            raise Refusal(400, f"Field '{raw}' does not exist or you do not have permission to view it.")
        return name

    def _peek(self) -> str:
        return self._tokens[self._at].casefold() if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error()

    def _error(self) -> Refusal:
        token = self._tokens[min(self._at, len(self._tokens) - 1)] if self._tokens else ""
        return Refusal(400, f"Error in the JQL Query: Expecting operator or value but got '{token}'.")


def _tokens(jql: str) -> list[str]:
    tokens: list[str] = []
    place = 0
    while jql[place:].strip():
        match = _TOKEN.match(jql, place)
        if match is None:
            raise Refusal(
                400,
                f"Error in the JQL Query: The character '{jql[place:].strip()[0]}' is a reserved JQL character.",
            )
        tokens.append(match[0].strip())
        place = match.end()
    return tokens


def _values(site: Site, issue: Issue, name: str) -> set[str]:
    match name:
        case "project":
            found = [issue.project]
        case "labels":
            found = issue.values.get("labels", [])
        case "key":
            found = [issue.key, issue.id]
        case "id":
            found = [issue.id]
        case "issuetype":
            found = [site.issue_type(issue).name, issue.type_id]
        case "parent":
            parent = site.issues.get(issue.parent or "")
            found = [parent.id, parent.key] if parent else []
        case "statuscategory":
            found = [_CATEGORIES[STATUSES[issue.status][1]], STATUSES[issue.status][1]]
        case "status":
            found = [STATUSES[issue.status][0], issue.status]
        case _:
            value = str(issue.values.get(name) or "")
            field = site.fields.get(name)
            options = {option.id: option.value for option in field.options} if field else {}
            found = [value, options.get(value, value)] if value else []
    return {text.casefold() for text in found}


_CATEGORIES = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}


def _time(issue: Issue, name: str) -> datetime | None:
    """A date of an issue; a due date has no time of day, and may be missing."""
    if name != "duedate":
        time: datetime = getattr(issue, name)
        return time
    due = issue.values.get("duedate")
    return datetime.strptime(str(due), "%Y-%m-%d").replace(tzinfo=UTC) if due else None


def _sort_key(issue: Issue, name: str) -> tuple[object, ...]:
    if name in {"created", "updated"}:
        return (getattr(issue, name), int(issue.id))
    if name in {"key", "id"}:
        return (issue.project, int(issue.key.rpartition("-")[2]))
    return (str(issue.values.get(name, "")), int(issue.id))

"""``/jira/dashboards/<id>``: a dashboard as a person sees it, each gadget counted from the tickets that person may see.

``?as=<account id>`` says who looks, as on the other pages. No scripts: the charts are drawn here, as SVG.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sandbox.jira_access import sees_issue, sees_project
from sandbox.jira_api import on
from sandbox.jira_jql import parse
from sandbox.jira_pages import Pages
from sandbox.jira_refusal import Refusal
from sandbox.jira_shares import sees_dashboard, sees_filter
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

    from sandbox.jira_state import Gadget, Issue, User

_COLORS = ("#0b57d0", "#36b37e", "#ff991f", "#6554c0", "#00b8d9", "#de350b", "#97a0af")
_NONE = "None"
_MONTHS = 12


class DashboardPage(Pages):
    """The page."""

    prefix = "/jira/dashboards"

    @on("GET", "/")
    def overview(self) -> Response:
        """The dashboards that are there for the person who looks."""
        viewer = self._viewer()
        there = [one for one in self.site.dashboards.values() if sees_dashboard(self.site, viewer, one)]
        return self._page(_LIST, viewer, "Dashboards", 200, dashboards=there)

    @on("GET", "/<name>")
    def ticket(self, name: str) -> Response:
        """One dashboard."""
        viewer, one = self._viewer(), self.site.dashboards.get(name)
        if one is None or not sees_dashboard(self.site, viewer, one):
            return self._page(_LOST, viewer, "Not found", 404)
        columns: dict[int, list[tuple[Gadget, Markup]]] = {}
        for gadget in sorted(one.gadgets, key=lambda gadget: gadget.row):
            columns.setdefault(gadget.column, []).append((gadget, self._gadget(gadget, viewer)))
        return self._page(
            _DASHBOARD, viewer, one.name, 200, dashboard=one, columns=[columns[key] for key in sorted(columns)]
        )  # fmt: skip

    def _gadget(self, gadget: Gadget, viewer: User | None) -> Markup:
        config: dict[str, str] = gadget.properties.get("config", {})
        kind = gadget.uri.rpartition("/")[2]
        draw = {
            "two-dimensional-stats-gadget.xml": self._two_dimensional,
            "piechart-gadget.xml": self._pie,
            "createdvsresolved-gadget.xml": self._created_vs_resolved,
            "filter-results-gadget.xml": self._results,
        }.get(kind)
        filter_id = (config.get("filterId") or config.get("projectOrFilterId") or "").removeprefix("filter-")
        one = self.site.filters.get(filter_id)
        if draw is None or config.get("isConfigured") != "true":
            return Markup('<p class="none">This gadget has not been configured yet.</p>')
        if one is None or not sees_filter(self.site, viewer, one):
            return Markup('<p class="none">The filter is private, or was deleted.</p>')
        return draw(self._found(one.jql, viewer), config)

    def _found(self, jql: str, viewer: User | None) -> list[Issue]:
        now = self.cloud.now()
        try:
            query = parse(
                self.site,
                jql,
                now=now,
                visible=lambda key: sees_project(self.site, viewer, self.site.projects[key]),
            )
        except Refusal:  # the project is not there for the viewer
            return []
        index = list(self.site.indexed(now, self.cloud.search_lag, frozenset()))
        there = [self.site.issues[one.id] for one in query.run(index)]
        return [one for one in there if sees_issue(self.site, viewer, one)]

    def _value(self, issue: Issue, field: str) -> str:
        names = {option.id: option.value for option in self.site.fields[field].options}
        value = issue.values.get(field)
        return _NONE if value is None else names.get(str(value), str(value))

    def _two_dimensional(self, issues: Sequence[Issue], config: dict[str, str]) -> Markup:
        x, y = config["xstattype"], config["ystattype"]
        cells = Counter((self._value(one, y), self._value(one, x)) for one in issues)
        columns, rows = (sorted({cell[part] for cell in cells}) for part in (1, 0))
        head = [f"{self.site.fields[y].name} \\ {self.site.fields[x].name}", *columns, "Total"]
        body = [
            [row, *(str(cells[row, column] or "") for column in columns), str(sum(cells[row, c] for c in columns))]
            for row in rows
        ]  # fmt: skip
        last = [
            "Total",
            *(str(sum(cells[row, column] for row in rows)) for column in columns),
            str(len(issues)),
        ]
        return _table(head, [*body, last])

    def _pie(self, issues: Sequence[Issue], config: dict[str, str]) -> Markup:
        counts = Counter(self._value(one, config["statType"]) for one in issues)
        total, angle, slices, legend = len(issues), 0.0, [], []
        for number, (name, count) in enumerate(counts.most_common()):
            color = _COLORS[number % len(_COLORS)]
            end = angle + 2 * math.pi * count / total
            slices.append(_slice(angle, end, color))
            legend.append(
                [Markup('<i class="dot" style="background:{}"></i>{}').format(color, name), str(count)]
            )
            angle = end
        pie = Markup('<svg class="pie" viewBox="-1.1 -1.1 2.2 2.2" role="img">{}</svg>').format(
            Markup("").join(slices)
        )
        return Markup('<div class="pieline">{}<div>{}</div></div>').format(
            pie, _table(["", f"{total} in all"], legend)
        )

    def _created_vs_resolved(self, issues: Sequence[Issue], config: dict[str, str]) -> Markup:
        del config
        now = self.cloud.now()
        last = now.year * 12 + now.month - 1
        created = Counter(one.created.year * 12 + one.created.month - 1 for one in issues)
        done = [one for one in issues if STATUSES[one.status][1] == "done"]
        resolved = Counter(one.updated.year * 12 + one.updated.month - 1 for one in done)
        most = max([*created.values(), *resolved.values(), 1])
        bars, months = [], range(last - _MONTHS + 1, last + 1)
        for place, month in enumerate(months):
            for part, (counts, color) in enumerate(((created, "#de350b"), (resolved, "#36b37e"))):
                height = 90 * counts[month] / most
                bars.append(
                    Markup('<rect x="{}" y="{}" width="14" height="{}" fill="{}"/>').format(
                        place * 40 + part * 15 + 4, 100 - height, height, color
                    )
                )
            bars.append(
                Markup('<text x="{}" y="114">{:02}/{:02}</text>').format(
                    place * 40 + 4, month % 12 + 1, month // 12 % 100
                )
            )
        return Markup(
            '<svg class="bars" viewBox="0 0 484 118" role="img">{}</svg><p><i class="dot" style="background:#de350b"></i>'
            'Created: {}, <i class="dot" style="background:#36b37e"></i>resolved: {}</p>'
        ).format(Markup("").join(bars), sum(created[m] for m in months), sum(resolved[m] for m in months))

    def _results(self, issues: Sequence[Issue], config: dict[str, str]) -> Markup:
        columns = config["columnNames"].split("|")
        rows = [[self._column(one, name) for name in columns] for one in issues[: int(config["num"])]]
        shown = _table([name.capitalize() for name in columns], rows)
        return Markup("{}<p>{} of {}</p>").format(shown, len(rows), len(issues))

    @staticmethod
    def _column(issue: Issue, name: str) -> str:
        if name == "issuekey":
            return issue.key
        return STATUSES[issue.status][0] if name == "status" else str(issue.values.get(name, ""))


def _slice(start: float, end: float, color: str) -> Markup:
    if end - start > 2 * math.pi - 1e-6:
        return Markup('<circle r="1" fill="{}"/>').format(color)
    points = [f"{math.sin(angle):.4f} {-math.cos(angle):.4f}" for angle in (start, end)]
    return Markup('<path d="M0 0 L{} A1 1 0 {} 1 {} Z" fill="{}"/>').format(
        points[0], int(end - start > math.pi), points[1], color
    )


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Markup:
    line = Markup("<tr>{}</tr>")
    top = line.format(Markup("").join(Markup("<th>{}</th>").format(cell) for cell in head))
    shown = (line.format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row)) for row in rows)
    return Markup("<table>{}{}</table>").format(top, Markup("").join(shown))


_LIST = """
<h1>Dashboards</h1>
<section>{% for one in dashboards %}<p><a href="/jira/dashboards/{{ one.id }}{{ who }}">{{ one.name }}</a></p>
{% else %}<p class="none">There are no dashboards to see.</p>{% endfor %}</section>
"""

_DASHBOARD = """
<style>.board { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem; align-items: start; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .4em; }
.pie { width: 150px; height: 150px; } .pieline { display: grid; grid-template-columns: 160px 1fr; gap: 1rem; }
.bars { width: 100%; } .bars text { font-size: 9px; fill: #5e6c84; }</style>
<h1>{{ dashboard.name }}</h1>
<div class="board">{% for column in columns %}<div>{% for gadget, shown in column %}
<section><h2>{{ gadget.title }}</h2>{{ shown }}</section>{% endfor %}</div>{% endfor %}</div>
"""

_LOST = """
<section class="empty"><h1>You can't view this dashboard</h1>
<p>It may have been deleted, or it is not shared with you.</p></section>
"""

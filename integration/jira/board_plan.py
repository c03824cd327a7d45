"""What the dashboard of a Jira project consists of: three filters, and five gadgets that count what they find.

Filters' names and queries, and a dashboard's title, can be read by everybody it is shared with and by Jira's admins, so they
name the project and nothing else. What the gadgets count, Jira counts for each viewer anew, from the tickets which that
viewer may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.incident import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.jira.space import JiraSpace

_GADGETS = "rest/gadgets/1.0/g/com.atlassian.jira.gadgets:"


@dataclass(frozen=True, slots=True)
class PlannedFilter:
    """A saved query."""

    key: str
    name: str
    jql: str


@dataclass(frozen=True, slots=True)
class PlannedGadget:
    """A gadget. ``uri`` is what Jira calls its kind; ``config`` is filled in once the filter's id is known."""

    key: str
    title: str
    uri: str
    color: str
    column: int
    row: int
    filter: str
    config: Mapping[str, str]

    def configured(self, filter_id: str) -> dict[str, str]:
        """Its settings, all of them texts, as Jira's own pages write them."""
        return {name: value.replace("{filter}", filter_id) for name, value in self.config.items()}


def dashboard_name(space: JiraSpace) -> str:
    """The title."""
    return f"Incident board {space.project}"


def filters(space: JiraSpace) -> tuple[PlannedFilter, ...]:
    """The queries. Numbers and the project's key only, which the configuration has checked."""
    name = dashboard_name(space)
    tickets = f'project = "{space.project}" AND issuetype = {space.issue_type_id}'
    stage = space.fields.stage.removeprefix("customfield_")
    steps = f'project = "{space.project}" AND issuetype = {space.subtask_type_id}'
    return (
        PlannedFilter("all", f"{name}: all", f"{tickets} ORDER BY created DESC"),
        PlannedFilter(
            "open",
            f"{name}: open",
            f'{tickets} AND cf[{stage}] != "{Stage.CLOSED.value}" ORDER BY created DESC',
        ),
        # A due date has no time, so that the day itself is not past before it ends.
        PlannedFilter(
            "overdue",
            f"{name}: overdue steps",
            f"{steps} AND duedate < startOfDay() AND statusCategory != Done ORDER BY duedate ASC",
        ),
    )


def gadgets(space: JiraSpace) -> tuple[PlannedGadget, ...]:
    """The gadgets.

    Atlassian documents no setting of them: these are the ones that working scripts of others use, and the stand-in
    understands. That they work on a real site is for ``coc-server doctor`` and a pair of eyes to find out.
    """
    ids = space.fields
    by_filter = {"isConfigured": "true", "refresh": "15"}
    return (
        PlannedGadget(
            "risk", "Open incidents: impact × likelihood",
            f"{_GADGETS}two-dimensional-stats-gadget/gadgets/two-dimensional-stats-gadget.xml", "red", 0, 0, "open",
            {**by_filter, "isPopup": "false", "filterId": "filter-{filter}", "xstattype": ids.likelihood,
             "ystattype": ids.impact, "sortDirection": "asc", "sortBy": "natural", "numberToShow": "5", "more": "false"},
        ),
        PlannedGadget(
            "stage", "Open incidents by stage", f"{_GADGETS}pie-chart-gadget/gadgets/piechart-gadget.xml", "blue", 1, 0,
            "open",
            {**by_filter, "projectOrFilterId": "filter-{filter}", "id": "{filter}", "type": "filter", "statType": ids.stage},
        ),
        PlannedGadget(
            "overdue", "Overdue steps",
            f"{_GADGETS}filter-results-gadget/gadgets/filter-results-gadget.xml", "yellow", 0, 1, "overdue",
            {**by_filter, "filterId": "{filter}", "columnNames": "issuekey|summary|duedate|status", "num": "20"},
        ),
        PlannedGadget(
            "type", "All incidents by type", f"{_GADGETS}pie-chart-gadget/gadgets/piechart-gadget.xml", "green", 1, 1,
            "all",
            {**by_filter, "projectOrFilterId": "filter-{filter}", "id": "{filter}", "type": "filter", "statType": ids.type},
        ),
        PlannedGadget(
            "created", "Created against resolved, last 365 days",
            f"{_GADGETS}created-vs-resolved-issues-chart-gadget/gadgets/createdvsresolved-gadget.xml", "gray", 1, 2, "all",
            {**by_filter, "type": "filter", "id": "{filter}", "projectOrFilterId": "filter-{filter}",
             "periodName": "monthly", "daysprevious": "365", "isCumulative": "false", "showUnresolvedTrend": "true",
             "versionLabel": "none", "operation": "count"},
        ),
    )  # fmt: skip

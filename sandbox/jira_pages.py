"""What a person sees in the browser, read-only: ``/browse/`` lists tickets, ``/browse/KEY`` shows one.

``?as=<account id>`` says who looks, so that one can look as an outsider as well: they get the page that
Jira shows for "not there or not for you". No scripts; everything but our own templates is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, render_template_string, request
from markupsafe import Markup, escape

from sandbox.jira_access import in_role, sees_comment, sees_issue
from sandbox.jira_api import Api, on
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from sandbox.jira_state import Issue, User

_BLOCKS = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "blockquote": "blockquote",
    "heading": "h4",
    "panel": "div",
}


class Pages(Api):
    """The pages for people."""

    prefix = "/browse"

    @on("GET", "/")
    def overview(self) -> Response:
        """Every ticket that is there for the person who looks."""
        viewer = self._viewer()
        issues = [one for one in self.site.issues.values() if sees_issue(self.site, viewer, one)]
        parents = sorted((one for one in issues if one.parent is None), key=_number, reverse=True)
        tickets = [self._ticket(one, viewer) for one in parents]
        return self._page(_OVERVIEW, viewer, "Tickets", 200, tickets=tickets)

    @on("GET", "/<name>")
    def ticket(self, name: str) -> Response:
        """One ticket, as Jira would show it to the person who looks."""
        viewer = self._viewer()
        issue = self.site.issue(name)
        if issue is None or not sees_issue(self.site, viewer, issue):
            return self._page(_NOT_THERE, viewer, "Not found", 404)
        return self._page(_TICKET, viewer, issue.key, 200, ticket=self._ticket(issue, viewer))

    def _viewer(self) -> User | None:
        return self.site.users.get(request.args.get("as", ""))

    def _page(self, template: str, viewer: User | None, title: str, status: int, **values: Any) -> Response:  # noqa: ANN401 - what the template wants
        people = [(user, self._what(user)) for user in self.site.users.values()]
        who = f"?as={viewer.account_id}" if viewer else ""
        html = render_template_string(
            _FRAME.replace("<!--BODY-->", template),
            viewer=viewer,
            title=title,
            people=people,
            who=who,
            here=request.path,
            **values,
        )
        return Response(html, status=status, content_type="text/html; charset=utf-8")

    def _what(self, user: User) -> str:
        roles = [
            role.name
            for role in self.site.roles.values()
            if any(in_role(self.site, user.account_id, role.id, one) for one in self.site.projects.values())
        ]
        return ", ".join([*roles, *(["site admin"] if user.site_admin else [])]) or "in no role"

    def _ticket(self, issue: Issue, viewer: User | None) -> dict[str, Any]:
        site = self.site
        kind = site.issue_type(issue)
        level = site.level_of(issue)
        subtasks = [self._brief(one) for one in site.subtasks(issue) if sees_issue(site, viewer, one)]
        custom = [site.fields[field] for field in kind.screen if field in site.fields]
        names = {option.id: option.value for field in custom for option in field.options}
        return self._brief(issue) | {
            "project": site.projects[issue.project].name,
            "type": kind.name,
            "parent": self._brief(site.issues[issue.parent]) if issue.parent else None,
            "level": level.name if level else None,
            "reporter": site.users[issue.reporter].name,
            "created": issue.created,
            "labels": issue.values.get("labels", []),
            "description": html(issue.values.get("description")),
            "details": [(one.name, _value(issue.values.get(one.id), names)) for one in custom],
            "subtasks": subtasks,
            "done": sum(one["category"] == "done" for one in subtasks),
            "comments": [
                {
                    "author": site.users[one.author].name,
                    "time": one.created,
                    "limited": (one.visibility or {}).get("value"),
                    "body": html(one.body),
                }
                for one in issue.comments
                if sees_comment(site, viewer, one, issue)
            ],
        }

    def _brief(self, issue: Issue) -> dict[str, Any]:
        name, category, *_ = STATUSES[issue.status]
        return {
            "key": issue.key,
            "summary": issue.values["summary"],
            "status": name,
            "category": category,
            "due": issue.values.get("duedate"),
        }


def html(node: object) -> Markup:
    """An Atlassian document as HTML. Text is escaped, code blocks keep their lines."""
    if not isinstance(node, dict):
        return Markup("")
    kind = str(node.get("type"))
    if kind == "text":
        return escape(node.get("text", ""))
    if kind == "hardBreak":
        return Markup("<br>")
    inner = Markup("").join(html(child) for child in node.get("content", []))
    if kind == "codeBlock":
        return Markup("<pre><code>{}</code></pre>").format(inner)
    if kind in _BLOCKS:
        return Markup("<{0}>{1}</{0}>").format(Markup(_BLOCKS[kind]), inner)  # noqa: S704 - a constant
    return inner


def _number(issue: Issue) -> int:
    return int(issue.id)


def _value(value: object, names: dict[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return names.get(str(value), str(value))


_LOCK = (
    '<svg class="lock" viewBox="0 0 16 16" aria-hidden="true"><path d="M4 7V5a4 4 0 0 1 8 0v2h1v8H3V7h1zm2 0h4V5'
    'a2 2 0 0 0-4 0v2z"/></svg>'
)

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} · Jira (stand-in)</title>
<style>
:root { --ink: #172b4d; --soft: #5e6c84; --line: #dfe1e6; --paper: #fff; --ground: #f4f5f7; --blue: #0b57d0; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--ground); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
a { color: var(--blue); text-decoration: none; } a:hover { text-decoration: underline; }
header { display: flex; gap: 1.2rem; align-items: center; padding: .7rem 1.5rem; background: #0b2a5b; color: #fff; }
header a { color: #fff; font-weight: 600; } header small { opacity: .75; }
header details { margin-left: auto; position: relative; } summary { cursor: pointer; }
header ul { position: absolute; right: 0; z-index: 1; margin: .4rem 0 0; padding: .4rem 0; list-style: none;
  min-width: 19rem; background: var(--paper); border: 1px solid var(--line); border-radius: 6px;
  box-shadow: 0 4px 14px #0003; }
header li a { display: block; padding: .35rem 1rem; color: var(--ink); font-weight: 500; }
header li small { display: block; color: var(--soft); font-weight: 400; opacity: 1; }
main { max-width: 1120px; margin: 1.6rem auto; padding: 0 1.5rem; }
h1 { margin: .2rem 0 1rem; font-size: 1.7rem; } h2 { font-size: 1rem; margin: 0 0 .7rem; }
.path { color: var(--soft); font-size: .9rem; }
.sides { display: grid; grid-template-columns: minmax(0, 1fr) 310px; gap: 1.4rem; align-items: start; }
@media (max-width: 820px) { .sides { grid-template-columns: minmax(0, 1fr); } }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 1.1rem 1.3rem;
  margin-bottom: 1.2rem; }
.status { display: inline-block; padding: 0 .5rem; border-radius: 4px; font-size: .72rem; font-weight: 700;
  letter-spacing: .03em; text-transform: uppercase; line-height: 1.6rem; white-space: nowrap; }
.new { background: #dfe1e6; color: #42526e; } .indeterminate { background: #deebff; color: #0747a6; }
.done { background: #e3fcef; color: #006644; }
table { width: 100%; border-collapse: collapse; } td, th { padding: .5rem .4rem; text-align: left;
  border-top: 1px solid var(--line); vertical-align: top; } tr:first-child td { border-top: 0; }
th { color: var(--soft); font-size: .82rem; font-weight: 600; border-top: 0; }
td.key { white-space: nowrap; width: 1%; } td.due, td.state { white-space: nowrap; width: 1%; text-align: right; }
td.due { color: var(--soft); font-size: .85rem; }
.bar { height: 6px; background: var(--line); border-radius: 3px; margin-bottom: .7rem; overflow: hidden; }
.bar i { display: block; height: 100%; background: #36b37e; }
dl { display: grid; grid-template-columns: 7.2rem 1fr; gap: .5rem .8rem; margin: 0; } dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; } .none { color: #97a0af; }
.label { display: inline-block; background: var(--ground); border: 1px solid var(--line); border-radius: 4px;
  padding: 0 .4rem; margin: 0 .2rem .2rem 0; font-size: .82rem; }
.secure { background: #fff7e6; border: 1px solid #ffd591; color: #7a4b00; border-radius: 6px; padding: .5rem .8rem;
  margin-bottom: 1.2rem; }
.lock { width: .95em; height: .95em; fill: currentColor; vertical-align: -.1em; margin-right: .3em; }
article { border-top: 1px solid var(--line); padding: .9rem 0 .2rem; }
article:first-of-type { border-top: 0; padding-top: 0; }
article b { margin-right: .4rem; } article small { color: var(--soft); } .limited { color: #7a4b00; }
pre { margin: .6rem 0; padding: .8rem 1rem; max-height: 17rem; overflow: auto; background: #f4f5f7; border-radius: 6px;
  border: 1px solid var(--line); font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
.empty { text-align: center; padding: 3.5rem 1rem; } .empty p { color: var(--soft); }
</style>
</head>
<body>
<header>
<a href="/browse/{{ who }}">Jira</a><small>stand-in, nothing here is real</small>
<details><summary>{{ "You look as " + viewer.name if viewer else "You are not logged in" }}</summary>
<ul>{% for user, what in people %}
<li><a href="{{ here }}?as={{ user.account_id }}">{{ user.name }}<small>{{ what }}</small></a></li>{% endfor %}
<li><a href="{{ here }}">Nobody<small>not logged in</small></a></li>
</ul></details>
</header>
<main><!--BODY--></main>
</body>
</html>
"""

_OVERVIEW = (
    """
<h1>Tickets</h1>
{% if tickets %}<section><table>
<tr><th>Key</th><th>Title</th>{% for name, _ in tickets[0].details %}<th>{{ name }}</th>{% endfor %}<th>Steps</th>
<th>Status</th></tr>
{% for one in tickets %}<tr><td class="key"><a href="/browse/{{ one.key }}{{ who }}">{{ one.key }}</a></td>
<td>{% if one.level %}<span title="{{ one.level }}">"""
    + _LOCK
    + """</span>{% endif %}{{ one.summary }}</td>
{% for _, value in one.details %}<td>{{ value or "–" }}</td>{% endfor %}
<td>{{ one.done }}/{{ one.subtasks|length }}</td>
<td><span class="status {{ one.category }}">{{ one.status }}</span></td></tr>{% endfor %}
</table></section>
{% else %}<section class="empty"><h2>There are no tickets to see</h2>
<p>{{ "This account can see no project." if viewer else "Choose in the top right corner who looks." }}</p></section>
{% endif %}
"""
)

_TICKET = (
    """
<p class="path"><a href="/browse/{{ who }}">{{ ticket.project }}</a> /
{% if ticket.parent %}<a href="/browse/{{ ticket.parent.key }}{{ who }}">{{ ticket.parent.key }}
{{ ticket.parent.summary }}</a> / {% endif %}{{ ticket.key }} · {{ ticket.type }}</p>
<h1>{{ ticket.summary }}</h1>
{% if ticket.level %}<div class="secure">"""
    + _LOCK
    + """Only people in the security level
<b>{{ ticket.level }}</b> can see this{{ ", its sub-tasks and its comments" if not ticket.parent }}.</div>{% endif %}
<div class="sides"><div>
{% if ticket.description %}<section><h2>Description</h2>{{ ticket.description }}</section>{% endif %}
{% if ticket.subtasks %}<section><h2>Sub-tasks · {{ ticket.done }} of {{ ticket.subtasks|length }} done</h2>
<div class="bar"><i style="width: {{ (100 * ticket.done / ticket.subtasks|length)|round }}%"></i></div>
<table>{% for one in ticket.subtasks %}<tr><td class="key"><a href="/browse/{{ one.key }}{{ who }}">{{ one.key }}</a></td>
<td>{{ one.summary }}</td><td class="due">{{ "due " + one.due if one.due }}</td>
<td class="state"><span class="status {{ one.category }}">{{ one.status }}</span></td></tr>{% endfor %}</table></section>
{% endif %}
<section><h2>Comments · {{ ticket.comments|length }}</h2>
{% for one in ticket.comments %}<article><b>{{ one.author }}</b>
<small>{{ one.time.strftime("%d %b %Y, %H:%M UTC") }}</small>
{% if one.limited %}<small class="limited">"""
    + _LOCK
    + """restricted to {{ one.limited }}</small>{% endif %}
{{ one.body }}</article>
{% else %}<p class="none">No comments.</p>{% endfor %}
</section>
</div><aside><section><h2>Details</h2><dl>
<dt>Status</dt><dd><span class="status {{ ticket.category }}">{{ ticket.status }}</span></dd>
{% for name, value in ticket.details %}<dt>{{ name }}</dt><dd>{% if value %}{{ value }}{% else %}
<span class="none">None</span>{% endif %}</dd>{% endfor %}
{% if ticket.due %}<dt>Due</dt><dd>{{ ticket.due }}</dd>{% endif %}
<dt>Labels</dt><dd>{% for one in ticket.labels %}<span class="label">{{ one }}</span>{% else %}
<span class="none">None</span>{% endfor %}</dd>
<dt>Reporter</dt><dd>{{ ticket.reporter }}</dd>
<dt>Created</dt><dd>{{ ticket.created.strftime("%d %b %Y, %H:%M UTC") }}</dd>
</dl></section></aside></div>
"""
)

_NOT_THERE = """
<section class="empty"><h1>You can't view this work item</h1>
<p>It may have been deleted, or you don't have permission to view it.</p></section>
"""

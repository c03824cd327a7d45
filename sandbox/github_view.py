"""Pages for people: an issue of the GitHub stand-in as somebody who may read it sees it, read-only.

``/{owner}/{repo}/issues`` lists, ``/{owner}/{repo}/issues/{number}`` shows one; ``?as=login`` says who is
looking, and whoever may not read the repository gets the same 404 page as for one that does not exist.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from markupsafe import Markup, escape

from sandbox.github_access import level_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.github_state import Account, Comment, Issue, Label, Repository, State

_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n`]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\\(?P<plain>[!-/:-@\[-`{-~])|`(?P<code>[^`]+)`|\*\*(?P<bold>(?:\\.|[^*])+)\*\*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")
_SHADES = 360

_STYLE = """
:root { color-scheme: light; --line: #d1d9e0; --soft: #f6f8fa; --grey: #59636e; --ink: #1f2328; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: #0550ae; text-decoration: none; } a:hover { text-decoration: underline; }
header { background: var(--soft); border-bottom: 1px solid var(--line); padding: 14px 32px;
  display: flex; gap: 12px; align-items: center; }
header .who { margin-left: auto; color: var(--grey); font-size: 13px; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 32px 64px; }
h1 { font-size: 28px; font-weight: 500; margin: 0 0 8px; } h1 span { color: var(--grey); font-weight: 300; }
h2 { font-size: 13px; color: var(--grey); margin: 0 0 8px; font-weight: 600; }
.pill { display: inline-block; border-radius: 999px; padding: 3px 12px; font-size: 13px; font-weight: 500; }
.open { background: #1a7f37; color: #fff; } .closed { background: #8250df; color: #fff; }
.private { border: 1px solid var(--line); color: var(--grey); font-size: 12px; padding: 1px 9px; }
.label { border: 1px solid; font-size: 12px; padding: 1px 9px; margin: 0 4px 4px 0; }
.facts { color: var(--grey); padding-bottom: 16px; border-bottom: 1px solid var(--line); margin-bottom: 24px; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) 270px; gap: 32px; }
@media (max-width: 800px) { .columns { grid-template-columns: minmax(0, 1fr); } }
aside section { padding: 0 0 16px; margin-bottom: 16px; border-bottom: 1px solid var(--line); }
aside dl { display: grid; grid-template-columns: auto 1fr; gap: 6px 12px; margin: 0; }
dt { color: var(--grey); } dd { margin: 0; text-align: right; }
.box { border: 1px solid var(--line); border-radius: 8px; margin-bottom: 20px; overflow: hidden; }
.box > .head { background: var(--soft); border-bottom: 1px solid var(--line); padding: 8px 16px;
  color: var(--grey); font-size: 14px; } .box > .head b { color: var(--ink); }
.text { padding: 16px; overflow-wrap: anywhere; } .text > *:first-child { margin-top: 0; }
.text > *:last-child { margin-bottom: 0; } .text p { white-space: pre-wrap; margin: 0 0 12px; }
pre { background: var(--soft); border-radius: 6px; padding: 14px; overflow-x: auto; margin: 0 0 12px;
  font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; max-height: 260px; }
code { background: var(--soft); border-radius: 4px; padding: 2px 5px; font-size: 13px; }
.text table { border-collapse: collapse; margin: 0 0 12px; font-size: 13px; overflow-wrap: normal; }
.text th, .text td { border: 1px solid var(--line); padding: 4px 9px; text-align: left; }
.empty { color: var(--grey); font-style: italic; }
ul.rows { list-style: none; margin: 0; padding: 0; }
.rows li { display: flex; gap: 10px; align-items: baseline; padding: 9px 16px; border-top: 1px solid var(--line); }
.rows li:first-child { border-top: 0; } .rows .end { margin-left: auto; color: var(--grey); font-size: 13px;
  white-space: nowrap; } .rows .done a { color: var(--grey); text-decoration: line-through; }
.dot { width: 14px; height: 14px; flex: none; border-radius: 50%; border: 2px solid #1a7f37; align-self: center; }
.dot.done { border-color: #8250df; background: #8250df; }
.bar { height: 6px; background: var(--line); border-radius: 3px; margin: 0 16px 12px; overflow: hidden; }
.bar i { display: block; height: 100%; background: #8250df; }
.lost { text-align: center; padding: 80px 0; color: var(--grey); } .lost b { font-size: 64px; display: block; }
"""


class View:
    """The pages. They count as no API call and carry no script; all that is shown is escaped."""

    def __init__(self, state: State) -> None:
        self._state = state

    def register(self, app: Flask) -> None:
        """Add the two routes."""
        app.add_url_rule("/<owner>/<name>/issues", "page of issues", self._list)
        app.add_url_rule("/<owner>/<name>/issues/<int:number>", "page of one issue", self._one)

    def _list(self, owner: str, name: str) -> Response:
        repo, reader = self._readable(owner, name)
        if repo is None:
            return _lost(reader)
        shown = [issue for issue in repo.issues.values() if issue.parent is None]
        rows = Markup("").join(_row(issue, reader) for issue in reversed(shown))
        body = Markup('<div class="box"><ul class="rows">{}</ul></div>').format(
            rows or Markup('<li class="empty">There are no issues.</li>')
        )
        pinned = Markup("").join(_row(pin.issue, reader) for pin in repo.pinned)
        if pinned:
            body = Markup(
                '<div class="box"><div class="head"><b>Pinned</b></div><ul class="rows">{}</ul></div>{}'
            ).format(pinned, body)
        return _page("Issues", Markup("<h1>Issues</h1>") + body, repo, reader)

    def _one(self, owner: str, name: str, number: int) -> Response:
        repo, reader = self._readable(owner, name)
        if repo is None or number not in repo.issues:
            return _lost(reader)
        issue = repo.issues[number]
        title = Markup("<h1>{} <span>#{}</span></h1>").format(issue.title, issue.number)
        facts = Markup(
            '<div class="facts">{} <b>{}</b> opened this issue on {} · {} comments{}</div>'
        ).format(
            _pill(issue), issue.author.login, _day(issue), len(issue.comments), _of_parent(issue, reader)
        )
        left = Markup("").join([_box(issue.author, "opened", issue.body, issue), *_family(issue, reader)])
        left += Markup("").join(_comment(comment) for comment in issue.comments)
        columns = Markup('<div class="columns"><div>{}</div><aside>{}</aside></div>').format(
            left, _aside(issue)
        )
        return _page(issue.title, title + facts + columns, repo, reader)

    def _readable(self, owner: str, name: str) -> tuple[Repository | None, Account | None]:
        reader = self._state.accounts.get(request.args.get("as", "").lower())
        repo = self._state.repo(owner, name)
        if repo is None or (repo.private and (reader is None or level_of(reader, repo) == "none")):
            return None, reader
        return repo, reader


def _page(title: str, body: Markup, repo: Repository | None, reader: Account | None) -> Response:
    place = Markup("")
    if repo is not None:
        place = Markup('<a href="{}"><b>{}</b></a> <span class="pill private">{}</span>').format(
            _address(repo, "issues", reader), repo.full_name, repo.visibility
        )
    who = f"seen as {reader.login}" if reader else "not signed in"
    html = Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{}</title><style>{}</style></head>'
        '<body><header>{}<span class="who">{} · GitHub stand-in, read-only</span></header>'
        "<main>{}</main></body></html>"
    ).format(title, Markup(_STYLE), place, who, body)  # noqa: S704 - our own style sheet
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(str(html), status=404 if repo is None else 200, headers=headers, mimetype="text/html")


def _lost(reader: Account | None) -> Response:
    body = Markup('<div class="lost"><b>404</b>This is not the page you are looking for.</div>')
    return _page("Not found", body, None, reader)


def _address(repo: Repository, rest: str, reader: Account | None) -> str:
    return f"/{repo.full_name}/{rest}" + (f"?as={reader.login}" if reader else "")


def _pill(issue: Issue) -> Markup:
    word = "Open" if issue.state == "open" else "Closed"
    return Markup('<span class="pill {}">{}</span>').format(issue.state, word)


def _label(label: Label) -> Markup:
    shade = sum(label.name.split(":")[0].encode()) * 37 % _SHADES
    style = f"background:hsl({shade} 70% 95%);border-color:hsl({shade} 45% 78%);color:hsl({shade} 60% 28%)"
    return Markup('<span class="pill label" style="{}">{}</span>').format(style, label.name)


def _day(thing: Issue | Comment) -> str:
    return f"{thing.created_at:%d %b %Y, %H:%M}"


def _row(issue: Issue, reader: Account | None) -> Markup:
    done = issue.state == "closed"
    steps = (
        f"{sum(child.state == 'closed' for child in issue.children)}/{len(issue.children)}"
        if issue.children
        else ""
    )
    return Markup(
        '<li class="{}"><span class="dot {}"></span><span><a href="{}">{}</a></span><span>{}</span>'
        '<span class="end">{} #{}</span></li>'
    ).format(
        "done" if done else "",
        "done" if done else "",
        _address(issue.repo, f"issues/{issue.number}", reader),
        issue.title,
        Markup("").join(map(_label, issue.labels)),
        steps,
        issue.number,
    )


def _family(issue: Issue, reader: Account | None) -> Iterator[Markup]:
    if not issue.children:
        return
    done, total = sum(child.state == "closed" for child in issue.children), len(issue.children)
    yield Markup(
        '<div class="box"><div class="head"><b>Sub-issues</b> · {} of {} done</div>'
        '<div class="bar" style="margin-top:12px"><i style="width:{}%"></i></div><ul class="rows">{}</ul></div>'
    ).format(
        done, total, 100 * done // total, Markup("").join(_row(child, reader) for child in issue.children)
    )


def _of_parent(issue: Issue, reader: Account | None) -> Markup:
    if issue.parent is None:
        return Markup("")
    address = _address(issue.parent.repo, f"issues/{issue.parent.number}", reader)
    return Markup(' · sub-issue of <a href="{}">{}</a>').format(address, issue.parent.title)


def _comment(comment: Comment) -> Markup:
    return Markup('<div id="issuecomment-{}">{}</div>').format(
        comment.id, _box(comment.author, "commented", comment.body, comment)
    )


def _box(author: Account, did: str, body: str | None, thing: Issue | Comment) -> Markup:
    edited = " · edited" if thing.history else ""
    return Markup(
        '<div class="box"><div class="head"><b>{}</b> {} on {}{}</div><div class="text">{}</div></div>'
    ).format(author.login, did, _day(thing), edited, _text(body or ""))


def _text(body: str) -> Markup:
    """A body with its fenced blocks as they are and the rest as plain paragraphs; hidden comments stay hidden."""
    parts: list[Markup] = []
    end = 0
    for fence in _FENCE.finditer(body):
        parts += _paragraphs(body[end : fence.start()])
        parts.append(Markup("<pre>{}</pre>").format(fence.group(2).rstrip("\n")))
        end = fence.end()
    parts += _paragraphs(body[end:])
    return Markup("").join(parts) or Markup('<p class="empty">No description provided.</p>')


def _paragraphs(text: str) -> list[Markup]:
    pieces = (piece.strip() for piece in re.split(r"\n\s*\n", _COMMENT.sub("", text)))
    return [_block(piece) for piece in pieces if piece]


def _block(piece: str) -> Markup:
    """A heading, a table, or a paragraph."""
    if piece.startswith("## "):
        return Markup("<h3>{}</h3>").format(_inline(piece.removeprefix("## ")))
    lines = piece.split("\n")
    if len(lines) > 1 and re.fullmatch(r"\|( --- \|)+", lines[1]):
        head, *rows = [[cell.strip() for cell in _CELL.split(line)[1:-1]] for line in [lines[0], *lines[2:]]]
        shown = [_cells("th", head), *(_cells("td", row) for row in rows)]
        return Markup("<table>{}</table>").format(Markup("").join(shown))
    return Markup("<p>{}</p>").format(_inline(piece))


def _cells(tag: str, cells: list[str]) -> Markup:
    inner = (Markup("<{0}>{1}</{0}>").format(Markup(tag), _inline(cell)) for cell in cells)  # noqa: S704 - th or td
    return Markup("<tr>{}</tr>").format(Markup("").join(inner))


def _inline(text: str) -> Markup:
    """The little Markdown that matters here: bold, code, and characters that a backslash makes plain."""
    parts: list[Markup] = []
    end = 0
    for found in _INLINE.finditer(text):
        parts.append(escape(unescape(text[end : found.start()])))
        if found["bold"]:
            parts.append(Markup("<b>{}</b>").format(_inline(found["bold"])))
        elif found["code"]:
            parts.append(Markup("<code>{}</code>").format(found["code"]))
        else:
            parts.append(escape(found["plain"]))
        end = found.end()
    parts.append(escape(unescape(text[end:])))
    return Markup("").join(parts)


def _aside(issue: Issue) -> Markup:
    org = issue.repo.organization
    fields = [
        (field.name, issue.values[field.id])
        for field in (org.issue_fields if org else ())
        if field.id in issue.values
    ]
    values = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(
            name, ", ".join(value) if isinstance(value, tuple) else _plain(value)
        )
        for name, value in fields
    )
    sections = [
        ("Labels", Markup("").join(map(_label, issue.labels)) or _none()),
        ("Type", escape(issue.type.name) if issue.type else _none()),
        ("Fields", Markup("<dl>{}</dl>").format(values) if fields else _none()),
        ("Assignees", escape(", ".join(account.login for account in issue.assignees)) or _none()),
    ]
    return Markup("").join(
        Markup("<section><h2>{}</h2>{}</section>").format(*section) for section in sections
    )


def _plain(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _none() -> Markup:
    return Markup('<span class="empty">None yet</span>')

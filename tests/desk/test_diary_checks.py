"""Verifying, comparing heads, exporting and restoring: what a member does who trusts neither service nor host."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask, Response, jsonify, request

from desk.drafts import lock_for
from desk.keep_cli import RECIPE
from integration.diary.open import read_age
from integration.errors import CannotOpen, WriteRefused
from integration.mirror import TicketName
from integration.text import SealedText
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.incident import IncidentId
    from tests.desk.conftest import At, Shelf, Team

NAME = "BLUE-JAY-27"
TOKEN = "token-4f1d77c0"


@dataclass
class Host:
    """A host that shows comments, page by page, to whoever has the token. Tests change what stands there."""

    shelf: Shelf
    origin: str = ""
    change: Callable[[list[str]], list[str]] = field(default=lambda texts: texts)
    asked: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return self.change([f"For people.\n\n```text\n{one.text}\n```\n" for one in self.shelf.sealed])


@pytest.fixture(params=["github", "jira"])
def host(request: pytest.FixtureRequest, shelf: Shelf) -> Iterator[Host]:
    kind: str = request.param
    app = Flask(__name__)
    one = Host(shelf)
    app.add_url_rule("/repos/acme/conduct/issues/17/comments", "github", lambda: _github(one))
    app.add_url_rule("/rest/api/3/issue/10042/comment", "jira", lambda: _jira(one))
    with serving(app) as origin:
        one.origin = origin
        if kind == "jira":
            ticket = TicketName(f"jira:{origin.removeprefix('http://')}/10042")
            shelf.sealed.clear()
            shelf.epoch = None
            shelf.incident = replace(shelf.incident, ticket=ticket)
            shelf.write(shelf.account)
        yield one


def _github(host: Host) -> Response | tuple[str, int]:
    host.asked.append(request.headers.get("Authorization", ""))
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return "secret words of an error page", 404
    size, page = int(request.args["per_page"]), int(request.args["page"])
    return jsonify([{"body": text} for text in host.texts][size * (page - 1) : size * page])


def _jira(host: Host) -> Response | tuple[str, int]:
    host.asked.append(request.headers.get("Authorization", ""))
    who = request.authorization
    if who is None or (who.username, who.password) != ("robert@team.example", TOKEN):
        return "secret words of an error page", 404
    start, size = int(request.args["startAt"]), 50  # Jira may give smaller pages than were asked for
    documents = [
        {"type": "doc", "content": [{"type": "codeBlock", "content": [{"type": "text", "text": text}]}]}
        for text in host.texts
    ]
    return jsonify(comments=[{"body": one} for one in documents[start : start + size]], total=len(documents))


@pytest.fixture
def from_host(robert: At, host: Host, tmp_path: Path) -> Callable[[], tuple[int, str]]:
    """``coc diary verify --from-host``: exit code and output. The credential stands in the desk's folder."""
    folder = robert.desk.folder
    (folder / "own.token").write_text(f"{TOKEN}\n", encoding="ascii")
    (folder / "hosts.toml").write_text(
        "".join(
            f'[{kind}]\nurl = "{host.origin}"\ntoken_file = "own.token"\n'
            + ('email = "robert@team.example"\n' if kind == "jira" else "")
            for kind in ("jira", "github")
        ),
        encoding="utf-8",
    )
    del tmp_path

    def run() -> tuple[int, str]:
        result = robert("diary", "verify", NAME, "--from-host")
        return result.exit_code, result.output

    return run


def test_verify_says_whether_all_is_right_and_prints_no_entry(robert: At, shelf: Shelf) -> None:
    fine = robert("diary", "verify", NAME)
    shelf.sealed.pop()
    wrong = robert("diary", "verify", NAME)

    assert (fine.exit_code, wrong.exit_code) == (0, 3)
    assert "Checked, 1 entry" in fine.stdout
    assert "missing-newest" in wrong.stdout
    assert shelf.account not in fine.output + wrong.output


def test_the_ticket_itself_shows_the_same_diary(from_host: Callable[[], tuple[int, str]], host: Host) -> None:
    code, output = from_host()

    assert (code, len(host.asked)) == (0, 1), output
    assert "The same diary stands on the ticket itself" in output


def test_a_long_ticket_is_read_to_its_last_page(from_host: Callable[[], tuple[int, str]], host: Host) -> None:
    host.change = lambda texts: ["an ordinary comment"] * 150 + texts

    code, output = from_host()

    assert code == 0, output
    assert len(host.asked) >= 2


def test_a_comment_deleted_on_the_ticket_is_found(
    from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    from_host()
    host.change = lambda texts: texts[:-1]

    code, output = from_host()

    assert code == 3
    assert "not-on-ticket: The service shows entry 2, and the ticket does not." in output
    assert "missing-newest" in output


def test_a_ticket_without_a_diary_is_found_on_a_first_reading(
    from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    host.change = lambda _texts: []

    code, output = from_host()

    assert code == 3
    assert "The service shows entries 1, 2, and the ticket does not." in output


def test_a_service_that_holds_entries_back_is_found(
    from_host: Callable[[], tuple[int, str]], host: Host, shelf: Shelf
) -> None:
    shelf.write("the newest report")
    all_of_it = host.texts
    shelf.sealed.pop()
    host.change = lambda _texts: all_of_it

    code, output = from_host()

    assert code == 3
    assert "not-served: The ticket shows entry 3, and the service does not." in output


def test_a_second_history_of_service_and_host_together_is_found(
    from_host: Callable[[], tuple[int, str]], shelf: Shelf
) -> None:
    """Both show the same new history; only this desk remembers the old one."""
    shelf.write("the report that somebody wants to lose")
    from_host()
    shelf.sealed.pop()
    shelf.write("another report in its place")

    code, output = from_host()

    assert code == 3
    assert output.count("rewritten: ") == 2


def test_two_histories_at_once_are_found(
    from_host: Callable[[], tuple[int, str]], host: Host, shelf: Shelf
) -> None:
    shelf.write("what the ticket shows")
    shown = host.texts
    shelf.sealed.pop()
    shelf.write("what the service shows")
    host.change = lambda _texts: shown

    code, output = from_host()

    assert code == 3
    assert "two-histories: On the ticket stands another entry 3 than the one the service shows." in output


def test_a_host_that_does_not_show_the_ticket_is_not_quoted(
    from_host: Callable[[], tuple[int, str]], robert: At
) -> None:
    (robert.desk.folder / "own.token").write_text("wrong-8d1c\n", encoding="ascii")

    code, output = from_host()

    assert code == 1
    assert "answered 404" in output
    assert "secret words" not in output
    assert "wrong-8d1c" not in output


def test_the_credential_is_never_sent_to_an_address_that_the_service_names(
    robert: At, shelf: Shelf, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="ascii")
    shelf.sealed.clear()
    shelf.epoch = None
    shelf.incident = replace(shelf.incident, ticket=TicketName("jira:evil.example/10042"))
    shelf.write("words")

    result = robert(
        "diary", "verify", NAME, "--from-host", "--host-url", "https://acme.example", "--host-email", "a@b.example",
        "--host-token-file", str(token),
    )  # fmt: skip

    assert result.exit_code == 1
    assert "The diary stands on evil.example, and your credential is for acme.example" in result.stderr


def test_what_is_lacking_to_read_the_ticket_is_named(robert: At) -> None:
    result = robert("diary", "verify", NAME, "--from-host")

    assert result.exit_code == 1
    assert "--host-token-file" in result.stderr
    assert "hosts.toml" in result.stderr


# Heads


@pytest.fixture
def miriam(miriam: At, robert: At) -> At:
    assert robert("clear", NAME, "miriam", "--yes").exit_code == 0
    return miriam


def test_members_compare_what_they_have_seen(robert: At, miriam: At, shelf: Shelf, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(
        f"Hi, mine is\n{miriam('diary', 'head', NAME).stdout}\nBest, M.\n".replace("\n", "\r\n"),
        encoding="utf-8",
    )

    same = robert("diary", "compare", NAME, "--heads", str(heads))
    shelf.write("one more")
    longer = robert("diary", "compare", NAME, "--heads", str(heads))

    assert (same.exit_code, longer.exit_code) == (0, 0)
    assert "miriam has seen the same diary up to entry 3" in longer.stdout


def test_a_service_that_shows_two_members_two_histories_is_found(
    robert: At, miriam: At, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.write("what miriam is shown")
    heads = tmp_path / "heads.txt"
    heads.write_text(miriam("diary", "head", NAME).stdout, encoding="utf-8")
    shelf.sealed.pop()
    shelf.write("what robert is shown")

    result = robert("diary", "compare", NAME, "--heads", str(heads))

    assert result.exit_code == 3
    assert "other-history: The head of miriam has another comment in the place of entry 4" in result.stdout


def test_a_head_that_somebody_changed_is_worth_nothing(robert: At, miriam: At, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(miriam("diary", "head", NAME).stdout.replace("seq=3", "seq=2"), encoding="utf-8")

    result = robert("diary", "compare", NAME, "--heads", str(heads))

    assert result.exit_code == 3
    assert "bad-head" in result.stdout


def test_a_text_without_a_head_is_wrong_usage(robert: At, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_bytes(b"\xff nothing")

    assert robert("diary", "compare", NAME, "--heads", str(heads)).exit_code == 2


# Bundle


def test_the_bundle_is_the_diary_for_its_owner_only(
    robert: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    bundle = tmp_path / "blue-jay.age"

    result = robert("diary", "export", NAME, "--output", str(bundle))

    raw = bundle.read_bytes()
    inside = read_age(raw, [team.robert.secret]).decode()
    assert result.exit_code == 0, result.output
    assert inside == "\n\n".join(one.text for one in shelf.sealed) + "\n"
    assert shelf.incident.id.encode() not in raw
    assert [0o600, 0o600] == [path.stat().st_mode & 0o777 for path in (bundle, Path(f"{bundle}.txt"))]
    assert robert("diary", "export", NAME, "--output", str(bundle)).exit_code == 1
    assert bundle.read_bytes() == raw


def test_the_recipe_is_the_one_of_the_format() -> None:
    page = (Path(__file__).parents[2] / "docs" / "diary-format.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(tr -d.*?)```", page, re.DOTALL)

    assert RECIPE == block


@pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("ssh-keygen") is None, reason="needs age, ssh-keygen"
)
def test_the_bundle_opens_with_what_stands_beside_it(
    robert: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    robert("diary", "write", NAME, "--file", "-", input="by robert\n")
    robert("diary", "export", NAME, "--output", str(tmp_path / "b.age"))
    page = (tmp_path / "b.age.txt").read_text(encoding="ascii")
    work = tmp_path / "work"
    work.mkdir()
    (work / "me.txt").write_text(f"{team.robert.secret}\n", encoding="ascii")
    (work / "b.age").write_bytes((tmp_path / "b.age").read_bytes())
    open_bundle = next(line for line in page.split("\n") if "ticket.txt 'b.age'" in line)
    signers = re.findall(r"^(?:member|service):\S+ ssh-ed25519 \S+$", page, re.MULTILINE)
    (work / "allowed_signers").write_text("\n".join(signers) + "\n", encoding="ascii")
    recipe = page[page.index("tr -d") : page.index("It prints")]

    done = subprocess.run(
        ["sh", "-c", f"{open_bundle}\n{recipe}"], cwd=work, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert shelf.account in done.stdout
    assert "| by robert" in done.stdout
    assert 4 == done.stdout.count("Good ")


def test_locking_for_oneself_is_for_nobody_else(team: Team) -> None:
    locked = lock_for(team.robert, b"words", armored=False)

    assert read_age(locked, [team.robert.secret]) == b"words"
    with pytest.raises(CannotOpen):
        read_age(locked, [team.miriam.secret])


# Restore


def test_restore_asks_the_service_and_says_how_to_see_the_ticket(robert: At, shelf: Shelf) -> None:
    result = robert("diary", "restore", NAME)

    assert result.exit_code == 0, result.output
    assert [False] == shelf.restored
    assert "coc diary verify BLUE-JAY-27 --from-host" in result.stderr


def test_restore_waits_until_everything_stands_on_the_ticket_again(
    robert: At, from_host: Callable[[], tuple[int, str]], host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_host()
    monkeypatch.setattr("desk.keep_cli._EVERY", 0.0)
    host.change = lambda texts: texts if len(host.asked) > 3 else texts[:-1]

    result = robert("diary", "restore", NAME, "--from-host", "--wait", "60")

    assert result.exit_code == 0, result.output
    assert "The same diary stands on the ticket itself" in result.stdout


def test_restore_that_is_not_done_in_time_shows_what_is_still_missing(
    robert: At, from_host: Callable[[], tuple[int, str]], host: Host
) -> None:
    from_host()
    host.change = lambda texts: texts[:-1]

    result = robert("diary", "restore", NAME, "--from-host", "--wait", "0")

    assert result.exit_code == 3
    assert "not-on-ticket" in result.stdout


def test_a_diary_on_a_new_ticket_verifies_after_a_signed_entry_says_that_it_moved(
    robert: At, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    robert("diary", "read", NAME)
    monkeypatch.setattr("desk.keep_cli._EVERY", 0.0)
    new = TicketName("github:acme/conduct#18")

    def move(_self: object, incident: IncidentId, *, new_ticket: bool) -> None:
        del incident
        assert new_ticket
        shelf.incident = replace(shelf.incident, ticket=new)

    monkeypatch.setattr(type(shelf), "restore", move)

    result = robert("diary", "restore", NAME, "--new-ticket")
    read = robert("diary", "read", NAME)

    assert result.exit_code == 0, result.output
    assert "The diary stands on github:acme/conduct#18 now" in result.stderr
    assert read.exit_code == 0, read.output
    assert "Before it stood on github:acme/conduct#17." in read.stdout
    assert new == shelf.sealed[-1].ticket


def test_a_new_ticket_that_is_not_there_in_time_is_said(robert: At) -> None:
    result = robert("diary", "restore", NAME, "--new-ticket", "--wait", "0")

    assert result.exit_code == 3
    assert "not there yet" in result.stderr


# Hostile words in the other formats

HOSTILE = (
    "\x1b[2J\u202eevil\x7f `` ``` \n```\n# Heading\n<img src=https://evil.example/x>\n"
    "![x](https://evil.example/y) [z](https://evil.example) @everyone ```` \n~~~"
)


def test_markdown_holds_hostile_words_as_code_only(robert: At, shelf: Shelf) -> None:
    shelf.write(HOSTILE)

    text = robert("diary", "read", NAME, "--format", "markdown", "--read-only").stdout

    lines = text.split("\n")
    fences = [at for at, line in enumerate(lines) if re.fullmatch(r"`{3,}(text)?", line)]
    opening = next(at for at in fences if lines[at] == "`````text")
    closing = next(at for at in fences if at > opening and lines[at] == "`````")
    inside = "\n".join(lines[opening + 1 : closing])
    outside = "\n".join([*lines[:opening], *lines[closing + 1 :]])
    assert "evil.example" in inside
    assert "evil.example" not in outside
    assert "@everyone" not in outside
    assert "\\x1b[2J\\u202eevil\\x7f" in inside
    assert not {"\x1b", "\u202e", "\x7f"} & set(text)


def test_a_hostile_card_stays_in_its_code_span(robert: At) -> None:
    robert("diary", "write", NAME, "--summary", "a ` b `` <script> ![x](https://evil.example/y)\n# c")

    text = robert("diary", "read", NAME, "--format", "markdown").stdout

    (line,) = [line for line in text.split("\n") if line.startswith("- Summary: ")]
    assert line == "- Summary: ``` a ` b `` <script> ![x](https://evil.example/y)\\x0a# c ```"


def test_json_keeps_the_words_and_is_harmless_on_a_terminal(robert: At, shelf: Shelf) -> None:
    shelf.write(HOSTILE)

    text = robert("diary", "read", NAME, "--format", "json").stdout

    assert HOSTILE == json.loads(text)["entries"][-1]["body"]
    assert text.isascii()
    assert {"\n"} == {char for char in text if not char.isprintable()}


def test_only_the_newest_entries_are_shown_and_the_rest_is_counted(robert: At, shelf: Shelf) -> None:
    shelf.write("the second")
    shelf.write("the third")

    result = robert("diary", "read", NAME, "--last", "1", "--read-only")

    assert "the third" in result.stdout
    assert "the second" not in result.stdout
    assert "2 older entries were checked and are not shown." in result.stdout
    assert "Checked, 3 entries" in result.stdout
    assert robert("diary", "read", NAME, "--last", "1", "--all").exit_code == 2


def test_the_first_reading_renews_the_keys_and_says_so_unless_told_not_to(robert: At, shelf: Shelf) -> None:
    only = robert("diary", "read", NAME, "--read-only")
    seq = shelf.newest.seq
    first = robert("diary", "read", NAME)
    second = robert("diary", "read", NAME)

    assert (only.exit_code, only.stderr, seq) == (0, "", 2)
    assert "They were renewed" in first.stderr
    assert "Epoch 2 of BLUE-JAY-27 is open; it is read by robert." in first.stderr
    assert (second.stderr, shelf.newest.seq) == ("", 3)


def test_a_reading_does_not_fail_because_the_keys_cannot_be_renewed(
    robert: At, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise WriteRefused("Not now.")

    monkeypatch.setattr(type(shelf), "record", refuse)

    result = robert("diary", "read", NAME)

    assert result.exit_code == 0
    assert shelf.account in result.stdout
    assert "could not be renewed: The service does not take this: Not now." in result.stderr


def test_a_diary_with_findings_is_not_renewed(robert: At, shelf: Shelf) -> None:
    shelf.write("a second report")
    text = shelf.sealed[-1].text
    at = text.index("\n", text.index("BEGIN AGE")) + 70
    shelf.sealed[-1] = replace(
        shelf.sealed[-1],
        text=SealedText(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]),
    )

    result = robert("diary", "read", NAME)

    assert result.exit_code == 3
    assert "were not renewed because of what was found" in result.stderr
    assert shelf.newest.seq == 3

"""`make demo`: the product does its whole job before your eyes, on stand-ins for Jira Cloud and GitHub.

Everything is real but the two hosts: a signed delivery goes over HTTP to `coc-server`, running as a process
of its own on SQLite; the vendors' client libraries talk to the stand-ins; a member's `coc` opens the diary.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from click.testing import CliRunner
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from desk.home import Home, PublicKeys
from integration.diary.keys import generate_identity
from integration.roster import load_roster
from sandbox.demo_tickets import SeenTicket, as_github, as_jira, github_ticket, jira_ticket
from sandbox.demo_work import register_webhooks, work_in_the_hosts
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, OUTSIDER, OWNER, REPOSITORY, TEAM, Playground, playground
from webhook_server.cli import main as coc_server
from webhook_server.config import load_config
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 40
_PASSPHRASE = "five words nobody would guess"
_SHORTEST_WORD = 8

console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


def main() -> None:
    """Run the demo; exit 0 only if everything that should be true was seen to be true."""
    parser = argparse.ArgumentParser(description="Show coc-mirror at work on stand-ins.")
    parser.add_argument("--stay", action="store_true", help="keep running and print addresses to look at")
    stay = parser.parse_args().stay
    with tempfile.TemporaryDirectory(prefix="coc-demo-") as temporary:
        ok = _Demo(Path(temporary)).run(stay=stay)
    sys.exit(0 if ok else 1)


class _Demo:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = folder / "roberts-desk"
        self.failures: list[str] = []

    def run(self, *, stay: bool) -> bool:
        console.rule("[bold]coc-mirror: the way of a report")
        self.step("Robert makes his key; it never leaves his machine unlocked")
        identities = {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}
        robert = identities["robert"]
        (self.folder / "passphrase").write_text(_PASSPHRASE, encoding="utf-8")
        Home(self.desk).keep_identity(
            robert.lock(_PASSPHRASE), PublicKeys(robert.alias, robert.recipient, robert.signing_key)
        )
        self.step(
            "Stand-ins for Jira Cloud and GitHub start on this machine, with a restricted project and repository"
        )
        with playground(self.folder / "server", service_port=_free_port(), identities=identities) as world:
            self.note(f"Jira Cloud at {world.jira_url}, GitHub at {world.github_url}")
            register_webhooks(world)
            self.step("coc-server starts on SQLite")
            with _server(world) as process:
                self.note(f"listening on {world.origin}, process {process.pid}")
                self.show(world)
                if stay and not self.failures:
                    self.stay(world)
        console.rule()
        if self.failures:
            console.print(Panel("\n".join(self.failures), title="Not as it should be", style="red"))
            return False
        console.print("[bold green]Everything shown above was checked while it was shown.[/]")
        return True

    def show(self, world: Playground) -> None:
        self.step("Noah tells of something Olivia wrote; the form tool signs his answers and posts them")
        body, headers = world.delivery(NOAHS_REPORT)
        for form in ("form-jira", "form-github"):
            answer = requests.post(f"{world.origin}/in/{form}", data=body, headers=headers, timeout=10)
            self.check(
                answer.status_code == 200 and not answer.content,
                f"POST /in/{form} → {answer.status_code}, empty",
            )
        again = requests.post(f"{world.origin}/in/form-jira", data=body, headers=headers, timeout=10)
        self.check(again.status_code == 200, "the same delivery once more → 200, and no second incident")
        forged = requests.post(f"{world.origin}/in/form-jira", data=body + b" ", headers=headers, timeout=10)
        self.check(forged.status_code == 401, "one byte changed → 401")
        self.step("The report becomes a ticket on each host: audience proven, ticket, steps, sealed diary")
        self.wait(world)
        jira, github = self.ticket(jira_ticket(world)), self.ticket(github_ticket(world))
        self.boards(world)
        self.closed_doors(world, jira, github)
        self.nothing_in_clear(world)
        self.diaries(world, jira.title, github.title)
        self.work_in_the_hosts(world, jira.key, int(github.key.removeprefix("#")))
        self.doctor(world)

    def work_in_the_hosts(self, world: Playground, key: str, number: int) -> None:
        self.step("Robert works in the hosts, the hosts tell the service, and it answers")
        for what, true in work_in_the_hosts(world, key, number):
            self.comes(true, what)

    def comes(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not (so := true()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.check(so, what)

    def doctor(self, world: Playground) -> None:
        self.step("An admin of each host runs coc-server doctor; Mallory's account tries a canary ticket")
        for space, canary in (("in-jira", "canary-outsider"), ("in-github", "canary-issue")):
            args = ["doctor", space, "--config", str(world.config_path)]
            for role, who in (("admin", OWNER), ("outsider", OUTSIDER)):
                token = self.folder / f"{who}.token"
                token.touch(mode=0o600)
                token.write_text(world.token(who), encoding="ascii")
                args += [f"--{role}-token-file", str(token)]
                args += [f"--{role}-email", f"{who}@team.example"] if space == "in-jira" else []
            lines = CliRunner().invoke(coc_server, args).output.splitlines()
            for key in ("audience, as an admin sees it", canary):
                found = [line for line in lines if line[9:].startswith(key)]
                passed = bool(found) and all(line.startswith("PASS") for line in found)
                self.check(passed, f"{space}: {' '.join((found or [f'no check {key}'])[0].split())}")

    def wait(self, world: Playground) -> None:
        database = _database(world)
        deadline = time.monotonic() + _PATIENCE
        with console.status("waiting for the jobs"):
            while database.unfinished_jobs() and time.monotonic() < deadline:
                time.sleep(0.1)
        left = database.unfinished_jobs()
        database.close()
        self.check(
            not left,
            "both deliveries are wholly on their host"
            if not left
            else f"{left[0].reason_code}: {left[0].reason}",
        )

    def ticket(self, seen: SeenTicket) -> SeenTicket:
        table = Table(
            title=f"{seen.host} {seen.key}: [bold]{seen.title}[/]",
            title_justify="left",
            show_header=False,
            min_width=90,
        )
        for name, value in seen.fields.items():
            table.add_row(name, escape(value))
        table.add_section()
        for key, title, state in seen.steps:
            table.add_row(key, f"{escape(title)} [dim]({state})[/]")
        table.add_section()
        table.add_row("diary", f"{seen.comments} comments, each of them ciphertext")
        console.print(table)
        whole = len(seen.steps) == 11 and seen.comments == 2
        self.check(whole, f"{seen.host}: 11 steps in order, keyring and opening entry")
        return seen

    def boards(self, world: Playground) -> None:
        self.step("A board of all incidents: a private dashboard in Jira, a pinned ticket on GitHub")
        ran = subprocess.run(
            [sys.executable, "-m", "webhook_server.cli", "board", "--config", str(world.config_path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.check(ran.returncode == 0, f"coc-server board → {ran.returncode} {ran.stderr.strip()}")
        for page, robert, outsider in (
            (f"{world.jira_url}/jira/dashboards/", "acc-robert", f"acc-{OUTSIDER}"),
            (f"{world.github_url}/{ORG}/{REPOSITORY}/issues", "robert", OUTSIDER),
        ):
            seen = [
                "Incident board" in requests.get(page, params={"as": who}, timeout=10).text
                for who in (robert, outsider)
            ]
            self.check(seen == [True, False], f"{page}: Robert sees it, an outsider does not")

    def closed_doors(self, world: Playground, jira: SeenTicket, github: SeenTicket) -> None:
        self.step("Others try to look")
        for who in (OUTSIDER, OWNER):
            code = requests.get(world.jira_url + jira.path, auth=as_jira(world, who), timeout=10).status_code
            role = "an outsider's" if who == OUTSIDER else "the site admin's (Olivia's)"
            self.check(code == 404, f"Jira, {role} token → {code}")
        code = requests.get(
            world.github_url + github.path, headers=as_github(world, OUTSIDER), timeout=10
        ).status_code
        self.check(code == 404, f"GitHub, an outsider's token → {code}")
        seen = "".join(
            requests.get(
                world.github_url + github.path + more, headers=as_github(world, OWNER), timeout=10
            ).text
            for more in ("", "/sub_issues", "/comments", "/issue-field-values")
        )
        found = [word for word in ("Noah", *_telling_words()) if word in seen]
        self.check(
            github.title in seen and not found,
            "GitHub, the organisation owner (Olivia) sees the mirror view and no word of the report",
        )

    def nothing_in_clear(self, world: Playground) -> None:
        self.step("Everything both hosts hold, and all they were ever sent, is searched for the report")
        everything = world.jira.text_of_everything() + world.github.text_of_everything()
        database = b"".join(path.read_bytes() for path in world.folder.glob("*.sqlite*"))
        words = ["Noah", *_telling_words(), *NOAHS_REPORT.values()]
        words = [
            word for word in words if len(word) > 3 and word != OWNER.title()
        ]  # Olivia has accounts there herself
        on_hosts = [word for word in words if word.encode() in everything]
        at_rest = [word for word in words if word.encode() in database]
        self.check(
            not on_hosts,
            f"{len(words)} words and sentences, {len(everything):,} bytes on the hosts: found {on_hosts or 'none'}",
        )
        self.check(
            not at_rest,
            f"the same in the service's databases, {len(database):,} bytes: found {at_rest or 'none'}",
        )

    def diaries(self, world: Playground, *code_names: str) -> None:
        self.step("Robert, who is cleared, opens both diaries at his desk")
        told = load_roster(world.roster_path).hash  # what members tell each other in person
        self.coc(
            "connect", world.origin, "--roster", str(world.roster_path), "--roster-hash", told, quiet=True
        )
        for name in code_names:
            shown = self.coc("diary", "read", name, "--passphrase-file", str(self.folder / "passphrase"))
            self.check("Offensive remark" in shown, f"coc diary read {name}: opened and verified")

    def coc(self, *arguments: str, quiet: bool = False) -> str:
        environment = {**os.environ, "COLUMNS": str(console.width)}
        ran = subprocess.run(
            [sys.executable, "-m", "desk.cli", "--home", str(self.desk), *arguments],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        if ran.returncode:
            self.failures.append(f"coc {arguments[0]}: exit {ran.returncode}: {ran.stderr.strip()}")
        if not quiet:
            console.print(
                Panel(
                    escape(ran.stdout.strip()), title=f"$ coc {' '.join(arguments[:3])}", border_style="green"
                )
            )
        return ran.stdout

    def stay(self, world: Playground) -> None:
        console.rule("Look around (Ctrl-C ends it)")
        console.print(
            f"Jira, as Robert:          {world.jira_url}/browse/{world.project.key}-1?as=acc-robert"
        )
        console.print(
            f"Jira, as an outsider:     {world.jira_url}/browse/{world.project.key}-1?as=acc-{OUTSIDER}"
        )
        console.print(f"GitHub, as Robert:        {world.github_url}/{ORG}/{REPOSITORY}/issues/1?as=robert")
        console.print(f"GitHub, as Olivia, owner: {world.github_url}/{ORG}/{REPOSITORY}/issues/1?as={OWNER}")
        console.print(f"Jira's dashboards:        {world.jira_url}/jira/dashboards/?as=acc-robert")
        console.print(f"GitHub's tickets, pinned: {world.github_url}/{ORG}/{REPOSITORY}/issues?as=robert")
        console.print(f"The service:              {world.origin}/health/ready")
        console.print(
            f"Robert's desk:            {sys.executable} -m desk.cli --home {self.desk} incidents   (passphrase: {_PASSPHRASE})"
        )
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("Stopping.")

    def step(self, what: str) -> None:
        console.print(f"\n[bold cyan]●[/] [bold]{what}[/]")

    def note(self, what: str) -> None:
        console.print(f"  {what}")

    def check(self, true: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        console.print(f"  [green]✓[/] {escape(what)}" if true else f"  [red]✗ {escape(what)}[/]")
        if not true:
            self.failures.append(what)


@contextmanager
def _server(world: Playground) -> Iterator[subprocess.Popen[bytes]]:
    """`coc-server serve` as a process, until the block is left."""
    log = (world.folder / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "webhook_server.cli", "serve", "--config", str(world.config_path)],
        stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_until_ready(world, process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait_until_ready(world: Playground, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{world.origin}/health/ready", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    log = (world.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"coc-server did not start:\n{log[-2000:]}")


def _database(world: Playground) -> Database:
    config = load_config(world.config_path)
    return Database(make_engine(config.database_url), config.sealer, InboxKeys(config.inbox_keys))


def _telling_words() -> list[str]:
    """Longer words of the report that the hosts' own texts would not hold by chance."""
    words = {word.strip(".,") for text in NOAHS_REPORT.values() for word in text.split()}
    usual = {"documentation", "specification", "Comments", "Somebody"}
    return sorted(word for word in words if len(word) >= _SHORTEST_WORD and word not in usual)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()

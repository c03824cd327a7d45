"""The documentation shows only commands of the desk that exist, and each of them says what it does."""

from __future__ import annotations

import re
from pathlib import Path

import click

from desk.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_every_command_that_a_page_shows_exists() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    shown = re.findall(r"(?:^\s*|`)coc ([a-z][^\n`#]*)", text, re.MULTILINE)

    unknown = [line for line in shown if not _known(line.split())]
    assert len(shown) >= 50
    assert unknown == []


def _known(words: list[str]) -> bool:
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            return False
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    return all(word in options for word in words if word.startswith("--"))


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in _commands(main) if not command.help] == []


def _commands(group: click.Group) -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        found.append((name, command))
        if isinstance(command, click.Group):
            found += _commands(command)
    return found

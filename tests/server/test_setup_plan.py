"""How a set-up is carried out, whatever the host: shown first, round by round, read again, by hand what must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from integration.errors import ConfigError, HostRejected, HostUnknownOutcome
from integration.setup import Deed
from webhook_server.setup_plan import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.errors import HostError


class Builder:
    """A host that lacks things, each with how often doing it fails or shows nothing at first."""

    def __init__(self, lacking: dict[str, list[HostError | None]], by_hand: str = "") -> None:
        self.lacking = lacking
        self.by_hand = by_hand
        self.done: list[str] = []

    def deeds(self) -> list[Deed]:
        made = [Deed(key, f"make {key}", self._doing(key)) for key in self.lacking]
        return made + ([Deed("hand", "turn the key", None, self.by_hand)] if self.by_hand else [])

    def settings(self) -> str:
        if self.lacking:
            raise ConfigError("[spaces.x]", ["not yet"])
        return "[spaces.x]"

    def _doing(self, key: str) -> Callable[[], None]:
        def do() -> None:
            self.done.append(key)
            trouble = self.lacking[key].pop(0) if self.lacking[key] else None
            if not self.lacking[key]:
                del self.lacking[key]
            if trouble is not None:
                raise trouble

        return do


def test_a_dry_run_numbers_the_plan_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder({"door": [], "lock": []}, by_hand="Turn it.")

    assert not carry_out(builder, apply=False)

    shown = capsys.readouterr().out
    assert "  1. make door\n  2. make lock\n  3. turn the key  (by hand)\n" in shown
    assert "turn the key. Turn it." in shown
    assert builder.done == []


def test_an_unclear_answer_is_followed_by_a_fresh_look(capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder({"door": [HostUnknownOutcome("?"), None], "lock": []})

    assert carry_out(builder, apply=True)

    assert builder.done == ["door", "lock", "door"]
    assert "no clear answer" in capsys.readouterr().out


def test_a_refusal_stops_it_and_the_next_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder({"door": [], "lock": [HostRejected("no"), None], "bell": []})

    with pytest.raises(HostRejected):
        carry_out(builder, apply=True)
    assert builder.done == ["door", "lock"]
    assert "make lock ... not done" in capsys.readouterr().out

    assert carry_out(builder, apply=True)
    assert builder.done == ["door", "lock", "lock", "bell"]


def test_what_a_host_takes_and_never_shows_is_no_success() -> None:
    never: list[HostError | None] = [None] * 20

    with pytest.raises(click.ClickException, match="After 5 rounds 1 thing"):
        carry_out(Builder({"door": never}), apply=True)


def test_what_only_a_person_can_do_does_not_hide_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(Builder({}, by_hand="Turn it."), apply=True)
    shown = capsys.readouterr().out
    assert "By hand, because the host lets no program do it:" in shown
    assert "[spaces.x]" in shown

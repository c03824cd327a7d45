"""How ``coc-server setup`` goes about it: the plan is shown, carried out on request round by round, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from integration.errors import ConfigError, HostUnknownOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.setup import Deed, Setup

_MOST_ROUNDS = 5


def carry_out(setup: Setup, *, apply: bool) -> bool:
    """Show what is lacking; with ``apply``, make it. True if nothing is lacking at the end but what people do by hand.

    Raises:
        CoCError: the host refused something. What was done before stays, and the next run goes on from there.
    """
    deeds = setup.deeds()
    if apply:
        deeds = _rounds(setup, deeds)
    else:
        _show(deeds)
    doable = [deed for deed in deeds if deed.do is not None]
    by_hand = [deed for deed in deeds if deed.do is None]
    if doable and apply:
        raise click.ClickException(
            f"After {_MOST_ROUNDS} rounds {len(doable)} thing(s) are still lacking: {', '.join(d.key for d in doable)}. "
            "The host took each and does not show it. Look at its own pages, then run this again."
        )
    if by_hand:
        click.echo("\nBy hand, because the host lets no program do it:")
        for deed in by_hand:
            click.echo(f"  - {deed.what}. {deed.by_hand}")
    if doable:
        click.echo("\nNothing was changed. With --apply this is carried out.")
        return False
    try:
        click.echo(f"\nFor coc-server.toml:\n\n{setup.settings()}")
    except ConfigError as error:
        click.echo(f"\n{error}", err=True)
        return False
    return True


def _show(deeds: Sequence[Deed]) -> None:
    if not deeds:
        click.echo("Nothing is lacking.")
    for number, deed in enumerate(deeds, 1):
        click.echo(f"{number:3}. {deed.what}{'' if deed.do else '  (by hand)'}")


def _rounds(setup: Setup, deeds: Sequence[Deed]) -> Sequence[Deed]:
    for number in range(1, _MOST_ROUNDS + 1):
        doable = [deed for deed in deeds if deed.do is not None]
        if not doable:
            click.echo("Nothing is lacking." if number == 1 else "Read again: nothing is lacking any more.")
            return deeds
        for place, deed in enumerate(doable, 1):
            click.echo(f"{place:3}. {deed.what} ... ", nl=False)
            _do(deed)
        deeds = setup.deeds()
    return deeds


def _do(deed: Deed) -> None:
    if deed.do is None:
        return
    try:
        deed.do()
    except HostUnknownOutcome:
        click.echo("no clear answer; it is looked at again")
    except BaseException:
        click.echo("not done")
        raise
    else:
        click.echo("done")

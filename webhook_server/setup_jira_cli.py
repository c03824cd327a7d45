"""``coc-server setup jira``: a company-managed project becomes a ticket space that only the team can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from integration.errors import ConfigError
from integration.incident import SpaceName
from integration.jira.admin import Credential, JiraAdmin
from integration.jira.setup import JiraSetup, Plan, find_account
from integration.jira.space import JiraLogin
from integration.roster_files import enter
from webhook_server.setup_plan import carry_out

_TOKEN_VARIABLE = "COC_ADMIN_TOKEN"  # noqa: S105 - the name of a variable, no secret
_path = click.Path(path_type=Path)


@click.command()
@click.argument("name")
@click.option("--site", required=True, help="Such as https://acme.atlassian.net.")
@click.option("--project", required=True, help="The key of a company-managed project, such as COC.")
@click.option("--admin-email", required=True, help="A Jira admin's mail address.")
@click.option(
    "--admin-token-file",
    type=_path,
    help=f"Holds that admin's API token. Without it, {_TOKEN_VARIABLE} is taken, or you are asked. It is kept nowhere.",
)
@click.option("--bot-email", required=True, help="The mail address of the service's own account.")
@click.option("--bot-account", help="Its account id, if Jira does not find it by the address.")
@click.option("--roster", "roster_path", type=_path, default=Path("roster.toml"), show_default=True)
@click.option(
    "--hook-url",
    help="Where Jira sends its events: https://YOUR-SERVER/from/NAME. Without it there is no webhook.",
)
@click.option(
    "--hook-secret-file",
    type=_path,
    help="Gets the webhook's secret (mode 0600), or holds it from an earlier run. Needed with --hook-url.",
)
@click.option(
    "--apply", is_flag=True, help="Carry it out. Without it, the plan is shown and nothing is changed."
)
def jira(
    name: str,
    site: str,
    project: str,
    admin_email: str,
    admin_token_file: Path | None,
    bot_email: str,
    bot_account: str | None,
    roster_path: Path,
    hook_url: str | None,
    hook_secret_file: Path | None,
    *,
    apply: bool,
) -> None:
    """Set up the Jira project of the ticket space NAME: roles, schemes, security level, fields, screens, webhook."""
    if (hook_url is None) != (hook_secret_file is None):
        raise click.UsageError("--hook-url and --hook-secret-file go together.")
    roster = enter(roster_path).roster
    members = {one.alias: one.accounts["jira"] for one in roster.members if "jira" in one.accounts}
    if not members:
        raise ConfigError(
            f"The roster {roster_path}", ["no member has an account on Jira, so nobody could read"]
        )
    space = JiraLogin(SpaceName(name), site, project, admin_email)
    admin = Credential(admin_email, _token(admin_token_file))
    client = JiraAdmin(space, admin)
    client.must_be_admin()
    client.classic_project()
    bot = bot_account or find_account(client, bot_email)
    secret, waiting = _secret(hook_secret_file, apply=apply)
    plan = Plan(
        space,
        bot_email,
        bot,
        members,
        hook_url,
        secret,
        str(hook_secret_file.resolve()) if hook_secret_file is not None else "",
        secret_is_new=waiting is not None,
    )
    click.echo(
        f"{client.host}, project {project}: {len(members)} member(s) of roster {roster.serial}, service's account {bot}."
    )
    done = carry_out(JiraSetup(plan, admin), apply=apply)
    if hook_secret_file is not None and waiting is not None and apply and done:
        waiting.replace(hook_secret_file)
        click.echo(f"The webhook's secret is in {hook_secret_file}.")


def _token(path: Path | None) -> str:
    if path is not None:
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(
                f"{path} cannot be read as a token ({type(error).__name__})."
            ) from None
    if token := os.environ.get(_TOKEN_VARIABLE, "").strip():
        return token
    return str(click.prompt("API token of the Jira admin", hide_input=True)).strip()


def _secret(path: Path | None, *, apply: bool) -> tuple[str, Path | None]:
    """The webhook's secret, and the file beside ``path`` that holds it until Jira has it; None if Jira has it.

    Only when it is in Jira does the secret get its name: after a crash between the two, Jira is given it again.
    """
    if path is None:
        return "", None
    try:
        if path.exists():
            return _held(path), None
        waiting = path.with_name(f"{path.name}.new")
        if not apply:
            return "", waiting
        if not waiting.exists():
            with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        return _held(waiting), waiting
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"The file for the webhook's secret, {path}, cannot be used ({type(error).__name__})."
        ) from None


def _held(path: Path) -> str:
    secret = path.read_text(encoding="ascii").strip()
    if not secret:
        raise click.ClickException(f"{path} is empty. Delete it, and run this again.")
    return secret

"""``coc-server setup github``: make a GitHub repository into a ticket space, dry run first."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import click

from integration.errors import ConfigError
from integration.github.app_manifest import NewApp, convert, form_address, manifest
from integration.github.client import Client
from integration.github.credential import AppCredential, TokenCredential
from integration.github.setup import GitHubSetup, Wanted
from integration.github.space import GitHubSpace
from integration.incident import SpaceName
from integration.roster_files import enter
from webhook_server.setup_github_app import code_from_browser
from webhook_server.setup_plan import carry_out

_TOKEN = "COC_GITHUB_OWNER_TOKEN"  # noqa: S105 - the variable's name
_SPACE = re.compile(r"[a-z][a-z0-9-]{0,38}\Z")


@click.command()
@click.argument("name")
@click.option("--owner", required=True, help="The organisation (or user) on GitHub.")
@click.option("--repository", required=True, help="The repository's name.")
@click.option(
    "--roster",
    "roster_path",
    type=click.Path(path_type=Path),
    default=Path("roster.toml"),
    show_default=True,
    help="Whose members are let in, by their GitHub accounts.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    show_default=True,
    help="Where the configuration is; keys and secrets are put there.",
)
@click.option(
    "--origin", help="The service's public address, such as https://coc.example.org: events are sent there."
)
@click.option(
    "--app", "as_app", is_flag=True, help="Make a GitHub App in the browser, or use the one made before."
)
@click.option("--app-id", help="Use an App that exists; its key is in --private-key-file.")
@click.option("--private-key-file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Use an account's token, kept in this file, in place of an App.",
)
@click.option(
    "--owner-token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"An owner's short-lived token. Without it, {_TOKEN} is taken, or you are asked.",
)
@click.option(
    "--issue-fields",
    is_flag=True,
    help="Show incidents in issue fields of the organisation; members then need the role write.",
)
@click.option("--base-url", default="https://api.github.com", show_default=True, help="The API's address.")
@click.option("--apply", "apply_it", is_flag=True, help="Carry the plan out. Without it, nothing is changed.")
def github(
    name: str,
    owner: str,
    repository: str,
    roster_path: Path,
    folder: Path,
    origin: str | None,
    as_app: bool,  # noqa: FBT001 - click gives options so
    app_id: str | None,
    private_key_file: Path | None,
    token_file: Path | None,
    owner_token_file: Path | None,
    issue_fields: bool,  # noqa: FBT001
    base_url: str,
    apply_it: bool,  # noqa: FBT001
) -> None:
    """Set up the GitHub repository OWNER/REPOSITORY as the ticket space NAME: first a plan, with --apply the work.

    The owner's token stays in memory and is never stored. A second run finds nothing to do.
    """
    if not _SPACE.match(name):
        raise click.BadParameter("a space's name is lower-case letters, digits and hyphens, at most 39")
    if sum((as_app, app_id is not None, token_file is not None)) != 1:
        raise click.UsageError("Choose one of --app, --app-id with --private-key-file, and --token-file.")
    if (app_id is None) != (private_key_file is None):
        raise click.UsageError("--app-id and --private-key-file go together.")
    space = GitHubSpace(SpaceName(name), owner, repository, base_url)
    files = _Files(folder, name)
    hook_url = f"{origin.rstrip('/')}/from/{name}" if origin else ""
    roster = enter(roster_path).roster
    if not roster.accounts("github"):
        raise ConfigError(
            f"The roster {roster_path}", ["no member has an account on GitHub, so nobody could read"]
        )
    token = _owner_token(owner_token_file)
    bot: AppCredential | TokenCredential | None
    if app_id is not None and private_key_file is not None:
        bot, bot_file = AppCredential(app_id, _read(private_key_file)), private_key_file
    elif token_file is not None:
        bot, bot_file = TokenCredential(_read(token_file).strip()), token_file
    else:
        bot, bot_file = _own_app(space, token, files, hook_url, apply_it=apply_it), files.key
    if bot is None:
        return
    secret, is_new = ("", False)
    if isinstance(bot, TokenCredential) and hook_url:
        secret, is_new = files.hook_secret(make=apply_it)
    wanted = Wanted(
        space=space,
        accounts=roster.accounts("github"),
        aliases=frozenset(member.alias for member in roster.members),
        bot=bot,
        bot_file=_named(bot_file, folder),
        hook_url=hook_url,
        hook_secret=secret,
        hook_secret_is_new=is_new,
        hook_secret_file=files.secret.name if secret or is_new or files.secret.exists() else "",
        issue_fields=issue_fields,
    )
    done = carry_out(GitHubSetup(wanted, token), apply=apply_it)
    if done and apply_it and is_new:
        files.waiting.replace(files.secret)


# Credentials ----------------------------------------------------------------------------------------


class _Files:
    """Keys and secrets of a ticket space, in the configuration's folder, for this account only."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = folder / f"{name}-app.pem"
        self.app_id = folder / f"{name}-app.id"
        self.secret = folder / f"{name}-webhook.secret"
        self.waiting = folder / f"{name}-webhook.secret.new"

    def hook_secret(self, *, make: bool) -> tuple[str, bool]:
        """The webhook's secret, and whether GitHub may not have it yet.

        Until GitHub has it, it is in :attr:`waiting`: after a crash in between, GitHub is given it again.
        """
        if self.secret.exists():
            return _read(self.secret).strip(), False
        if not make:
            return "", True
        if not self.waiting.exists():
            write_secret(self.waiting, secrets.token_hex(32))
        return _read(self.waiting).strip(), True

    def keep(self, app: NewApp) -> None:
        """Store a new App, its key first: GitHub never gives it again."""
        write_secret(self.key, app.private_key)
        if app.webhook_secret:
            write_secret(self.secret, app.webhook_secret)
        self.app_id.write_text(app.id + "\n", encoding="utf-8")


def write_secret(path: Path, content: str) -> None:
    """A new file that only this account may read, on disk when this returns.

    Raises:
        OSError: it exists, or cannot be written.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _own_app(
    space: GitHubSpace, token: TokenCredential, files: _Files, hook_url: str, *, apply_it: bool
) -> AppCredential | None:
    """The App that was made before, or a new one; none yet in a dry run."""
    if files.app_id.exists() and files.key.exists():
        return AppCredential(_read(files.app_id).strip(), _read(files.key))
    if files.key.exists() or files.secret.exists():
        raise ConfigError(
            "The folder for keys",
            [f"{files.key.name} or {files.secret.name} is there, but no App; move the files away"],
        )
    if not apply_it:
        click.echo("  1. [do] Make a GitHub App in the browser, and keep its key and its webhook's secret.\n")
        click.echo(
            "Nothing was changed. With --apply it is made, and the repository is set up with it, each thing shown as it is done."
        )
        return None
    client = Client(base_url=space.base_url, owner=space.owner, repository=space.repository, credential=token)
    owner = client.get_object(f"/users/{space.owner}", "look at the owner")
    organisation = space.owner if owner.get("type") == "Organization" else None
    code = code_from_browser(
        lambda back: manifest(
            name=f"{space.owner} {space.name}"[:34],
            about=hook_url.rpartition("/from/")[0] or "https://docs.github.com/en/apps",
            redirect_url=back,
            hook_url=hook_url,
        ),
        lambda state: form_address(space.base_url, organisation, state),
        lambda address: click.echo(f"Open {address} in a browser on this machine. Waiting …"),
    )
    if code is None:
        raise click.ClickException("Nobody came back from GitHub within the hour. Nothing was made.")
    app = convert(client, code)
    files.keep(app)
    click.echo(f"Made the App {app.slug} (id {app.id}). Its key is in {files.key.name}.\n")
    return AppCredential(app.id, app.private_key)


def _owner_token(path: Path | None) -> TokenCredential:
    """Never from the command line, where every account of the machine could read it."""
    given = _read(path) if path is not None else os.environ.get(_TOKEN, "")
    given = given or click.prompt("An owner's token (it is not stored)", hide_input=True)
    if not given.strip().isascii() or not given.strip():
        raise click.ClickException("That is not a GitHub token. Nothing was done.")
    return TokenCredential(given.strip())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"{path} cannot be read ({type(error).__name__}). Nothing was done."
        ) from None


def _named(path: Path, folder: Path) -> str:
    """How the configuration names a file: relative to its folder where it lies in it."""
    whole, home = path.resolve(), folder.resolve()
    return str(whole.relative_to(home)) if whole.is_relative_to(home) else str(whole)

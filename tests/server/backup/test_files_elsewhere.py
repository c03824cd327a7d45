"""A backup holds what the configuration names in its own folder, by whatever path, and says what it names elsewhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.server.backup.conftest import empty_machine, restore, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.backup.conftest import Site


def test_what_lies_outside_the_folder_is_named_and_an_absolute_path_into_it_is_in_the_backup(
    site: Site, tmp_path: Path
) -> None:
    folder, outside = site.config.parent, tmp_path / "elsewhere.secret"
    shutil.move(folder / "typeform.secret", outside)
    (folder / "typeform.secret").symlink_to(outside)
    text = site.config.read_text().replace('"github.token"', f'"{folder / "github.token"}"')
    site.config.write_text(text)

    made = run("backup", site.backups, "--config", site.config)

    assert 0 == made.exit_code
    assert f"because they lie outside {folder}: keep copies of them too.\n  {outside}\n" in made.output
    assert "github.token" not in made.output
    assert "root.key" not in made.output
    new = empty_machine(site, tmp_path)
    restore(site, next(site.backups.glob("*.age")), new)
    assert "a-token" == (new / "github.token").read_text()
    assert not (new / "typeform.secret").exists()


def test_a_backup_that_lacks_only_the_root_key_says_no_more(site: Site) -> None:
    made = run("backup", site.backups, "--config", site.config)

    assert made.output.endswith("The root key is not in it: keep its copy in another place.\n")

"""What the status says of keys: the root key file and the folder of the inbox keys must be those of this database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_server.store.durable_files import halves_of
from webhook_server.store.unopened import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhook_server.config import Config
    from webhook_server.store.overview import Overview


def key_warnings(config: Config, overview: Overview, now: datetime) -> Iterator[tuple[str, str]]:
    """What is the matter, and what to do."""
    alive = [worker for worker in overview.workers() if worker.is_alive(now)]
    if lacking := sorted({one.root_key_id for one in alive} - set(config.sealer.key_ids)):
        yield (
            f"A running server seals with a root key that is not in {config.root_key_file.name}: {', '.join(lacking)}.",
            "Put the right root.key back before that server stops: without it the database cannot be read.",
        )
    if left := halves_of(config.root_key_file):
        yield (
            f"A rotation that was killed left root keys in {', '.join(one.name for one in left)}, beside {config.root_key_file.name}.",
            "The next start, or coc-server keys rotate or retire, removes them. Still there after that: delete them by hand.",
        )
    if overview.has_another_digest_key(config.sealer):
        yield (
            f"{config.root_key_file.name} has another key for digests than this database was filled with; a server would not start with it.",
            "Put the whole file back, with its line digests:…; see coc-server keys new-digests --help if no copy has it.",
        )
    if places := overview.unopened(config.sealer):
        lacking_or_damaged = (
            "All else works. If coc-server keys list names a root key that is not in the file, look for a copy of root.key that has it; "
            "otherwise they were damaged. For a report see coc-server jobs explain."
        )
        yield (
            f"{len(places)} sealed value(s) do not open with {config.root_key_file.name}: {', '.join(shown(places))}.",
            lacking_or_damaged,
        )
    if count := overview.keys_of_another(config.inbox_keys):
        yield (
            f"{count} inbox key(s) in {config.inbox_keys} were not made for this database; none of them is ever destroyed.",
            'Reports in a lost database may need them: docs/server.md, "Keys of another database".',
        )

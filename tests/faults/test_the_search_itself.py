"""The verdict would see a leak: it finds what lies in a file or was sent to a host."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import requests

from tests.faults.searched import found_in_files
from tests.faults.world import fault_world

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity


def test_what_lies_in_a_file_or_was_sent_to_a_host_is_found(
    tmp_path: Path, identities: dict[str, Identity]
) -> None:
    with fault_world(tmp_path / "server", identities=identities) as world:
        told = world.canary.text("report")
        assert [] == found_in_files(world.play.folder, world.canary)

        (world.play.folder / "coc.sqlite-wal").write_bytes(b"page " + base64.b64encode(told.encode()))
        requests.post(f"{world.play.jira_url}/rest/api/3/issue", data=json.dumps({"is": told}), timeout=10)
        requests.get(f"{world.play.github_url}/search/issues", params={"q": told}, timeout=10)

        assert ["coc.sqlite-wal: report as base64"] == found_in_files(world.play.folder, world.canary)
        assert world.journals["jira"].found
        assert world.journals["github"].found

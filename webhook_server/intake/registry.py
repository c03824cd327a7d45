"""The readers, one line each. To add one: docs/intake.md, a module, a fixture folder, a line here."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from webhook_server.intake import generic, typeform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_server.intake.reading import Read


@dataclass(frozen=True, slots=True)
class Reader:
    """One form tool: how its deliveries are read, how they usually prove their origin, where to read up."""

    name: str
    read: Read
    usual_scheme: str
    heading: str


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        reader.name: reader
        for reader in (
            Reader("generic", generic.read, "standard-webhooks", "Anything that can send signed JSON"),
            Reader("typeform", typeform.read, "typeform", "Typeform"),
        )
    }
)
"""By the name a source's configuration uses. ``heading`` is the section of docs/intake.md."""

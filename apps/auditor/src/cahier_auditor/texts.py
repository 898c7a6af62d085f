"""The words behind a leaf, as they are still disclosed; what was erased reads `[erased]`."""

from __future__ import annotations

import json

from cahier_auditor.source import Source, texts_path

ERASED = "[erased]"
ELSEWHERE = "[not in this source]"


class Texts:
    """Looks texts up by service and event id. erased: ids whose texts went, by service."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.erased: set[tuple[str, str]] = set()

    def word(self, service: str, event_id: str, name: str) -> str:
        """One text of an event; "" where the event never had it."""
        if (service, event_id) in self.erased:
            return ERASED
        path = texts_path(service, event_id)
        raw = self._source.read(path) if path else None
        if raw is None:
            return ELSEWHERE
        try:
            return {str(one[1]): str(one[2]) for one in json.loads(raw)}.get(name, "")
        except (ValueError, TypeError, LookupError):
            return ELSEWHERE

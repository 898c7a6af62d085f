"""Names for those who assess: pseudonyms under a key that is made with the first assessment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from cahier_chassis.pseudonyms import HmacPseudonyms, load_pseudonyms


class AssessorNames:
    """application.life.Pseudonyms. A lost key is made anew only while nobody has assessed."""

    def __init__(self, path: Path, has_assessments: Callable[[], bool]) -> None:
        self._path = path
        self._has_assessments = has_assessments
        self._lock = threading.Lock()
        self._names: HmacPseudonyms | None = None

    def of(self, person: str, thing: str) -> str:
        """As the port says; raises keys.KeyUnusable."""
        with self._lock:
            if self._names is None:
                self._names = load_pseudonyms(self._path, may_create=not self._has_assessments())
            return self._names.of(person, thing)

"""Moves a log's files from a folder into the store, when a service is told to keep them there.

Tiles could be written again from the events; the history of checkpoints and what witnesses said of
them could not.
"""

from __future__ import annotations

from itertools import islice

from cahier_ledger.log import layout
from cahier_ledger.log.storage import FolderTiles, TileStore

FILES_AT_ONCE = 32
"""Held in memory together; a bundle has 16 MiB at most, and some 80 KiB as leaves are."""
_LAST = layout.at(1, layout.CHECKPOINT)


def carry_over(folder: FolderTiles, store: TileStore) -> int:
    """Copies a folder's files into a store that serves no log yet; says how many there were.

    The checkpoint that says so comes last: whoever is stopped before begins again. Several
    processes may do it at once. The folder keeps its files. Raises StoreUnavailable.
    """
    if folder.get(_LAST) is None or store.get(_LAST) is not None:
        return 0
    found = sorted(folder.list(""), key=lambda path: (path == _LAST, path))
    rest = (path for path in found if not _is_served(path))
    while some := list(islice(rest, FILES_AT_ONCE)):
        contents = {path: folder.get(path) for path in some}
        store.put({path: each for path, each in contents.items() if each is not None})
    for path in filter(_is_served, found):
        # Another process may have finished, and gone on, meanwhile.
        store.replace(path, None, folder.get(path) or b"")
    return len(found)


def _is_served(path: str) -> bool:
    """Whether it is the checkpoint that an epoch serves."""
    return path.count("/") == 1 and path.endswith(f"/{layout.CHECKPOINT}")

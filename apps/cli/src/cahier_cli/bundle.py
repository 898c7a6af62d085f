"""`cahier export bundle`: everything an auditor needs, as plain files, from the stores themselves.

Works on a running city and on a stopped one: it reads the committed leaves and copies their bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cahier_record.budget
import cahier_record.consultation
import cahier_record.identity
import cahier_record.notifications
import cahier_record.reporting
from cahier_cli.city import SERVICES, CityError, CityFolder
from cahier_cli.storage import open_stores
from cahier_ledger.leaves import disclosure_json
from cahier_ledger.log.entries import write_entries
from cahier_ledger.model import PublicRow
from cahier_ledger.stores import Stores
from cahier_record.events import json_schema, registered

PAGE = 1_000
REGISTERED = (
    cahier_record.budget,
    cahier_record.consultation,
    cahier_record.identity,
    cahier_record.notifications,
    cahier_record.reporting,
)


def export_bundle(folder: CityFolder, out: Path) -> dict[str, int]:
    """Writes the bundle into `out`, which must be new or empty; answers leaves by service.

    Raises CityError for a folder without a city, or an `out` that holds something.
    """
    if not folder.exists:
        raise CityError(f"{folder.root} holds no city")
    if out.exists() and any(out.iterdir()):
        raise CityError(f"{out} is not empty: a bundle is written into a new folder")
    out.mkdir(parents=True, exist_ok=True)
    with open_stores(folder) as stores_of:
        sizes = {service: _export_log(stores_of(service), out) for service in SERVICES}
    _write_schemas(out / "schema")
    _write_sums(out)
    return sizes


def read_log(stores: Stores) -> Iterator[PublicRow]:
    """Every committed leaf of a service, in order; raises CityError where there is no log."""
    if not stores.exist():
        raise CityError(f"there is no log of {stores.service} yet: start the city once")
    with_rows = stores.open_reader()
    try:
        after = 0
        while rows := with_rows.read_public(after, PAGE):
            yield from rows
            after = rows[-1].public_seq
    finally:
        with_rows.close_reader()


def _export_log(stores: Stores, out: Path) -> int:
    reader = stores.open_reader()
    service = stores.service
    texts = out / "disclosures" / service
    texts.mkdir(parents=True)

    def leaves() -> Iterator[bytes]:
        for row in read_log(stores):
            listed = [json.loads(disclosure_json(one)) for one in reader.disclosures(row.id)]
            if listed:
                _write_json(texts / f"{row.id}.json", listed)
            yield row.leaf

    try:
        (out / "tlog" / service).mkdir(parents=True)
        return write_entries(out / "tlog" / service, leaves())
    finally:
        reader.close_reader()


def _write_schemas(folder: Path) -> None:
    folder.mkdir()
    for event_type, _ in registered():
        _write_json(folder / f"{event_type}.json", json_schema(event_type))


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def _write_sums(out: Path) -> None:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(out).as_posix()}\n"
        for file in files
    ]
    (out / "SHA256SUMS").write_text("".join(lines), "utf-8")

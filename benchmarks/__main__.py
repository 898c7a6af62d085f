"""`python -m benchmarks [--quick] [--write] [NAME ...]`: prints ratios measured in this run."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.sizes import FULL, QUICK, TINY

NAMES = {
    "ballots": "ballots accepted over gRPC, against the plain eventsourcing path",
    "stored": "the same with 0, 100,000 and 1,000,000 ballots stored",
    "replay": "replay of 1,000,000 ballots into the tally, against a bare SELECT",
    "log": "leaves hashed, root, verification and proofs of a public log, against hashlib",
    "sequencer": "events into the public log, and how long their receipts take",
    "verify": "cahier-audit verify of 1,000,000 leaves, against hashing them",
    "memory": "memory of each process of `cahier up`, at rest and under load",
    "mail": "a public event to the mail that it causes, at 200 events a second",
    "pages": "pages of the portal, against a bare page of the web framework",
    "telemetry": "calls with traces off, made, kept, and sent to a collector",
    "postgres": "ballots accepted with the store on PostgreSQL, against SQLite",
    "tally": "counting by every rule, against pabutools, which must find the same winners",
}


def main() -> None:
    """Runs the named benchmarks, or all."""
    listed = "\n".join(f"  {name:<9} {what}" for name, what in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a figure")
    parser.add_argument("--tiny", action="store_true", help="smallest sizes: does it run?")
    parser.add_argument("--folder", type=Path, help="where stores are made; a temporary one")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    args = parser.parse_args()
    if args.list:
        print(listed)
        return
    unknown = set(args.names) - set(NAMES)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}\n{listed}")
    # Servers are stopped on the way out, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sizes = TINY if args.tiny else QUICK if args.quick else FULL
    for name in args.names or NAMES:
        with tempfile.TemporaryDirectory(prefix="cahier-bench-", dir=args.folder) as folder:
            importlib.import_module(f"benchmarks.{name}").run(Path(folder), sizes)
        print(flush=True)


if __name__ == "__main__":
    main()

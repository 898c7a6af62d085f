"""`python -m tests.simulation --seed N`: repeats one run; `--first A --count N`: runs many."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.simulation.run import RunFailed, run_seed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeat this run and tell what happened in it")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a failure")
    options = parser.parse_args()
    seeds = (
        [options.seed]
        if options.seed is not None
        else range(options.first, options.first + options.count)
    )
    failed = []
    started_s = time.perf_counter()
    for seed in seeds:
        try:
            report = run_seed(seed)
        except RunFailed as failure:
            failed.append(seed)
            print(failure)
            if options.seed is not None:
                traceback.print_exception(failure.__cause__)
            if not options.keep_going:
                break
        else:
            if options.seed is not None:
                print(*report.trace, sep="\n")
            print(
                f"seed {report.seed}: holds; {report.virtual_s:.0f} s of city life, "
                f"{report.events} events, {report.calls} calls, {report.lives} lives, "
                f"{report.steps} steps, digest {report.digest}"
            )
    print(f"{time.perf_counter() - started_s:.1f} s; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

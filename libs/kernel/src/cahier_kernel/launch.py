"""Starts a command that dies with its parent: nothing survives a supervisor that was killed.

`python -m cahier_kernel.launch PARENT_PID COMMAND...` asks Linux for SIGKILL at the parent's
death (prctl(2), PR_SET_PDEATHSIG) and becomes the command, under the same process id. A program
of its own because the other way, code that runs in the child between fork and exec
(`preexec_fn`), is not safe in a parent with threads: gRPC's abort such a child now and then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

EXIT_USAGE = 2
EXIT_ORPHANED = 125
EXIT_CANNOT_EXECUTE = 126
EXIT_NOT_FOUND = 127
_PR_SET_PDEATHSIG = 1


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The argv that runs `command` as a child of this process and not a moment longer.

    The child gets SIGKILL when the thread that started it ends, so start it from one that lives
    as long as the process; children of the child do not inherit that. On other systems than
    Linux the command outlives its parent. A command that cannot be run ends as in a shell: 126,
    or 127 when it is not found; 125 when the parent was gone before the command began.
    """
    # By path and without site-packages: only the standard library is needed, and most of the
    # time that Python takes to start goes into looking for the rest.
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Becomes the command; returns an exit code only when it cannot."""
    if len(arguments) < 2 or not arguments[0].isdecimal():
        return _refuse(EXIT_USAGE, "usage: python -m cahier_kernel.launch PARENT_PID COMMAND...")
    parent, command = int(arguments[0]), arguments[1:]
    _ask_for_death_with_parent()
    if os.getppid() != parent:  # it died before it was asked for: nobody would be told
        return _refuse(EXIT_ORPHANED, f"process {parent} is not the parent (any more)")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would keep that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))
    except FileNotFoundError as error:
        return _refuse(EXIT_NOT_FOUND, f"{command[0]}: {error.strerror}")
    except OSError as error:
        return _refuse(EXIT_CANNOT_EXECUTE, f"{command[0]}: {error.strerror}")


def _ask_for_death_with_parent() -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def _refuse(code: int, reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Free loopback ports for servers that must be found again on the same port.

The kernel's own choice (port 0) comes out of the ephemeral range, from which every outgoing
connection of the machine takes its port too: between the choice and the listening, or while a
server is being restarted, one of them may sit on it. So these are drawn below that range.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST = 20_000
EPHEMERAL_FIRST_DEFAULT = 32_768
ROOM_MIN = 1_000
TRIES_MAX = 1_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now; who takes them is not waited for.

    Drawn at random, so that two callers at the same moment hardly draw alike. Raises OSError when
    TRIES_MAX draws found fewer.
    """
    below = _ephemeral_first()
    with ExitStack() as held:  # all at once, so that no two are alike
        ports: list[int] = []
        for _ in range(TRIES_MAX):
            if len(ports) == count:
                return ports
            probe = held.enter_context(socket.socket())
            try:
                # An operator may have left no room below: then the kernel chooses after all.
                room = below - FIRST >= ROOM_MIN
                probe.bind((LOOPBACK, random.randrange(FIRST, below) if room else 0))
            except OSError:
                continue
            ports.append(int(probe.getsockname()[1]))
    raise OSError(f"{count} free ports on {LOOPBACK} were not found in {TRIES_MAX} tries")


def free_port() -> int:
    """One of `free_ports`."""
    return free_ports(1)[0]


def _ephemeral_first() -> int:
    """The first port of the ephemeral range (ip-sysctl, ip_local_port_range)."""
    try:
        return int(_RANGE.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL_FIRST_DEFAULT

"""Free loopback ports for servers that must be found again on the same port.

The kernel's own choice (port 0) comes out of the ephemeral range, from which every outgoing
connection of the machine takes its port too: between the choice and the listening, or while a
server is being restarted, one of them may sit on it. So these are drawn below that range.

They stay reserved for who asked: this process keeps a socket bound to each of the last
RESERVED_MAX, which listens to nothing. Linux lets a server listen beside it that sets
SO_REUSEADDR, as all of ours do, and `free_ports` of no other process draws the same.
"""

from __future__ import annotations

import random
import socket
import sys
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST = 20_000
EPHEMERAL_FIRST_DEFAULT = 32_768
ROOM_MIN = 1_000
TRIES_MAX = 1_000
RESERVED_MAX = 128
_reserved: deque[socket.socket] = deque()
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody has now, reserved from here on.

    Raises OSError when TRIES_MAX draws found fewer.
    """
    with ExitStack() as drawn:
        found: list[socket.socket] = []
        for _ in range(TRIES_MAX):
            if len(found) == count:
                drawn.pop_all()
                return [_reserve(each) for each in found]
            probe = drawn.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((LOOPBACK, _draw()))
                found.append(probe)
    raise OSError(f"{count} free ports on {LOOPBACK} were not found in {TRIES_MAX} tries")


def free_port() -> int:
    """One of `free_ports`."""
    return free_ports(1)[0]


def _draw() -> int:
    """A port below the ephemeral range; 0, for the kernel to choose, where no room was left."""
    below = _ephemeral_first()
    return random.randrange(FIRST, below) if below - FIRST >= ROOM_MIN else 0


def _reserve(bound: socket.socket) -> int:
    """Keeps the socket, and closes the oldest where there are too many; answers its port."""
    port = int(bound.getsockname()[1])
    if sys.platform != "linux":  # Others would let nobody listen beside it.
        bound.close()
        return port
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _reserved.append(bound)
    while len(_reserved) > RESERVED_MAX:
        _reserved.popleft().close()
    return port


def _ephemeral_first() -> int:
    """The first port of the ephemeral range (ip-sysctl, ip_local_port_range)."""
    try:
        return int(_RANGE.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL_FIRST_DEFAULT

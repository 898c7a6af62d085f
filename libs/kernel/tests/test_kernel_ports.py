"""Ports that stay free: outside of those that outgoing connections take."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from cahier_kernel import ports
from cahier_kernel.ports import (
    FIRST,
    LOOPBACK,
    RESERVED_MAX,
    TRIES_MAX,
    free_port,
    free_ports,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone reserves ports so")


def test_ports_differ_can_be_listened_on_and_lie_below_those_of_outgoing_connections() -> None:
    found = free_ports(40)
    assert len(set(found)) == 40
    for port in found:
        with socket.create_server((LOOPBACK, port)) as server:
            with socket.create_connection((LOOPBACK, port)) as client:
                assert client.getsockname()[1] > max(found)
            server.close()


@linux_only
def test_a_port_stays_reserved_for_who_asked_also_while_its_server_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    for _ in range(2):  # A server that is stopped and started again.
        with socket.create_server((LOOPBACK, port)):
            assert_not_drawn(port, monkeypatch)
        assert_not_drawn(port, monkeypatch)


@linux_only
def test_only_the_last_ports_stay_reserved() -> None:
    first = free_port()
    free_ports(RESERVED_MAX)
    assert len(ports._reserved) == RESERVED_MAX
    with socket.socket() as other:
        other.bind((LOOPBACK, first))


def assert_not_drawn(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "TRIES_MAX", 3)
    monkeypatch.setattr(ports, "_draw", lambda: port)
    with pytest.raises(OSError, match="were not found"):
        free_port()
    monkeypatch.undo()


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, free_port())) as taken:
        port = int(taken.getsockname()[1])
        drawn = iter([port, port, port + 1, port + 2, port + 3])
        monkeypatch.setattr(ports.random, "randrange", lambda *_: next(drawn))
        assert free_port() > port


def test_too_many_ports_are_refused_by_number() -> None:
    with pytest.raises(OSError, match=f"{TRIES_MAX + 1} free ports"):
        free_ports(TRIES_MAX + 1)


def test_where_no_room_is_left_below_the_kernel_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "range"
    odd.write_text(f"{FIRST + 10}\t60999\n")
    monkeypatch.setattr(ports, "_RANGE", odd)
    assert free_port() > FIRST
    odd.write_text("no numbers here")
    assert FIRST <= free_port() < ports.EPHEMERAL_FIRST_DEFAULT

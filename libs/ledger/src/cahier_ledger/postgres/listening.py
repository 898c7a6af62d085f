"""Hears of the commits of all processes on one schema, so that tailers need not poll.

LISTEN/NOTIFY wakes at once; because a notice is lost with its connection, the heads are also
read from time to time and after every reconnection. Who looks each second is also the one to
notice that the server holds its connections and answers none.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Callable

import psycopg
from psycopg import sql

from cahier_ledger.model import Heads
from cahier_ledger.postgres.connections import connect
from cahier_ledger.postgres.pulse import LOOK_S_MAX, BoundedConnection, ServerSilent, pulse_of
from cahier_ledger.postgres.reader import read_heads
from cahier_ledger.postgres.writer import channel

LOOK_EVERY_S = 1.0
RECONNECT_AFTER_S = 0.5

_log = logging.getLogger(__name__)


class CommitListener:
    """A thread that calls `heard(heads)` after commits, until it is closed."""

    def __init__(self, dsn: str, schema: str, heard: Callable[[Heads], None]) -> None:
        self._dsn = dsn
        self._schema = schema
        self._heard = heard
        self._closing = False
        self._pulse = pulse_of(dsn)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="ledger-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread. Safe to call twice."""
        if self._closing:
            return
        self._closing = True
        self._wake.send(b"x")
        self._thread.join()
        self._pulse.beat()  # Nobody feels it from now on.
        self._wake.close()
        self._woken.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                with connect(self._dsn, self._schema, read_only=True) as connection:
                    # It must go on asking a server that is known to be silent.
                    self._listen(connection.bounded(LOOK_S_MAX, None))
            except (ServerSilent, psycopg.errors.ConnectionTimeout):
                self._pulse.missed()
                _log.warning("the database server does not answer")
            except (psycopg.Error, OSError) as error:
                self._pulse.beat()  # It is gone, which whoever asks learns at once.
                _log.info("not hearing of commits: %s", type(error).__name__)
                self._wait(None, RECONNECT_AFTER_S)

    def _listen(self, connection: BoundedConnection) -> None:
        listen = sql.SQL("LISTEN {}").format(sql.Identifier(channel(self._schema)))
        connection.execute(listen)
        self._heard(read_heads(connection))
        self._pulse.beat()
        while not self._closing:
            self._wait(connection, LOOK_EVERY_S)
            told = [notice.payload for notice in connection.notifies(timeout=0)]
            self._heard(_heads(told[-1]) if told else read_heads(connection))

    def _wait(self, connection: BoundedConnection | None, timeout_s: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            if connection is not None:
                selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.select(timeout_s)


def _heads(payload: str) -> Heads:
    seq, public_seq = payload.split()
    return Heads(int(seq), int(public_seq))

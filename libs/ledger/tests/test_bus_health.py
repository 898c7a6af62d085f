"""What is said about an error: its kind, its place, what its code means; never what it quotes."""

from __future__ import annotations

import errno
import os
import re
import sqlite3

from cahier_ledger.bus.health import Plain, whence

SECRET = "ada@example.org"


def caught(error: Exception, cause: Exception | None = None) -> str:
    try:
        raise error from cause
    except Exception as raised:
        return whence(raised)


def test_an_errors_text_is_left_out_its_kind_and_place_are_said() -> None:
    said = caught(ValueError(SECRET))
    assert re.fullmatch(r"ValueError at test_bus_health\.py:\d+", said)


def test_a_systems_error_says_what_its_number_means_not_its_text() -> None:
    said = caught(OSError(errno.ENOSPC, SECRET, f"/home/{SECRET}"))
    assert said.endswith(f": {os.strerror(errno.ENOSPC)}")
    assert SECRET not in said


def test_a_databases_error_says_its_code_even_as_a_cause() -> None:
    try:
        sqlite3.connect(":memory:").execute(f"SELECT '{SECRET}' FROM nowhere")
    except sqlite3.Error as error:
        broken = error
    assert caught(broken).endswith(": SQLITE_ERROR")
    said = caught(RuntimeError(SECRET), broken)
    assert said.startswith("RuntimeError at ")
    assert said.endswith(": SQLITE_ERROR")
    assert SECRET not in said


def test_an_error_of_ours_that_quotes_nothing_is_said_in_full() -> None:
    class Lost(Plain):
        """The stream is not there."""

    assert caught(Lost("public_seq 7 did not come next")) == "public_seq 7 did not come next"

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_kernel.clock import ManualClock, SystemClock
from cahier_ledger.log import witness_state
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.cosignature import check_cosignature
from cahier_ledger.log.merkle import EMPTY_ROOT, consistency_proof
from cahier_ledger.log.note import Vkey, parse_signatures
from cahier_ledger.log.witness import (
    REQUEST_BYTES_MAX,
    SIZE,
    Answer,
    Witness,
    parse_request,
    request_bytes,
)
from cahier_ledger.log.witness_state import Seen, StateRefused, StateUnavailable, WitnessState

ORIGIN = "a.example/tlog/budget"

# The sequence of requests in the tests of filippo.io/torchwood (internal/witness), an
# implementation of the same protocol: leaf hashes 2a00..., 2a01..., and so on.
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_PUBLIC = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"
FIRST = f"""old 0

{SIGSUM}
1
KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

— {SIGSUM} UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=
"""  # noqa: E501
TO_THREE = f"""old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{SIGSUM}
3
RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=

— {SIGSUM} UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=
"""  # noqa: E501
TO_FIVE = f"""old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=
KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{SIGSUM}
5
QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=

— {SIGSUM} UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=
"""  # noqa: E501
THREE_TO_FIVE = f"""old 3
KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
KgMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=
{TO_FIVE[TO_FIVE.index("KgQA") :]}"""


@pytest.fixture
def log(log_key: Any) -> Any:
    return log_key(ORIGIN)


@pytest.fixture
def submit(log: Any, log_tree: Any, log_checkpoint: Any) -> Callable[..., bytes]:
    """Makes the request from one size of the log's tree to another."""
    tree = log_tree(64)

    def make(old: int, new: int, tree: Any = tree) -> bytes:
        proof = consistency_proof(old, new, tree.read)
        return request_bytes(old, proof, log_checkpoint(new, tree.root(new), log))

    return make


def cosigned(answer: Answer, request: bytes, vkey: Vkey) -> int:
    """The time of the one cosignature in an answer, which must hold for the request's text."""
    assert answer.status == 200, answer
    (signature,) = parse_signatures(answer.body.decode())
    return check_cosignature(parse_request(request).note.body, signature, vkey)


def conflicts(answer: Answer, size: int) -> bool:
    return answer == Answer(409, SIZE, f"{size}\n".encode())


def test_another_implementations_requests_are_answered_as_it_answers(witness_of: Any) -> None:
    sigsum = Vkey.of(SIGSUM, bytes.fromhex(SIGSUM_PUBLIC))
    log = type("Log", (), {"vkey": sigsum})
    witness = witness_of(log)
    cosigned(witness.add_checkpoint(FIRST.encode()), FIRST.encode(), witness.vkey)
    for status, spelling in ((400, "6gp="), (403, "6gs=")):  # 6gp= spells the same bytes
        broken = TO_THREE.replace("6go=", spelling)
        assert witness.add_checkpoint(broken.encode()).status == status
    assert witness.add_checkpoint(TO_THREE.replace("KgIA", "KgIB").encode()).status == 422
    shorter = TO_THREE.replace("KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "")
    assert witness.add_checkpoint(shorter.encode()).status == 422
    cosigned(witness.add_checkpoint(TO_THREE.encode()), TO_THREE.encode(), witness.vkey)
    assert conflicts(witness.add_checkpoint(TO_FIVE.encode()), 3)
    cosigned(witness.add_checkpoint(THREE_TO_FIVE.encode()), THREE_TO_FIVE.encode(), witness.vkey)
    assert conflicts(witness.add_checkpoint(FIRST.encode()), 5)
    hashes = "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64
    too_long = FIRST.replace("old 0\n", "old 0\n" + hashes)
    assert witness.add_checkpoint(too_long.encode()).status == 400


def test_a_growing_log_is_cosigned_at_every_step(
    witness_of: Any, log: Any, submit: Any, witness_clock: ManualClock
) -> None:
    witness = witness_of(log)
    old = 0
    for new in (1, 2, 2, 7, 8, 8, 40, 64):
        witness_clock.set(witness_clock.now() + timedelta(seconds=1))
        request = submit(old, new)
        time_s = cosigned(witness.add_checkpoint(request), request, witness.vkey)
        assert time_s == int(witness_clock.now().timestamp())
        old = new


def test_a_wrong_old_size_is_told_the_right_one(witness_of: Any, log: Any, submit: Any) -> None:
    witness = witness_of(log)
    assert conflicts(witness.add_checkpoint(submit(3, 5)), 0)
    witness.add_checkpoint(submit(0, 5))
    assert conflicts(witness.add_checkpoint(submit(0, 5)), 5)
    assert conflicts(witness.add_checkpoint(submit(0, 9)), 5)
    assert conflicts(witness.add_checkpoint(submit(4, 9)), 5)
    assert conflicts(witness.add_checkpoint(submit(0, 3)), 5)
    assert conflicts(witness.add_checkpoint(submit(6, 9)), 5)


def test_another_root_of_the_same_size_is_a_conflict_and_kept_as_evidence(
    witness_of: Any, log: Any, submit: Any, log_tree: Any, tmp_path: Path
) -> None:
    witness = witness_of(log)
    witness.add_checkpoint(submit(0, 5))
    assert witness.forked == ()
    forked = log_tree(64, fork="'", fork_at=4)
    for _ in range(3):
        assert conflicts(witness.add_checkpoint(submit(5, 5, forked)), 5)
    state = WitnessState(tmp_path / "witness" / "state.db")
    ((seen, denied),) = state.evidence()
    assert parse_checkpoint(seen)[0].size == parse_checkpoint(denied)[0].size == 5
    assert parse_checkpoint(seen)[0].root != parse_checkpoint(denied)[0].root
    assert parse_checkpoint(denied)[0].root == forked.root(5)
    state.close()
    assert witness.forked == witness_of(log).forked == (ORIGIN,)


def test_evidence_is_bounded(witness_of: Any, log: Any, submit: Any, log_tree: Any) -> None:
    witness = witness_of(log)
    witness.add_checkpoint(submit(0, 5))
    for number in range(witness_state.EVIDENCE_MAX + 4):
        witness.add_checkpoint(submit(5, 5, log_tree(5, fork=f"{number}")))
    assert len(witness._state.evidence()) == witness_state.EVIDENCE_MAX


def test_a_fork_is_never_cosigned(witness_of: Any, log: Any, submit: Any, log_tree: Any) -> None:
    witness = witness_of(log)
    witness.add_checkpoint(submit(0, 5))
    forked = log_tree(64, fork="'", fork_at=4)
    for new in range(6, 20):
        assert witness.add_checkpoint(submit(5, new, forked)).status == 422
    same_prefix = log_tree(64, fork="'", fork_at=5)
    assert witness.add_checkpoint(submit(5, 9, same_prefix)).status == 200
    assert witness.add_checkpoint(submit(9, 12)).status == 422


def test_an_unknown_log_is_not_found_and_a_stranger_forbidden(
    witness_of: Any, log: Any, log_key: Any, log_checkpoint: Any, log_tree: Any
) -> None:
    witness = witness_of(log)
    root = log_tree(1).root(1)
    unknown = log_checkpoint(1, root, log_key("b.example/tlog/budget"))
    assert witness.add_checkpoint(request_bytes(0, [], unknown)).status == 404
    stranger = log_checkpoint(1, root, log_key(ORIGIN, number=1))
    assert witness.add_checkpoint(request_bytes(0, [], stranger)).status == 403
    both = log_checkpoint(1, root, log_key(ORIGIN, number=1), log)
    assert witness.add_checkpoint(request_bytes(0, [], both)).status == 200


def test_the_empty_tree_has_one_root(
    witness_of: Any, log: Any, log_checkpoint: Any, log_tree: Any
) -> None:
    witness = witness_of(log)
    for _ in range(2):
        wrong = request_bytes(0, [], log_checkpoint(0, bytes(32), log))
        assert witness.add_checkpoint(wrong).status == 422
        with_proof = request_bytes(0, [EMPTY_ROOT], log_checkpoint(0, EMPTY_ROOT, log))
        assert witness.add_checkpoint(with_proof).status == 422
        right = request_bytes(0, [], log_checkpoint(0, EMPTY_ROOT, log))
        assert witness.add_checkpoint(right).status == 200
    grown = log_checkpoint(1, log_tree(1).root(1), log)
    assert witness.add_checkpoint(request_bytes(0, [EMPTY_ROOT], grown)).status == 422
    assert witness.add_checkpoint(request_bytes(0, [], grown)).status == 200


def test_rubbish_is_a_bad_request(witness_of: Any, log: Any, submit: Any) -> None:
    witness = witness_of(log)
    good = submit(3, 5).decode()
    for broken in (
        "",
        "\n\n",
        good.replace("old 3", "old 03"),
        good.replace("old 3", "old -3"),
        good.replace("old 3", "old  3"),
        good.replace("old 3", "old"),
        good.replace("old 3", "new 3"),
        good.replace("old 3", f"old {1 << 63}"),
        good.replace("old 3\n", "old 3\nnot base64\n"),
        good.replace("old 3\n", "old 3\nc2hvcnQ=\n"),
        good.replace("\n\n", "\n", 1),
        good[:-1],
        good + "\n",
        good.replace("\n", "\r\n"),
        good.replace("old 3", "old 6"),
        "x" * (REQUEST_BYTES_MAX + 1),
    ):
        answer = witness.add_checkpoint(broken.encode())
        assert answer.status == 400, broken
        assert answer.content_type.startswith("text/plain")
    for raw in (b"\xff\xfe", good.encode() + b"\xff", b"\x00" * 100):
        assert witness.add_checkpoint(raw).status == 400


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_but_the_very_request_is_cosigned(data: st.DataObject) -> None:
    witness, request = _shared_witness()
    raw = bytearray(request)
    match data.draw(st.sampled_from(["flip", "cut", "insert", "noise"])):
        case "flip":
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            start = data.draw(st.integers(0, len(raw) - 1))
            del raw[start : start + data.draw(st.integers(1, 50))]
        case "insert":
            at = data.draw(st.integers(0, len(raw)))
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        case _:
            raw = bytearray(data.draw(st.binary(max_size=500)))
    answer = witness.add_checkpoint(bytes(raw))
    assert answer.status in (400, 403, 404, 409, 422), (answer, bytes(raw))


def test_a_checkpoint_sent_again_is_cosigned_without_another_write(
    witness_of: Any, log: Any, submit: Any, witness_clock: ManualClock
) -> None:
    witness = witness_of(log)
    witness.add_checkpoint(submit(0, 5))
    written = witness._state._db.total_changes
    for _ in range(3):
        again = submit(5, 5)
        cosigned(witness.add_checkpoint(again), again, witness.vkey)
    assert witness._state._db.total_changes == written
    witness_clock.set(witness_clock.now() + timedelta(seconds=1))
    witness.add_checkpoint(submit(5, 5))
    assert witness._state._db.total_changes == written + 1


def test_a_restarted_witness_remembers(witness_of: Any, log: Any, submit: Any) -> None:
    witness_of(log).add_checkpoint(submit(0, 5))
    again = witness_of(log)
    assert conflicts(again.add_checkpoint(submit(0, 3)), 5)
    assert again.add_checkpoint(submit(5, 9)).status == 200


def test_what_it_signs_is_on_the_disk_before(
    witness_of: Any, log: Any, submit: Any, witness_key: Any, tmp_path: Path
) -> None:
    file = tmp_path / "witness" / "state.db"
    found: list[int] = []

    def sign(message: bytes) -> bytes:
        with sqlite3.connect(file) as db:  # another process' view
            found.append(db.execute("SELECT size FROM seen").fetchone()[0])
        return bytes(witness_key.sign(message))

    witness = witness_of(log, sign=sign)
    witness.add_checkpoint(submit(0, 5))
    witness.add_checkpoint(submit(5, 9))
    assert found == [5, 9]


def test_the_state_is_written_through_to_the_disk(witness_of: Any, log: Any) -> None:
    # That a power cut loses nothing cannot be tried here; that SQLite is told so can.
    db = witness_of(log)._state._db
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_witness_whose_clock_was_set_back_does_not_sign_an_earlier_time(
    witness_of: Any, log: Any, submit: Any, witness_clock: ManualClock
) -> None:
    witness, before = witness_of(log), submit(0, 5)
    first_s = cosigned(witness.add_checkpoint(before), before, witness.vkey)
    witness_clock.set(witness_clock.now() - timedelta(days=1))
    after = submit(5, 9)
    assert cosigned(witness.add_checkpoint(after), after, witness.vkey) == first_s


def test_without_its_state_a_witness_does_not_start(
    tmp_path: Path, witness_key: Any, log_key: Any
) -> None:
    file = tmp_path / "state.db"
    with pytest.raises(StateRefused, match="retire the key"):
        WitnessState(file)
    WitnessState.create(file, witness_key.vkey).close()
    with pytest.raises(StateRefused, match="already"):
        WitnessState.create(file, witness_key.vkey)
    assert file.stat().st_mode & 0o777 == 0o600
    opened = WitnessState(file)
    assert opened.vkey == witness_key.vkey
    opened.close()
    file.write_bytes(b"not a database, but long enough to be one " * 100)
    with pytest.raises(StateRefused, match="not a witness' state"):
        WitnessState(file)
    other = tmp_path / "other.db"
    sqlite3.connect(other).close()
    other.write_bytes(b"")
    with pytest.raises(StateRefused):
        WitnessState(other)


def test_while_the_state_cannot_be_written_nothing_is_signed(
    witness_of: Any,
    log: Any,
    submit: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(witness_state, "BUSY_TIMEOUT_S", 0.05)
    signed: list[bytes] = []
    witness = witness_of(log, sign=lambda message: signed.append(message) or bytes(64))
    holder = sqlite3.connect(tmp_path / "witness" / "state.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    answer = witness.add_checkpoint(submit(0, 5))
    assert answer.status == 503
    assert signed == []
    holder.execute("ROLLBACK")
    holder.close()
    assert witness.add_checkpoint(submit(0, 5)).status == 200
    assert len(signed) == 1


def test_a_state_that_breaks_while_serving_is_an_answer_too(
    witness_of: Any, log: Any, submit: Any
) -> None:
    witness = witness_of(log)
    witness._state._db.close()
    assert witness.add_checkpoint(submit(0, 5)).status == 503
    with pytest.raises(StateUnavailable):
        witness._state.advance("x", lambda seen: seen)


@pytest.mark.parametrize("seed", range(6))
def test_requests_at_once_never_lead_to_two_signed_histories(
    witness_of: Any, log: Any, submit: Any, log_tree: Any, witness_key: Any, seed: int
) -> None:
    """Two forks race through several threads and two connections; one of them wins whole."""
    random = Random(seed)
    trees = [log_tree(64, fork=name, fork_at=8) for name in ("", "'", '"')]
    doors = [witness_of(log), witness_of(log)]
    signed: list[tuple[int, bytes]] = []
    lock = threading.Lock()

    def run(number: int) -> None:
        mine = Random(f"{seed} {number}")
        old = 0
        for _ in range(40):
            tree = mine.choice(trees)
            new = min(64, old + mine.randrange(0, 6))
            request = submit(old, new, tree)
            answer = mine.choice(doors).add_checkpoint(request)
            if answer.status == 200:
                cosigned(answer, request, witness_key.vkey)
                with lock:
                    signed.append((new, tree.root(new)))
                old = new
            elif answer.status == 409:
                old = int(answer.body)
            else:
                assert answer.status == 422

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    random.shuffle(signed)
    roots = {size: {root for s, root in signed if s == size} for size, _ in signed}
    assert all(len(found) == 1 for found in roots.values()), roots
    winners = [t for t in trees if all(t.root(s) == root for s, root in signed)]
    assert winners
    assert max(roots) > 8


def test_two_requests_from_one_size_are_decided_one_after_the_other(
    witness_of: Any, log: Any, submit: Any, log_tree: Any
) -> None:
    """The race of the specification: the longer checkpoint lands while the shorter is checked."""
    witness = witness_of(log)
    witness.add_checkpoint(submit(0, 2))
    inside, finish = threading.Event(), threading.Event()
    state = witness._state

    def slow(last: Seen) -> Seen:
        inside.set()
        assert finish.wait(10)
        return witness._next(parse_request(submit(2, 3)), last)

    with ThreadPoolExecutor(2) as pool:
        shorter = pool.submit(state.advance, ORIGIN, slow)
        assert inside.wait(10)
        longer = pool.submit(witness.add_checkpoint, submit(2, 9))
        assert not wait([longer], timeout=0.2).done
        finish.set()
        assert shorter.result(10).size == 3
        assert conflicts(longer.result(10), 3)


def test_each_log_has_a_history_of_its_own(
    witness_of: Any, log: Any, log_key: Any, submit: Any, log_checkpoint: Any, log_tree: Any
) -> None:
    other = log_key(ORIGIN + "/2")
    witness = witness_of(log, other)
    assert witness.origins == (ORIGIN, ORIGIN + "/2")
    witness.add_checkpoint(submit(0, 5))
    request = request_bytes(0, [], log_checkpoint(3, log_tree(3).root(3), other))
    assert witness.add_checkpoint(request).status == 200
    assert {origin: seen.size for origin, seen in witness._state.seen().items()} == {
        ORIGIN: 5,
        ORIGIN + "/2": 3,
    }


_SHARED: list[tuple[Witness, bytes]] = []


@pytest.fixture(autouse=True, scope="module")
def shared_witness(
    tmp_path_factory: pytest.TempPathFactory, log_key: Any, log_tree: Any, log_checkpoint: Any
) -> Any:
    """For the property test, which cannot ask for fixtures of one test."""
    log, key = log_key(ORIGIN), log_key("witness.example/w1", 4)
    state = WitnessState.create(tmp_path_factory.mktemp("shared") / "state.db", key.vkey)
    witness = Witness(state, key.sign, [log.vkey], SystemClock())
    tree = log_tree(64)
    first = request_bytes(0, [], log_checkpoint(5, tree.root(5), log))
    assert witness.add_checkpoint(first).status == 200
    proof = consistency_proof(5, 64, tree.read)
    _SHARED.append((witness, request_bytes(5, proof, log_checkpoint(64, tree.root(64), log))))
    yield
    state.close()


def _shared_witness() -> tuple[Witness, bytes]:
    return _SHARED[-1]


def test_the_time_is_that_of_the_clock(witness_of: Any, log: Any, submit: Any) -> None:
    request = submit(0, 1)
    witness = witness_of(log)
    time_s = cosigned(witness.add_checkpoint(request), request, witness.vkey)
    assert datetime.fromtimestamp(time_s, UTC).year == 2023

"""The store's guarantees, for every adapter."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cahier_kernel.errors import Kind
from cahier_ledger.model import (
    APPEND_EVENTS_MAX,
    EVENT_BYTES_MAX,
    LEAF_BYTES_MAX,
    STREAM_NAME_BYTES_MAX,
    Append,
    Appended,
    AppendTooLarge,
    Disclosure,
    DuplicateLeaf,
    Heads,
    Idempotency,
    IdempotencyConflict,
    LeafTooLarge,
    LedgerClosed,
    NewEvent,
    PublicLeaf,
    StreamAppend,
    StreamConflict,
)


def seqs(store):
    return [row.seq for row in store.read_all()]


class TestAppending:
    async def test_an_empty_store_has_no_heads(self, store):
        assert (store.head_seq(), store.public_head(), store.stream_version("a")) == (0, 0, 0)
        assert store.read_all() == store.read_public() == store.read_stream("a") == []

    async def test_events_are_numbered_from_one_without_gaps(self, store, append):
        assert await store.append(append("a", 0, 2)) == Appended((1, 2), ())
        assert await store.append(append("b", 0, 1)) == Appended((3,), ())
        assert await store.append(append("a", 2, 1)) == Appended((4,), ())
        assert [(row.stream, row.version) for row in store.read_all()] == [
            ("a", 1),
            ("a", 2),
            ("b", 1),
            ("a", 3),
        ]
        assert store.stream_version("a") == 3

    async def test_an_event_comes_back_as_it_was_handed_in(self, store):
        new = NewEvent(
            "budget.thing_done", b'{"n":1}', b'{"traceparent":"00"}', "2026-01-01T00:00Z"
        )
        await store.append(Append((StreamAppend("é-1", 0, (new,)),)))
        (row,) = store.read_stream("é-1")
        assert (row.type, row.data, row.meta, row.recorded_at) == (
            new.type,
            new.data,
            new.meta,
            new.recorded_at,
        )

    async def test_an_event_may_carry_no_time(self, store, event):
        await store.append(Append((StreamAppend("ballot", 0, (event(recorded_at=None),)),)))
        assert store.read_all()[0].recorded_at is None

    async def test_one_append_may_span_streams(self, store, event):
        both = Append((StreamAppend("a", 0, (event(),)), StreamAppend("b", 0, (event(), event()))))
        assert await store.append(both) == Appended((1, 2, 3), ())

    async def test_what_was_stored_is_there_after_reopening(self, open_store, append):
        first = open_store()
        await first.append(append("a", leaf="x", key="k"))
        await first.close()
        again = open_store()
        assert await again.append(append("a", 1, leaf="y")) == Appended((2,), (2,))
        assert [row.id for row in again.read_public()] == ["x-0", "y-0"]
        assert again.recall("k") is not None


class TestConflicts:
    @pytest.mark.parametrize("expected", [0, 1, 3, 7])
    async def test_another_version_than_the_streams_is_refused(self, store, append, expected):
        await store.append(append("a", 0, 2))
        with pytest.raises(StreamConflict) as caught:
            await store.append(append("a", expected))
        assert (caught.value.expected, caught.value.actual) == (expected, 2)
        assert caught.value.kind is Kind.CONFLICT
        assert seqs(store) == [1, 2]

    async def test_a_conflict_in_one_stream_stores_nothing_of_the_other(self, store, event, append):
        await store.append(append("b"))
        both = Append(
            (StreamAppend("a", 0, (event(leaf="p"), event())), StreamAppend("b", 0, (event(),))),
            idempotency=Idempotency("k", b"d", b"r"),
        )
        with pytest.raises(StreamConflict):
            await store.append(both)
        assert seqs(store) == [1]
        assert store.read_public() == []
        assert store.recall("k") is None
        assert await store.append(append("a", leaf="p")) == Appended((2,), (1,))

    async def test_a_conflict_leaves_its_neighbours_alone_and_no_gap(self, store, append):
        await store.append(append("b", leaf="b"))
        first, conflict, last = await store.append_many(
            [append("a", 0, 3, leaf="a"), append("b", 0, 2, leaf="x"), append("c", 0, 2, leaf="c")]
        )
        assert first == Appended((2, 3, 4), (2, 3, 4))
        assert isinstance(conflict, StreamConflict)
        assert last == Appended((5, 6), (5, 6))
        assert seqs(store) == [1, 2, 3, 4, 5, 6]
        assert [row.public_seq for row in store.read_public()] == [1, 2, 3, 4, 5, 6]

    async def test_of_two_first_appends_in_one_batch_one_wins(self, store, append):
        outcomes = await store.append_many([append("a", 0, 2), append("a", 0, 1)])
        assert outcomes[0] == Appended((1, 2), ())
        assert isinstance(outcomes[1], StreamConflict)
        assert outcomes[1].actual == 2

    async def test_appends_of_one_batch_may_follow_each_other(self, store, append):
        outcomes = await store.append_many(
            [append("a", 0, 2), append("a", 2, 1), append("a", 2, 1), append("a", 3, 1)]
        )
        assert [type(outcome) for outcome in outcomes] == [
            Appended,
            Appended,
            StreamConflict,
            Appended,
        ]
        assert [row.version for row in store.read_stream("a")] == [1, 2, 3, 4]

    async def test_a_required_stream_must_be_unchanged(self, store, append):
        await store.append(append("election", 0, 2))
        assert await store.append(append("ballot-1", requires=(("election", 2),)))
        with pytest.raises(StreamConflict):
            await store.append(append("ballot-2", requires=(("election", 1),)))
        assert store.stream_version("ballot-2") == 0

    async def test_a_required_stream_changed_in_the_same_batch_conflicts(self, store, append):
        await store.append(append("election", 0, 1))
        before, change, after = await store.append_many(
            [
                append("ballot-1", requires=(("election", 1),)),
                append("election", 1, 1),
                append("ballot-2", requires=(("election", 1),)),
            ]
        )
        assert isinstance(before, Appended)
        assert isinstance(change, Appended)
        assert isinstance(after, StreamConflict)

    async def test_a_required_stream_may_be_absent_only_at_version_zero(self, store, append):
        assert await store.append(append("a", requires=(("nothing", 0),)))
        with pytest.raises(StreamConflict):
            await store.append(append("b", requires=(("nothing", 1),)))


class TestIdempotency:
    async def test_the_answer_is_kept_with_the_append(self, store, append):
        await store.append(append("a", key="k"))
        kept = store.recall("k")
        assert kept is not None
        assert kept.response == b"answer k"
        assert len(kept.digest) == 32
        assert store.recall("other") is None

    async def test_a_key_is_used_once(self, store, append):
        await store.append(append("a", key="k"))
        with pytest.raises(IdempotencyConflict) as caught:
            await store.append(append("b", key="k"))
        assert caught.value.key == "k"
        assert store.stream_version("b") == 0

    async def test_a_key_is_used_once_in_a_batch_too(self, store, append):
        outcomes = await store.append_many(
            [append("a", key="k"), append("b", key="k"), append("c", key="other")]
        )
        assert [type(outcome) for outcome in outcomes] == [Appended, IdempotencyConflict, Appended]
        assert seqs(store) == [1, 2]

    async def test_a_refused_append_does_not_use_up_its_key(self, store, append):
        await store.append(append("a"))
        outcomes = await store.append_many([append("a", 0, key="k"), append("b", key="k")])
        assert [type(outcome) for outcome in outcomes] == [StreamConflict, Appended]

    async def test_an_answer_may_be_kept_without_events(self, store):
        only = Append((), idempotency=Idempotency("k", b"d", b"r"))
        assert await store.append(only) == Appended((), ())
        assert store.recall("k") == Idempotency("k", b"d", b"r")


class TestPublicLeaves:
    async def test_leaves_are_numbered_apart_in_the_order_of_events(self, store, event):
        events = (event(), event(leaf="x"), event(), event(leaf="y", meta=b'{"m":1}'))
        assert await store.append(Append((StreamAppend("a", 0, events),))) == Appended(
            (1, 2, 3, 4), (1, 2)
        )
        rows = store.read_public()
        assert [(row.public_seq, row.seq, row.id) for row in rows] == [(1, 2, "x"), (2, 4, "y")]
        assert rows[1].leaf == b'{"id":"y"}'
        assert rows[1].meta == b'{"m":1}'
        assert store.public_by_id("y") == rows[1]
        assert store.public_by_id("z") is None
        assert store.public_head() == 2

    async def test_disclosures_are_stored_beside_the_leaf(self, store, event):
        hidden = (Disclosure("title", b"t" * 32, "Bancs"), Disclosure("body", b"b" * 32, ""))
        new = event(leaf="x", disclosures=hidden)
        await store.append(Append((StreamAppend("a", 0, (new,)),)))
        assert store.disclosures("x") == sorted(hidden, key=lambda item: item.name)
        assert store.disclosures("y") == []

    async def test_a_leaf_id_is_used_once(self, store, append, event):
        await store.append(append("a", leaf="x"))
        twice = Append((StreamAppend("b", 0, (event(leaf="y"), event(leaf="y"))),))
        outcomes = await store.append_many(
            [append("c", leaf="x"), twice, append("d", leaf="z"), append("e", leaf="z")]
        )
        assert [type(outcome) for outcome in outcomes] == [
            DuplicateLeaf,
            DuplicateLeaf,
            Appended,
            DuplicateLeaf,
        ]
        assert [row.id for row in store.read_public()] == ["x-0", "z-0"]


class TestLimits:
    async def test_a_leaf_of_the_largest_size_is_stored_and_a_larger_refused(self, store):
        def with_leaf(id: str, size: int) -> Append:
            new = NewEvent("t", b"", public=PublicLeaf(id, "t", b"x" * size))
            return Append((StreamAppend(id, 0, (new,)),))

        await store.append(with_leaf("fits", LEAF_BYTES_MAX))
        with pytest.raises(LeafTooLarge) as caught:
            await store.append(with_leaf("big", LEAF_BYTES_MAX + 1))
        assert caught.value.code == "leaf_too_large"
        assert caught.value.kind is Kind.TOO_LARGE
        assert store.head_seq() == 1

    async def test_what_is_over_a_limit_is_refused(self, store, append, event):
        with pytest.raises(AppendTooLarge):
            await store.append(append("a", 0, APPEND_EVENTS_MAX + 1))
        with pytest.raises(AppendTooLarge):
            await store.append(append("s" * (STREAM_NAME_BYTES_MAX + 1)))
        large = event(data=b"x" * (EVENT_BYTES_MAX + 1))
        with pytest.raises(AppendTooLarge):
            await store.append(Append((StreamAppend("a", 0, (large,)),)))
        assert store.head_seq() == 0
        assert await store.append(append("s" * STREAM_NAME_BYTES_MAX, 0, APPEND_EVENTS_MAX))

    @pytest.mark.parametrize(
        ("broken", "error"),
        [
            (Append(()), ValueError),
            (Append((StreamAppend("a", 0, ()),)), ValueError),
            (Append((StreamAppend("a", -1, (NewEvent("t", b""),)),)), ValueError),
            (Append((StreamAppend("a", True, (NewEvent("t", b""),)),)), ValueError),
            (Append((StreamAppend("", 0, (NewEvent("t", b""),)),)), ValueError),
            (Append((StreamAppend("\ud800", 0, (NewEvent("t", b""),)),)), ValueError),
            (Append((StreamAppend("a", 0, (NewEvent("t", "text"),)),)), TypeError),
            (Append((StreamAppend("a", 0, (NewEvent(None, b""),)),)), TypeError),
            (Append((StreamAppend("a", 0, (NewEvent("t", b"", b"", 5),)),)), TypeError),
            (Append((), idempotency=Idempotency("k", "text", b"")), TypeError),
        ],
    )
    async def test_a_programming_error_is_refused_before_it_meets_others(
        self, store, append, broken, error
    ):
        with pytest.raises(error):
            await store.append_many([append("neighbour"), broken])
        assert store.head_seq() == 0
        assert await store.append(append("neighbour")) == Appended((1,), ())


class TestReading:
    async def test_a_stream_is_read_in_pages(self, store, append):
        await store.append(append("other"))
        await store.append(append("a", 0, 5))
        assert [row.version for row in store.read_stream("a", 1, 2)] == [2, 3]
        assert [row.version for row in store.read_stream("a", 3)] == [4, 5]
        assert store.read_stream("a", 5) == []
        assert [row.seq for row in store.read_all(2, 3)] == [3, 4, 5]

    async def test_leaves_are_read_in_pages(self, store, append):
        await store.append(append("a", 0, 5, leaf="x"))
        assert [row.public_seq for row in store.read_public(1, 3)] == [2, 3, 4]

    async def test_data_of_one_type_is_replayed_in_order(self, store, event):
        def numbered(name: str, number: int) -> NewEvent:
            return event(name, data=b"%d" % number)

        events = tuple(numbered("odd" if n % 2 else "even", n) for n in range(1, 8))
        await store.append(Append((StreamAppend("a", 0, events),)))
        assert list(store.iter_data("odd")) == [(1, b"1"), (3, b"3"), (5, b"5"), (7, b"7")]
        assert list(store.iter_data("odd", 3)) == [(5, b"5"), (7, b"7")]
        assert list(store.iter_data("odd", 1, 5)) == [(3, b"3"), (5, b"5")]
        assert list(store.iter_data("odd", 1, 99)) == [(3, b"3"), (5, b"5"), (7, b"7")]
        assert list(store.iter_data("none")) == []

    async def test_a_replay_crosses_chunks(self, store, append, monkeypatch):
        for adapter in ("sqlite", "postgres.reader"):
            monkeypatch.setattr(f"cahier_ledger.{adapter}.ITER_CHUNK", 3)
        await store.append(append("a", 0, 10))
        assert [seq for seq, _ in store.iter_data("done")] == list(range(1, 11))

    async def test_a_reader_that_has_seen_a_number_never_meets_a_lower_new_one(self, store, append):
        seen: list[int] = []
        done = threading.Event()

        def tail() -> None:
            while not (done.is_set() and len(seen) == store.head_seq()):
                seen.extend(row.seq for row in store.read_all(seen[-1] if seen else 0, 7))

        reader = asyncio.create_task(asyncio.to_thread(tail))
        await asyncio.gather(*(store.append(append(f"s{n}", 0, 3)) for n in range(200)))
        done.set()
        await asyncio.wait_for(reader, 30)
        assert seen == list(range(1, 601))


class TestConcurrency:
    async def test_callers_of_all_kinds_are_stored_once_each(self, store, append):
        def blocking(worker: int) -> None:
            for number in range(20):
                store.append_blocking(append(f"t{worker}-{number}", leaf=f"t{worker}-{number}"))

        threads = [asyncio.to_thread(blocking, worker) for worker in range(4)]
        single = [store.append(append(f"a{n}", leaf=f"a{n}")) for n in range(100)]
        many = [
            store.append_many([append(f"m{n}-{k}", leaf=f"m{n}-{k}") for k in range(10)])
            for n in range(10)
        ]
        await asyncio.gather(*threads, *single, *many)
        assert seqs(store) == list(range(1, 281))
        assert [row.public_seq for row in store.read_public()] == list(range(1, 281))
        assert len({row.stream for row in store.read_all()}) == 280

    async def test_of_racing_appends_to_one_stream_exactly_one_wins(self, store, append):
        outcomes = await asyncio.gather(
            *(store.append(append("a", 0, 2)) for _ in range(50)), return_exceptions=True
        )
        assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, StreamConflict) for outcome in outcomes) == 49

    async def test_a_cancelled_callers_append_is_stored_all_the_same(self, store, append):
        task = asyncio.create_task(store.append(append("a")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.wait_past(0, 5) == 1
        with pytest.raises(StreamConflict):
            await store.append(append("a"))

    async def test_a_blocking_append_is_refused_on_an_event_loop(self, store, append):
        with pytest.raises(RuntimeError):
            store.append_blocking(append("a"))
        assert await asyncio.to_thread(store.append_blocking, append("a")) == Appended((1,), ())

    async def test_a_blocking_append_raises_its_conflict(self, store, append):
        await store.append(append("a"))
        with pytest.raises(StreamConflict):
            await asyncio.to_thread(store.append_blocking, append("a"))


class TestWaiting:
    async def test_who_is_behind_does_not_wait(self, store, append):
        await store.append(append("a", 0, 3, leaf="x"))
        assert await store.wait_past(1) == 3
        assert await store.wait_public_past(0) == 3

    async def test_who_is_up_to_date_is_woken_by_the_next_commit(self, store, append):
        waiting = asyncio.create_task(store.wait_past(0))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await store.append(append("a", 0, 2))
        assert await asyncio.wait_for(waiting, 30) == 2

    async def test_private_events_do_not_wake_who_waits_for_leaves(self, store, append):
        waiting = asyncio.create_task(store.wait_public_past(0))
        await store.append(append("a"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await store.append(append("b", leaf="x"))
        assert await asyncio.wait_for(waiting, 30) == 1

    async def test_waiting_ends_at_its_timeout_with_the_head(self, store):
        assert await store.wait_past(0, 0.01) == 0
        assert await store.wait_public_past(7, 0.01) == 0

    async def test_a_refused_append_wakes_nobody(self, store, append):
        await store.append(append("a"))
        waiting = asyncio.create_task(store.wait_past(1, 0.05))
        with pytest.raises(StreamConflict):
            await store.append(append("a"))
        assert await waiting == 1

    async def test_closing_ends_waiting(self, store):
        waiting = asyncio.create_task(store.wait_past(0))
        await asyncio.sleep(0.01)
        await store.close()
        with pytest.raises(LedgerClosed):
            await asyncio.wait_for(waiting, 30)
        with pytest.raises(LedgerClosed):
            await store.wait_past(0)

    async def test_subscribers_learn_of_each_commit_until_they_leave(self, store, append):
        heard: list[Heads] = []

        def fail(heads: Heads) -> None:
            raise ValueError("a subscriber's own mistake")

        store.subscribe(fail)
        leave = store.subscribe(heard.append)
        await store.append(append("a", leaf="x"))
        await store.append(append("b"))
        await store.append(append("c"))
        leave()
        await store.append(append("d"))
        assert heard == [Heads(1, 1), Heads(2, 1), Heads(3, 1)]


class TestClosing:
    async def test_what_was_taken_is_finished(self, open_store, append):
        store = open_store()
        tasks = [asyncio.create_task(store.append(append(f"s{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*tasks)
        assert open_store().head_seq() == 50

    async def test_a_closed_store_takes_nothing(self, store, append):
        await store.close()
        await store.close()
        with pytest.raises(LedgerClosed):
            await store.append(append("a"))
        with pytest.raises(LedgerClosed):
            await asyncio.to_thread(store.append_blocking, append("a"))

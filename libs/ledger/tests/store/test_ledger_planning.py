"""A batch is decided as if its appends had come one after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cahier_ledger.model import (
    Append,
    Appended,
    Heads,
    Idempotency,
    NewEvent,
    PublicLeaf,
    StreamAppend,
)
from cahier_ledger.planning import Known, Plan, keys_of, leaf_ids_of, plan, streams_of

names = st.sampled_from("abc")


def new_event(leaf: str | None) -> NewEvent:
    return NewEvent("t", b"", public=None if leaf is None else PublicLeaf(leaf, "t", b""))


events = st.builds(new_event, st.none() | st.sampled_from("uvwxyz"))
parts = st.builds(
    StreamAppend, names, st.integers(0, 4), st.lists(events, min_size=1, max_size=2).map(tuple)
)
appends = st.builds(
    Append,
    st.lists(parts, min_size=1, max_size=2).map(tuple),
    st.lists(st.tuples(names, st.integers(0, 3)), max_size=1).map(tuple),
    st.none() | st.builds(Idempotency, st.sampled_from("jk"), st.just(b""), st.just(b"")),
)


def nothing_yet() -> Known:
    return Known(Heads(0, 0), {}, set(), set())


@given(st.lists(appends, max_size=12))
def test_a_batch_is_its_appends_one_by_one(batch):
    together = plan(batch, nothing_yet())
    known = nothing_yet()
    singly = Plan()
    for append in batch:
        one = plan([append], known)
        singly.outcomes += one.outcomes
        singly.events += one.events
        singly.public += one.public
        singly.disclosures += one.disclosures
        singly.idempotency += one.idempotency
    assert [repr(outcome) for outcome in together.outcomes] == [
        repr(outcome) for outcome in singly.outcomes
    ]
    assert (together.events, together.public, together.idempotency) == (
        singly.events,
        singly.public,
        singly.idempotency,
    )


@given(st.lists(appends, max_size=12))
def test_numbers_are_gapless_and_keys_unique(batch):
    decided = plan(batch, nothing_yet())
    assert [row[0] for row in decided.events] == list(range(1, len(decided.events) + 1))
    assert [row[0] for row in decided.public] == list(range(1, len(decided.public) + 1))
    versions: dict[str, int] = {}
    for _, stream, version, *_ in decided.events:
        assert version == versions.get(stream, 0) + 1
        versions[stream] = version
    assert len({row[2] for row in decided.public}) == len(decided.public)
    assert len({row[0] for row in decided.idempotency}) == len(decided.idempotency)
    stored = [outcome for outcome in decided.outcomes if isinstance(outcome, Appended)]
    assert [seq for outcome in stored for seq in outcome.seqs] == [row[0] for row in decided.events]


@given(st.lists(appends, max_size=12))
def test_refused_appends_change_nothing(batch):
    decided = plan(batch, nothing_yet())
    accepted = [
        append
        for append, outcome in zip(batch, decided.outcomes, strict=True)
        if isinstance(outcome, Appended)
    ]
    again = plan(accepted, nothing_yet())
    assert all(isinstance(outcome, Appended) for outcome in again.outcomes)
    assert (again.events, again.public) == (decided.events, decided.public)


def test_a_batch_names_all_that_it_depends_on():
    part = StreamAppend("a", 0, (new_event("x"), new_event(None)))
    batch = [Append((part,), (("b", 2),), Idempotency("k", b"", b""))]
    assert (streams_of(batch), keys_of(batch), leaf_ids_of(batch)) == ({"a", "b"}, {"k"}, {"x"})

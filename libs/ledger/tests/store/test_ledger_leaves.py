"""Public bytes: RFC 8785, no personal data, digests that anybody can check."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cahier_kernel.errors import Kind, TooLarge
from cahier_ledger.leaves import (
    canonical_json,
    disclosure_digest,
    leaf_head,
    make_leaf,
    parse_disclosure,
    verify_disclosure,
)
from cahier_ledger.model import LEAF_BYTES_MAX, Disclosure

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

text = st.text(st.characters(codec="utf-8"), max_size=20) | st.text(
    st.sampled_from('az"\\/\x00\x07\b\t\n\f\r\x1f\x7f\x80é€\ue000\uffff😀𐀀'), max_size=8
)
values = st.recursive(
    text | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=5),
    max_leaves=20,
)
ascii_text = st.text(st.characters(max_codepoint=127), max_size=20)
ascii_values = st.recursive(
    ascii_text | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_text, inner, max_size=8),
    max_leaves=20,
)


@given(values)
def test_any_value_is_written_as_rfc_8785_says(value):
    assert canonical_json(value) == rfc8785.dumps(value)


@given(ascii_values)
def test_the_fast_path_for_ascii_writes_the_same_bytes(value):
    assert canonical_json(value) == rfc8785.dumps(value)


def test_every_ascii_character_is_escaped_as_rfc_8785_says():
    everything = {chr(code): "".join(map(chr, range(code + 1))) for code in range(128)}
    assert canonical_json(everything) == rfc8785.dumps(everything)


def test_keys_are_sorted_by_utf_16_code_units():
    assert canonical_json({"\ue000": 1, "😀": 2}) == '{"😀":2,"\ue000":1}'.encode()


@pytest.mark.parametrize(
    "bad", [1.5, float("nan"), None, {"a": None}, [1.0], {1: "a"}, b"x", NOW, {"a": {"b": [None]}}]
)
def test_floats_nulls_and_other_types_are_refused(bad):
    with pytest.raises(TypeError):
        canonical_json({"value": bad})


@pytest.mark.parametrize("bad", [2**53, -(2**53), "\ud800"])
def test_numbers_and_text_that_readers_would_garble_are_refused(bad):
    with pytest.raises(ValueError):
        canonical_json([bad])


def test_nesting_has_a_limit():
    deep: list[object] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        canonical_json(deep)


def test_a_leaf_has_its_fixed_shape():
    leaf = make_leaf("budget", "budget.v1.project.costed", "id-1", NOW, {"cents": 5, "a": [True]})
    assert leaf.leaf == (
        b'{"at":"2026-11-22T09:00:00.000Z","data":{"a":[true],"cents":5},"id":"id-1",'
        b'"svc":"budget","t":"budget.v1.project.costed","v":1}'
    )
    assert (leaf.id, leaf.type, leaf.disclosures) == ("id-1", "budget.v1.project.costed", ())


def test_a_ballots_leaf_carries_no_time():
    leaf = make_leaf("budget", "budget.v1.ballot.ballot_cast", "id-1", None, {})
    assert b'"at"' not in leaf.leaf
    assert leaf_head(leaf.leaf).at is None


def test_a_relay_reads_the_head_of_a_leaf():
    leaf = make_leaf("budget", "budget.v1.project.costed", "id-1", NOW, {"x": {"id": "other"}})
    head = leaf_head(leaf.leaf)
    assert (head.id, head.t, head.svc, head.at) == (
        "id-1",
        "budget.v1.project.costed",
        "budget",
        "2026-11-22T09:00:00.000Z",
    )
    with pytest.raises(ValueError):
        leaf_head(b'{"id":1}')


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="naive"):
        make_leaf("s", "t", "i", NOW.replace(tzinfo=None), {})


def test_erasable_text_stands_in_the_leaf_as_a_salted_digest_only():
    salts = itertools.count(1)
    leaf = make_leaf(
        "consultation",
        "t",
        "i",
        NOW,
        {"proposal": "p"},
        {"title": "Des bancs à l'ombre", "body": "Près de l'école"},
        salts=lambda: bytes([next(salts)]) * 32,
    )
    body = json.loads(leaf.leaf)
    assert b"bancs" not in leaf.leaf
    assert body["_sd_alg"] == "sha-256"
    assert body["_sd"] == sorted(disclosure_digest(item) for item in leaf.disclosures)
    assert [item.name for item in leaf.disclosures] == ["body", "title"]
    assert len({item.salt for item in leaf.disclosures}) == 2
    assert all(verify_disclosure(leaf.leaf, item) for item in leaf.disclosures)


def test_salts_are_fresh_and_of_32_bytes():
    first, second = (make_leaf("s", "t", "i", NOW, {}, {"a": "b"}) for _ in range(2))
    assert len(first.disclosures[0].salt) == 32
    assert first.leaf != second.leaf
    with pytest.raises(ValueError, match="32 bytes"):
        make_leaf("s", "t", "i", NOW, {}, {"a": "b"}, salts=lambda: b"short")


def test_another_salt_name_or_value_does_not_verify():
    leaf = make_leaf("s", "t", "i", NOW, {}, {"name": "value"})
    (item,) = leaf.disclosures
    assert verify_disclosure(leaf.leaf, item)
    assert not verify_disclosure(leaf.leaf, Disclosure("name", item.salt, "other"))
    assert not verify_disclosure(leaf.leaf, Disclosure("other", item.salt, "value"))
    assert not verify_disclosure(leaf.leaf, Disclosure("name", b"x" * 32, "value"))
    assert not verify_disclosure(b"[]", item)
    assert not verify_disclosure(b"not json", item)
    assert not verify_disclosure(b'{"v":1}', item)


def test_a_digest_is_sha_256_of_the_base64url_of_the_disclosure():
    item = Disclosure("family_name", bytes(range(32)), "Möbius")
    listed = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "family_name", "Möbius"]
    written = json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()
    encoded = base64.urlsafe_b64encode(written).rstrip(b"=")
    digest = base64.urlsafe_b64encode(hashlib.sha256(encoded).digest()).rstrip(b"=").decode()
    assert disclosure_digest(item) == digest
    assert parse_disclosure(listed) == item


@pytest.mark.parametrize(
    "listed",
    [[], ["a", "b"], ["!", "n", "v"], ["AB", "n", "v"], ["AA==", "n", "v"], ["AA", "n", 1]],
)
def test_what_is_not_a_disclosure_is_refused(listed):
    with pytest.raises(ValueError):
        parse_disclosure(listed)


def test_a_leaf_over_the_limit_is_refused_with_a_stable_code():
    overhead = len(make_leaf("s", "t", "i", None, {"x": ""}).leaf)
    fits = make_leaf("s", "t", "i", None, {"x": "a" * (LEAF_BYTES_MAX - overhead)})
    assert len(fits.leaf) == LEAF_BYTES_MAX
    with pytest.raises(TooLarge) as caught:
        make_leaf("s", "t", "i", None, {"x": "a" * (LEAF_BYTES_MAX - overhead + 1)})
    assert caught.value.code == "leaf_too_large"
    assert caught.value.kind is Kind.TOO_LARGE
    assert caught.value.params["limit"] == "65535"


def test_leaves_and_seals_need_neither_eventsourcing_nor_nats():
    script = (
        "import sys\n"
        "for name in ('eventsourcing', 'nats', 'faststream'): sys.modules[name] = None\n"
        "import cahier_ledger.leaves, cahier_ledger.sealing, cahier_ledger.codec\n"
        "import cahier_ledger.ledger, cahier_ledger.store\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.note import COSIGNATURE_V1, BadNote, parse_note
from cahier_ledger.log.policy import BadPolicy, NotWitnessed, Policy, parse_logs

Cosigned = Callable[..., str]


@pytest.fixture
def log(log_key: Any) -> Any:
    return log_key("a.example/tlog/budget")


@pytest.fixture
def witnesses(log_key: Any) -> dict[str, Any]:
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
    return {name: log_key(f"{name.lower()}.example/w", COSIGNATURE_V1) for name in names}


@pytest.fixture
def cosigned(log: Any, log_checkpoint: Any, witnesses: dict[str, Any]) -> Cosigned:
    """Makes a checkpoint that these witnesses cosigned."""

    def make(*names: str) -> str:
        text = log_checkpoint(5, bytes(32), log)
        body = parse_note(text).body
        for name in names:
            text += cosign(body, witnesses[name].vkey, witnesses[name].sign, 1_000)
        return str(text)

    return make


@pytest.fixture
def specified(log: Any, witnesses: dict[str, Any]) -> str:
    """The example of the specification, with keys and a comment."""
    lines = [f"log {log.vkey}", "", "# Two organisations", *_lines(witnesses)]
    lines += [
        "group  X-witnesses 2 X1 X2 X3",
        "\tgroup Y-witnesses any Y1 Y2 Y3  ",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
    ]
    return "\n".join(lines) + "\n"


def _lines(witnesses: dict[str, Any]) -> list[str]:
    return [f"witness {name} {key.vkey}" for name, key in witnesses.items()]


def test_the_specifications_policy_asks_for_two_of_one_and_one_of_the_other(
    specified: str, cosigned: Cosigned
) -> None:
    policy = Policy.parse(specified)
    for names, met in (
        ((), False),
        (("X1", "X2"), False),
        (("X1", "Y1"), False),
        (("Y1", "Y2", "Y3"), False),
        (("X1", "X3", "Y2"), True),
        (("X1", "X2", "X3", "Y1", "Y2", "Y3"), True),
    ):
        assert policy.satisfied_by(cosigned(*names)) == met, names
    with pytest.raises(NotWitnessed):
        policy.open(cosigned("X1"))
    assert policy.open(cosigned("X1", "X3", "Y2")).size == 5
    assert policy.witnessed_by(parse_note(cosigned("X1", "Y2"))) == {"X1": 1_000, "Y2": 1_000}


def test_a_policy_without_quorum_asks_for_the_log_alone(
    log: Any, log_key: Any, log_checkpoint: Any, cosigned: Cosigned
) -> None:
    policy = Policy.parse(f"log {log.vkey} https://a.example/tlog/budget\nquorum none\n")
    assert policy.satisfied_by(cosigned())
    assert not policy.satisfied_by(log_checkpoint(5, bytes(32), log_key("b.example/tlog/budget")))
    assert not policy.satisfied_by("rubbish")
    assert policy.logs[0].url == "https://a.example/tlog/budget"


def test_one_witness_can_be_the_quorum(
    witnesses: dict[str, Any], log: Any, cosigned: Cosigned
) -> None:
    text = f"log {log.vkey}\nwitness X1 {witnesses['X1'].vkey} nats://witness.x\nquorum X1\n"
    policy = Policy.parse(text)
    assert policy.witnesses[0].url == "nats://witness.x"
    assert policy.satisfied_by(cosigned("X1"))
    assert not policy.satisfied_by(cosigned("X2"))


def test_a_false_cosignature_in_a_witness_name_refuses_the_checkpoint(
    specified: str, cosigned: Cosigned, log_checkpoint: Any, log: Any
) -> None:
    policy = Policy.parse(specified)
    other = log_checkpoint(6, bytes(32), log)
    moved = "".join(cosigned("X1", "X2", "Y1").splitlines(keepends=True)[-3:])
    assert not policy.satisfied_by(other + moved)
    with pytest.raises(BadNote, match="does not verify"):
        policy.open(other + moved)


def test_without_logs_only_the_quorum_is_asked_for(
    witnesses: dict[str, Any], cosigned: Cosigned
) -> None:
    policy = Policy.parse(f"witness X1 {witnesses['X1'].vkey}\nquorum X1\n")
    assert policy.satisfied_by(cosigned("X1"))
    assert not policy.satisfied_by(cosigned())


def test_a_policy_has_one_canonical_text_and_its_digest(specified: str) -> None:
    policy = Policy.parse(specified)
    again = Policy.parse(str(policy))
    assert again == policy
    assert str(again) == str(policy)
    assert policy.digest() == hashlib.sha256(str(policy).encode()).hexdigest()
    assert "#" not in str(policy)
    assert Policy.parse("quorum none\n") == Policy()
    assert str(Policy()) == "quorum none\n"


def test_names_are_opaque_bytes(witnesses: dict[str, Any]) -> None:
    name = b"\xff\xe2\x84\xaa"
    raw = b"witness %s %s\nquorum %s\n" % (name, str(witnesses["X1"].vkey).encode(), name)
    policy = Policy.parse(raw)
    assert str(policy).encode(errors="surrogateescape") == raw
    assert policy.digest() == hashlib.sha256(raw).hexdigest()
    with pytest.raises(BadPolicy):
        Policy.parse(raw.replace(b"quorum " + name, b"quorum K"))


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "quorum none",
        "quorum none\nquorum none\n",
        "quorum X1\n",
        "quorum none extra\n",
        "quorum none\r\n",
        "quorum\x0bnone\n",
        "quorum\x7f none\n",
        "believe everybody\nquorum none\n",
        "log\nquorum none\n",
        "log {x1}\nquorum none\n",
        "log {log} url more\nquorum none\n",
        "log {log}\nlog {log}\nquorum none\n",
        "log not+a+vkey\nquorum none\n",
        "witness X1\nquorum none\n",
        "witness X1 {log}\nquorum none\n",
        "witness X1 {x1}\nwitness X2 {x1}\nquorum none\n",
        "witness X1 {x1}\nwitness X1 {x2}\nquorum none\n",
        "witness none {x1}\nquorum none\n",
        "quorum X1\nwitness X1 {x1}\n",
        "witness X1 {x1}\ngroup G any\nquorum G\n",
        "witness X1 {x1}\ngroup G 2 X1\nquorum G\n",
        "witness X1 {x1}\ngroup G 0 X1\nquorum G\n",
        "witness X1 {x1}\ngroup G 01 X1\nquorum G\n",
        "witness X1 {x1}\ngroup G -1 X1\nquorum G\n",
        "witness X1 {x1}\ngroup G most X1\nquorum G\n",
        "witness X1 {x1}\ngroup G ١ X1\nquorum G\n",
        "witness X1 {x1}\ngroup G any X1 X1\nquorum G\n",
        "witness X1 {x1}\ngroup G any X1 G\nquorum G\n",
        "witness X1 {x1}\ngroup G any X1 none\nquorum G\n",
        "witness X1 {x1}\ngroup X1 any X1\nquorum X1\n",
        "witness X1 {x1}\ngroup G any X1\ngroup H any X1\nquorum H\n",
        "group G any X1\nwitness X1 {x1}\nquorum G\n",
        "\n" * 1_001 + "quorum none\n",
    ],
)
def test_a_broken_policy_is_refused(broken: str, log: Any, witnesses: dict[str, Any]) -> None:
    text = broken.format(log=log.vkey, x1=witnesses["X1"].vkey, x2=witnesses["X2"].vkey)
    with pytest.raises(BadPolicy):
        Policy.parse(text)


def test_a_broken_line_is_named(log: Any) -> None:
    with pytest.raises(BadPolicy, match="line 2: "):
        Policy.parse(f"log {log.vkey}\nwitness X1 broken\nquorum none\n")


def test_a_witness_list_of_logs_holds_nothing_else(log: Any, witnesses: dict[str, Any]) -> None:
    text = f"# the neighbours\n\nlog {log.vkey}  https://a.example/tlog/budget\n"
    (found,) = parse_logs(text)
    assert (found.vkey, found.url) == (log.vkey, "https://a.example/tlog/budget")
    assert parse_logs("\n") == ()
    for more in (f"witness X1 {witnesses['X1'].vkey}", "quorum none", "log broken", "x"):
        with pytest.raises(BadPolicy, match="line 4: "):
            parse_logs(text + more + "\n")


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_reader_stumble(raw: bytes) -> None:
    try:
        Policy.parse(raw)
    except BadPolicy:
        return


def test_as_many_logs_witnesses_and_groups_as_the_specification_asks_for(
    log_key: Any, log_checkpoint: Any
) -> None:
    lines = [f"log {log_key('a.example', number=number).vkey}" for number in range(32)]
    keys = [log_key(f"w{number}.example", COSIGNATURE_V1) for number in range(32)]
    lines += [f"witness w{number} {key.vkey}" for number, key in enumerate(keys)]
    lines += [f"group g{number} any w{number}" for number in range(31)]
    lines += ["group all all " + " ".join(f"g{number}" for number in range(31)), "quorum all"]
    policy = Policy.parse("\n".join(lines) + "\n")
    text = log_checkpoint(1, bytes(32), log_key("a.example", number=31))
    _, note = parse_checkpoint(text)
    text += "".join(cosign(note.body, key.vkey, key.sign, 1) for key in keys[:31])
    assert policy.satisfied_by(text)

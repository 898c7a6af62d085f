from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from cahier_ledger.log.cosignature import (
    check_cosignature,
    cosign,
    cosigned_at,
    cosigned_message,
)
from cahier_ledger.log.note import (
    COSIGNATURE_V1,
    ED25519,
    BadNote,
    Signature,
    Vkey,
    key_id,
    parse_note,
    parse_signatures,
    sign_line,
    verified_by,
)

# From golang.org/x/mod/sumdb/note, note_test.go: the reference implementation's own example.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
BY_ENOCH = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33"
    "WWd1RvMc+QQ=\n"
)
# A checkpoint of Go's checksum database, from the tests of filippo.io/litetlog.
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_CHECKPOINT = """go.sum database tree
35225469
vt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=

— sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=
"""  # noqa: E501
# From the tests of filippo.io/torchwood.
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_PUBLIC = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"
SIGSUM_CHECKPOINT = f"""{SIGSUM}
1
KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

— {SIGSUM} UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=
"""  # noqa: E501


def is_refused(text: str | bytes) -> bool:
    try:
        parse_note(text)
    except BadNote:
        return True
    return False


def test_the_reference_implementations_note_verifies() -> None:
    peter, enoch = Vkey.parse(PETER), Vkey.parse(ENOCH)
    note = parse_note(TEXT + "\n" + BY_PETER + BY_ENOCH)
    assert note.body == TEXT
    assert note.text() == TEXT + "\n" + BY_PETER + BY_ENOCH
    assert verified_by(note, [peter]) == [peter]
    assert verified_by(note, [peter, enoch]) == [peter, enoch]
    assert verified_by(note, []) == []
    assert verified_by(parse_note(TEXT + "\n" + BY_PETER), [enoch]) == []


def test_published_checkpoints_verify() -> None:
    note = parse_note(SUMDB_CHECKPOINT)
    assert verified_by(note, [Vkey.parse(SUMDB)]) == [Vkey.parse(SUMDB)]
    assert Checkpoint.parse_body(note.body).size == 35_225_469
    sigsum = Vkey.of(SIGSUM, bytes.fromhex(SIGSUM_PUBLIC))
    checkpoint = open_checkpoint(SIGSUM_CHECKPOINT, [sigsum])
    assert (checkpoint.size, checkpoint.root) == (1, b"\x2a" + bytes(31))


def test_a_vkey_has_one_spelling() -> None:
    for text in (PETER, ENOCH, SUMDB):
        vkey = Vkey.parse(text)
        assert str(vkey) == text
        assert vkey.key_id == key_id(vkey.name, vkey.algorithm, vkey.public)
    accepted = []
    for start in range(len(PETER)):
        for end in range(start + 1, len(PETER) + 1):
            try:
                accepted.append(str(Vkey.parse(PETER[start:end])))
            except BadNote:
                continue
    assert accepted == [PETER]
    wrong = [
        *(PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :] for at in range(len(PETER))),
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        "",
        "+",
        "a++",
        "++AQ==",
    ]
    for text in wrong:
        with pytest.raises(BadNote):
            Vkey.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\x7f b", "a\nb", "x" * 256])
def test_a_name_holds_neither_spaces_nor_plus(name: str) -> None:
    with pytest.raises(BadNote):
        Vkey.of(name, bytes(32))


def test_what_the_reference_implementation_refuses_is_refused() -> None:
    bad_name = "— Bad Name " + BY_PETER.split(" ")[2]
    for text in (
        TEXT,
        TEXT + "\n",
        TEXT + "\n" + BY_PETER[:-1],
        "\x01" + TEXT + "\n" + BY_PETER,
        b"\xff" + (TEXT + "\n" + BY_PETER).encode(),
        TEXT + "\n" + bad_name,
        TEXT + "\n" + BY_PETER + "Unexpected line.\n",
        TEXT + "\n" + BY_PETER * 101,
        TEXT + "\r\n\n" + BY_PETER,
        TEXT + "\n" + BY_PETER.replace("— ", "- "),
        TEXT + "\n" + BY_PETER.replace("AM=", "AN="),
        TEXT + "\n" + BY_PETER.replace("— ", "—  "),
        TEXT + "\n— PeterNeumann x08goA\n",
        TEXT + "\n— PeterNeumann x08gow==\n",
        TEXT + "\n— PeterNeumann\n",
        "x" * (1 << 17) + "\n\n" + BY_PETER,
        "",
        b"",
        "\n\n",
    ):
        assert is_refused(text), text
    assert not is_refused(TEXT + "\n" + BY_PETER * 100)


def test_a_note_may_hold_empty_lines() -> None:
    note = parse_note("above\n\nbelow\n\n" + BY_PETER)
    assert note.body == "above\n\nbelow\n"


def test_a_bad_signature_by_a_known_key_refuses_the_note() -> None:
    peter = Vkey.parse(PETER)
    broken = parse_note(TEXT + "\n" + BY_PETER[:60] + "ABCD" + BY_PETER[60:])
    with pytest.raises(BadNote, match="PeterNeumann"):
        verified_by(broken, [peter])
    after_a_good_one = parse_note(TEXT + "\n" + BY_PETER + BY_PETER[:60] + "ABCD" + BY_PETER[60:])
    with pytest.raises(BadNote, match="PeterNeumann"):
        verified_by(after_a_good_one, [peter])


def test_unknown_keys_are_ignored_even_if_name_or_id_is_known(log_key: Any) -> None:
    known, namesake = log_key("example.org/log"), log_key("example.org/log", number=1)
    text = TEXT + "\n" + sign_line(TEXT, namesake.vkey, namesake.sign)
    text += Signature("example.org/other", known.vkey.key_id, bytes(64)).line()
    assert verified_by(parse_note(text), [known.vkey]) == []


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_bytes_at_all_make_the_reader_stumble(raw: bytes) -> None:
    for text in (raw, TEXT.encode() + b"\n" + raw, TEXT.encode() + b"\n\xe2\x80\x94 " + raw):
        try:
            assert parse_note(text).text().encode() == text
        except BadNote:
            continue


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(max_examples=400, deadline=None)
def test_no_bit_of_a_signed_checkpoint_can_change(at: int, bit: int) -> None:
    vkey = Vkey.of(SIGSUM, bytes.fromhex(SIGSUM_PUBLIC))
    raw = bytearray(SIGSUM_CHECKPOINT.encode())
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises(BadNote):
        open_checkpoint(bytes(raw), [vkey])


def test_a_checkpoint_has_one_spelling() -> None:
    root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    body = f"example.com/behind-the-sofa\n20852163\n{root}\n"
    checkpoint = Checkpoint.parse_body(body)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.body() == body
    extended = Checkpoint.parse_body(body + "one\ntwo\n")
    assert extended.extensions == ("one", "two")
    assert extended.body() == body + "one\ntwo\n"
    for wrong in (
        body[:-1],
        body + "\n",
        body.replace("20852163", "020852163"),
        body.replace("20852163", "+20852163"),
        body.replace("20852163", "-1"),
        body.replace("20852163", ""),
        body.replace("20852163", "٣"),
        body.replace("20852163", str(1 << 63)),
        body.replace("2I=", "2J="),
        body.replace("2I=", "2I"),
        body.replace(root, "CsUY"),
        body.replace("example.com/behind-the-sofa", ""),
        "\n".join(body.split("\n")[:2]) + "\n",
        "",
        "\n",
        "\n\n\n",
        body.replace("\n2", "\r\n2"),
    ):
        with pytest.raises(BadNote):
            Checkpoint.parse_body(wrong)


def test_another_logs_checkpoint_is_refused(log_key: Any, log_checkpoint: Any) -> None:
    ours, theirs = log_key("a.example/tlog/budget"), log_key("b.example/tlog/budget")
    text = log_checkpoint(1, bytes(32), ours)
    assert open_checkpoint(text, [theirs.vkey, ours.vkey]).origin == "a.example/tlog/budget"
    with pytest.raises(BadNote, match="another log"):
        open_checkpoint(text, [theirs.vkey])
    body = Checkpoint(ours.vkey.name, 1, bytes(32)).body()
    stolen = body + "\n" + sign_line(body, theirs.vkey, theirs.sign)
    with pytest.raises(BadNote):
        open_checkpoint(stolen, [ours.vkey, theirs.vkey])
    with pytest.raises(BadNote):
        sign_checkpoint(Checkpoint("other", 1, bytes(32)), [(ours.vkey, ours.sign)])


def test_while_keys_rotate_either_signature_is_enough(log_key: Any, log_checkpoint: Any) -> None:
    old, new = log_key("a.example/tlog/budget"), log_key("a.example/tlog/budget", number=1)
    text = log_checkpoint(7, bytes(32), old, new)
    for known in ([old.vkey], [new.vkey], [new.vkey, old.vkey]):
        assert open_checkpoint(text, known).size == 7
    with pytest.raises(BadNote):
        open_checkpoint(text, [log_key("a.example/tlog/budget", number=2).vkey])


def test_a_cosignature_is_laid_out_as_the_specification_says(log_key: Any) -> None:
    witness = log_key("witness.example.com/w1", COSIGNATURE_V1)
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    line = cosign(body, witness.vkey, witness.sign, 1_679_315_147)
    (signature,) = parse_signatures(line)
    assert signature.signature[:8] == (1_679_315_147).to_bytes(8, "big")
    message = b"cosignature/v1\ntime 1679315147\n" + body.encode()
    assert signature.signature[8:] == witness.sign(message)
    assert check_cosignature(body, signature, witness.vkey) == 1_679_315_147
    assert witness.vkey.key_id == key_id(witness.vkey.name, 4, witness.vkey.public)
    assert witness.vkey.key_id != key_id(witness.vkey.name, 1, witness.vkey.public)


def test_a_cosignature_holds_for_its_text_time_and_key_only(log_key: Any) -> None:
    witness, other = (log_key("w.example", COSIGNATURE_V1, number) for number in (0, 1))
    body = Checkpoint("a.example", 3, bytes(32)).body()
    (signature,) = parse_signatures(cosign(body, witness.vkey, witness.sign, 1_000))

    def with_bytes(raw: bytes) -> Signature:
        return Signature(signature.name, signature.key_id, raw)

    raw = signature.signature
    for text, each, vkey in (
        (body + "more\n", signature, witness.vkey),
        (body, signature, other.vkey),
        (body, with_bytes((1_001).to_bytes(8, "big") + raw[8:]), witness.vkey),
        (body, with_bytes((1 << 63).to_bytes(8, "big") + raw[8:]), witness.vkey),
        (body, with_bytes(raw[:-1]), witness.vkey),
        (body, with_bytes(raw + b"x"), witness.vkey),
        (body, with_bytes(b""), witness.vkey),
    ):
        with pytest.raises(BadNote):
            check_cosignature(text, each, vkey)
    late_s = 1 << 63
    late = with_bytes(late_s.to_bytes(8, "big") + witness.sign(cosigned_message(body, late_s)))
    with pytest.raises(BadNote, match="out of range"):
        check_cosignature(body, late, witness.vkey)
    for time_s in (-1, 1 << 63):
        with pytest.raises(BadNote):
            cosign(body, witness.vkey, witness.sign, time_s)


def test_a_log_key_does_not_cosign_nor_a_witness_key_sign(log_key: Any) -> None:
    log, witness = log_key("a.example"), log_key("w.example", COSIGNATURE_V1)
    body = Checkpoint("a.example", 3, bytes(32)).body()
    with pytest.raises(BadNote):
        cosign(body, log.vkey, log.sign, 1)
    with pytest.raises(BadNote):
        sign_line(body, witness.vkey, witness.sign)
    plain = Signature(witness.vkey.name, witness.vkey.key_id, witness.sign(body.encode()))
    assert verified_by(parse_note(body + "\n" + plain.line()), [witness.vkey]) == []
    with pytest.raises(BadNote):
        Vkey.of("x.example", bytes(32), 0x06)
    with pytest.raises(BadNote):
        Vkey.of("x.example", bytes(31), ED25519)


def test_the_last_of_several_cosignatures_counts(log_key: Any) -> None:
    witness = log_key("w.example", COSIGNATURE_V1)
    body = Checkpoint("a.example", 3, bytes(32)).body()
    lines = "".join(cosign(body, witness.vkey, witness.sign, time_s) for time_s in (20, 30, 10))
    assert cosigned_at(parse_note(body + "\n" + lines), witness.vkey) == 30
    stranger = log_key("x.example", COSIGNATURE_V1)
    assert cosigned_at(parse_note(body + "\n" + lines), stranger.vkey) is None

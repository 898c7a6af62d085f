"""Cosignatures: a witness' word that a checkpoint continues all that it saw (tlog-cosignature)."""

from __future__ import annotations

from cahier_ledger.log.note import (
    COSIGNATURE_V1,
    SIGNATURE_BYTES,
    BadNote,
    Note,
    Sign,
    Signature,
    Vkey,
    signature_line,
)

_TIME_BYTES = 8
TIME_MAX_S = (1 << 63) - 1


def cosigned_message(body: str, time_s: int) -> bytes:
    """What a cosignature/v1 signs: two lines and the checkpoint's whole text."""
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()


def cosign(body: str, vkey: Vkey, sign: Sign, time_s: int) -> str:
    """The signature line of a cosignature at `time_s`, seconds since 1970; raises BadNote."""
    if vkey.algorithm != COSIGNATURE_V1:
        raise BadNote(f"the key {vkey.name} does not cosign")
    if not 0 <= time_s <= TIME_MAX_S:
        raise BadNote("a cosignature's time is out of range")
    raw = time_s.to_bytes(_TIME_BYTES, "big") + sign(cosigned_message(body, time_s))
    return signature_line(vkey.name, vkey.key_id, raw)


def check_cosignature(body: str, signature: Signature, vkey: Vkey) -> int:
    """The time of a cosignature, seconds since 1970; raises BadNote unless it verifies."""
    if vkey.algorithm != COSIGNATURE_V1 or not signature.is_by(vkey):
        raise BadNote(f"not a cosignature by {vkey.name}")
    if len(signature.signature) != _TIME_BYTES + SIGNATURE_BYTES:
        raise BadNote(f"a cosignature by {vkey.name} has the wrong length")
    time_s = int.from_bytes(signature.signature[:_TIME_BYTES], "big")
    if time_s > TIME_MAX_S:
        raise BadNote(f"the time of a cosignature by {vkey.name} is out of range")
    vkey.verify(signature.signature[_TIME_BYTES:], cosigned_message(body, time_s))
    return time_s


def cosigned_at(note: Note, vkey: Vkey) -> int | None:
    """When this witness last cosigned the note, or None where it did not.

    Raises BadNote where a cosignature in its name does not verify.
    """
    times = [check_cosignature(note.body, each, vkey) for each in note.by(vkey)]
    return max(times, default=None)

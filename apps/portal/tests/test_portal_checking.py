"""What witnesses wrote is shown as far as it can be: their times are numbers that anybody chose."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.cosignature import TIME_MAX_S, cosign
from cahier_ledger.log.note import COSIGNATURE_V1, Vkey, parse_note
from cahier_ledger.log.policy import NONE, Policy, PolicyLog, PolicyWitness
from cahier_portal import checking
from cahier_portal.catalogue import speaking
from cahier_portal.checking import SHOWN_BEFORE_S, LogKeys, Verdict
from cahier_portal.pages.transparency import LogCard, _signed
from cahier_portal.rendering import Renderer

ORIGIN = "demo.example/tlog/budget"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNUSABLE = "its time is unusable"
# A day ahead of UTC: what just fits a calendar there must not leave it here.
FAR_EAST = ZoneInfo("Pacific/Kiritimati")


def signed_at(time_s: int) -> tuple[LogKeys, str]:
    """A log's keys, and its checkpoint that a witness cosigned at a time."""
    log, witness = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    vkey = Vkey.of(ORIGIN, log.public_key().public_bytes_raw())
    seen_by = Vkey.of("w.example", witness.public_key().public_bytes_raw(), COSIGNATURE_V1)
    checkpoint = Checkpoint(ORIGIN, 1, bytes(32))
    text = sign_checkpoint(checkpoint, [(vkey, log.sign)])
    text += cosign(checkpoint.body(), seen_by, witness.sign, time_s)
    policy = Policy((PolicyLog(vkey),), (PolicyWitness("arles", seen_by),), (), NONE)
    return LogKeys("budget", 1, 0, ORIGIN, (vkey,), policy), text


def page(card: LogCard, verdict: Verdict) -> str:
    nothing: dict[str, None] = dict.fromkeys(("visitor", "notice", "identity_away"))
    here = {"path": "/transparency", "here": "?", "csrf": "", "form_key": "", "running": ()}
    with speaking("en"):
        return Renderer("Demo", FAR_EAST, "1").render(
            "transparency.html",
            **{**nothing, **here, "errors": [], "values": {}, "receipt": "", "commands": []},
            cards=[card],
            verdict=verdict,
            said="",
            seen_at=NOON,
            pictures_of={"budget": None},
        )


@pytest.mark.parametrize("time_s", [SHOWN_BEFORE_S, 253_402_300_800, 1 << 62, TIME_MAX_S])
def test_a_witness_whose_time_is_in_no_calendar_is_shown_with_an_unusable_time(time_s: int) -> None:
    keys, text = signed_at(time_s)
    card = _signed(LogCard("budget", [keys]), text.encode())
    assert [(each.name, each.at) for each in card.witnesses] == [("arles", None)]
    assert card.is_signed
    verdict = Verdict(checking.GOOD, card.checkpoint, 0, None, card.witnesses)
    shown = page(card, verdict)
    assert f'arles <span class="soft">{UNUSABLE}</span>' in shown
    assert f"arles ({UNUSABLE})" in shown


@pytest.mark.parametrize("time_s", [0, 1_790_000_000, SHOWN_BEFORE_S - 1])
def test_a_witness_time_in_the_calendar_is_shown(time_s: int) -> None:
    keys, text = signed_at(time_s)
    (cosigned,) = checking.witnesses_of(keys.policy, parse_note(text))
    assert cosigned.at == datetime.fromtimestamp(time_s, UTC)
    card = _signed(LogCard("budget", [keys]), text.encode())
    shown = page(card, Verdict(checking.GOOD, card.checkpoint, 0, None, card.witnesses))
    assert f">{UNUSABLE}<" not in shown
    assert shown.count(f"{cosigned.at.astimezone(FAR_EAST).year}") >= 2

"""Given a resident's events, when a command is decided, then these events or that refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from cahier_identity.domain.resident import Resident, imported_id
from cahier_kernel.errors import AlreadyExists, DomainError, FailedPrecondition, Invalid

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ID = UUID(int=1)


def registered() -> Resident:
    resident = Resident.register(
        id=ID,
        event_id="e1",
        email="ada@example.org",
        display_name="Ada",
        password_hash="hash",
        now=NOW,
    )
    resident.collect_events()
    return resident


def imported() -> Resident:
    resident = Resident.import_voter(event_id="e1", source="toulouse", reference="7", now=NOW)
    resident.collect_events()
    return resident


def fields(resident: Resident) -> list[tuple[str, dict[str, Any]]]:
    """What was decided: event names with their own fields."""
    own = ("originator_id", "originator_version", "timestamp", "event_id")
    return [
        (type(event).__name__, {k: v for k, v in vars(event).items() if k not in own})
        for event in resident.pending_events
    ]


def test_a_granted_role_is_held() -> None:
    resident = registered()
    resident.grant_role("staff", event_id="e2", by="boss", now=NOW)
    assert fields(resident) == [("RoleGranted", {"role": "staff", "by": "boss"})]
    assert resident.roles == {"staff"}


def test_a_role_is_granted_once() -> None:
    resident = registered()
    resident.grant_role("staff", event_id="e2", by="boss", now=NOW)
    resident.collect_events()
    with pytest.raises(AlreadyExists) as refused:
        resident.grant_role("staff", event_id="e3", by="boss", now=NOW)
    assert (refused.value.code, fields(resident)) == ("role_already_held", [])


def test_a_revoked_role_is_gone_and_may_be_granted_again() -> None:
    resident = registered()
    resident.grant_role("staff", event_id="e2", by="boss", now=NOW)
    resident.revoke_role("staff", event_id="e3", by="boss", now=NOW)
    assert resident.roles == frozenset()
    resident.grant_role("staff", event_id="e4", by="boss", now=NOW)
    assert resident.roles == {"staff"}


def test_a_role_that_is_not_held_cannot_be_revoked() -> None:
    resident = registered()
    with pytest.raises(FailedPrecondition) as refused:
        resident.revoke_role("admin", event_id="e2", by="boss", now=NOW)
    assert (refused.value.code, fields(resident)) == ("role_not_held", [])


@pytest.mark.parametrize("role", ["", "resident", "king", "Staff"])
def test_only_known_roles_are_granted_or_revoked(role: str) -> None:
    resident = registered()
    for command in (resident.grant_role, resident.revoke_role):
        with pytest.raises(Invalid) as refused:
            command(role, event_id="e2", by="boss", now=NOW)
        assert (refused.value.code, refused.value.field) == ("role_unknown", "role")
    assert fields(resident) == []


def test_an_imported_voter_holds_no_role() -> None:
    with pytest.raises(FailedPrecondition) as refused:
        imported().grant_role("staff", event_id="e2", by="boss", now=NOW)
    assert refused.value.code == "role_needs_sign_in"


def test_residence_is_proved_once() -> None:
    resident = registered()
    assert not resident.may_vote
    resident.prove_residence(event_id="e2", district="Centre", now=NOW)
    assert fields(resident) == [("ResidenceProved", {"district": "Centre"})]
    assert (resident.may_vote, resident.district) == (True, "Centre")
    with pytest.raises(DomainError) as refused:
        resident.prove_residence(event_id="e3", district="Nord", now=NOW)
    assert (refused.value.code, resident.district) == ("residence_already_proved", "Centre")


def test_an_import_vouches_for_its_voters() -> None:
    resident = imported()
    assert resident.may_vote
    assert not resident.proved


def test_an_imported_id_follows_from_source_and_reference() -> None:
    assert imported().id == imported_id("toulouse", "7")
    assert imported_id("toulouse", "7") != imported_id("toulouse7", "")


@pytest.mark.parametrize("role", ["analyst", "supervisor", "decision_maker"])
def test_those_who_assess_projects_hold_roles_of_their_own(role: str) -> None:
    resident = registered()
    resident.grant_role(role, event_id="e2", by="boss", now=NOW)
    assert resident.roles == {role}

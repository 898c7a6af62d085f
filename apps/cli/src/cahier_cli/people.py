"""A resident and a staff member of a demonstration city, who can sign in at the portal."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cahier_cli.city import CityFolder
from cahier_cli.doors import Doors, TokenSource
from cahier_contracts.identity.v1 import identity_service_pb2 as pb

DISTRICT = "Centre"


@dataclass(frozen=True)
class SignIn:
    """What a person types at the portal's sign-in page."""

    role: str
    email: str
    password: str


async def make_people(doors: Doors, folder: CityFolder) -> list[SignIn]:
    """Registers both, with fresh passwords; the resident's residence is on the census roll."""
    admin = TokenSource(folder, "admin")()
    roll = f"document_number,birth_date,postcode,district\nAB123456,1989-07-14,31000,{DISTRICT}\n"
    await doors.identity.LoadCensusRoll(pb.LoadCensusRollRequest(csv=roll.encode()), token=admin)
    resident = await register(doors, "resident", "Olympe Martin")
    staff = await register(doors, "staff", "Jean Roux")
    await doors.identity.GrantRole(
        pb.GrantRoleRequest(resident_id=staff[0], role="staff"), token=admin
    )
    session = await doors.identity.SignIn(
        pb.SignInRequest(email=resident[1].email, password=resident[1].password)
    )
    access = await doors.identity.IssueAccessToken(
        pb.IssueAccessTokenRequest(session_token=session.session_token, audience="identity")
    )
    await doors.identity.ProveResidence(
        pb.ProveResidenceRequest(
            document_number="AB123456", birth_date="1989-07-14", postcode="31000"
        ),
        token=access.access_token,
    )
    return [resident[1], staff[1]]


async def register(doors: Doors, role: str, name: str) -> tuple[str, SignIn]:
    """Registers somebody with a fresh password; their resident id and how they sign in."""
    sign_in = SignIn(role, f"{role}@demo.example", secrets.token_urlsafe(9))
    answer = await doors.identity.RegisterResident(
        pb.RegisterResidentRequest(
            email=sign_in.email, display_name=name, password=sign_in.password
        )
    )
    return answer.resident_id, sign_in

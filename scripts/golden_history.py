"""Makes the golden history: a tiny city's bundle that every later version must verify and replay.

`python scripts/golden_history.py NEW_FOLDER` runs a city for a minute: an imported election with
its proposals, ballots and result, street reports, a resident's proposal with support and comment,
and that resident's erasure. Golden histories are added to apps/auditor/tests/golden/, never
replaced: whatever a city has once signed stays readable.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from cahier_cli.city import CityFolder
from cahier_cli.demo import STREETS
from cahier_cli.doors import Doors, TokenSource, patiently
from cahier_cli.generated import generated_election
from cahier_cli.importing.ideas import stamp
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel.ports import free_port

CAHIER = Path(sys.executable).parent / "cahier"
SEED, VOTERS, PROJECTS, REPORTS = 1789, 12, 3, 4
PASSWORD = "a sentence for the golden city"
ERASED_WITHIN_S = 60.0


def main(out: Path) -> None:
    """Writes the bundle into `out`, which must be new."""
    with tempfile.TemporaryDirectory(prefix="cahier-golden-") as home:
        folder = CityFolder(Path(home) / "city")
        city = start(folder)
        try:
            fill(folder, Path(home))
            cahier("export", "bundle", out, "--data", folder.root)
        finally:
            city.send_signal(signal.SIGTERM)
            city.wait(timeout=60)


def start(folder: CityFolder) -> subprocess.Popen[str]:
    """A city on free ports; returns when it is ready."""
    options = ("--city", "golden", "--port", str(free_port()), "--dev-clock")
    city = subprocess.Popen(
        [CAHIER, "up", "--data", folder.root, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    line = city.stdout.readline() if city.stdout else ""
    if not line.startswith("ready "):
        city.terminate()
        raise SystemExit(f"the city did not start: {line}")
    return city


def fill(folder: CityFolder, home: Path) -> None:
    """What happens in the golden city."""
    election, streets = home / "tiny.pb", home / "tiny.csv"
    election.write_text(generated_election(SEED, voters=VOTERS, projects=PROJECTS), "utf-8")
    lines = STREETS.read_bytes().splitlines(keepends=True)
    streets.write_bytes(b"".join(lines[: REPORTS + 1]))
    cahier("import", "pabulib", election, "--data", folder.root)
    cahier("import", "311", streets, "--data", folder.root)
    asyncio.run(talk(folder))


async def talk(folder: CityFolder) -> None:
    """One resident proposes; another proposes, supports, comments, and is forgotten."""
    async with Doors(folder) as doors:
        now = await doors.settable_clock()
        if now is None:
            raise SystemExit("the city's clock cannot be set")
        admin = TokenSource(folder, "admin")()
        roll = "document_number,birth_date,postcode,district\n" + "".join(
            f"AB12345{number},1989-07-14,31000,Centre\n" for number in range(2)
        )
        await doors.identity.LoadCensusRoll(
            identity.LoadCensusRollRequest(csv=roll.encode()), token=admin
        )
        process = await doors.consultation.CreateProcess(
            consultation.CreateProcessRequest(
                title="Golden ideas",
                description="Kept for ever",
                opens_at=stamp(now),
                closes_at=stamp(now + timedelta(days=30)),
            )
        )
        staying = await resident(doors, "Louise Michel", 0)
        leaving = await resident(doors, "Jean Meslier", 1)
        kept = await propose(doors, process.process_id, "Benches by the river", staying[1])
        gone = await propose(doors, process.process_id, "A name to be forgotten", leaving[1])
        await doors.proposers.SupportProposal(
            consultation.SupportProposalRequest(proposal_id=kept), token=leaving[1]
        )
        await doors.proposers.AddComment(
            consultation.AddCommentRequest(proposal_id=kept, body="With backs, please"),
            token=leaving[1],
        )
        await doors.proposers.AddComment(
            consultation.AddCommentRequest(proposal_id=gone, body="Why not"), token=staying[1]
        )
        await erase(doors, leaving[0], admin)


async def resident(doors: Doors, name: str, number: int) -> tuple[str, str]:
    """Registers somebody who lives in the city; their id, and a token for consultation."""
    email = f"resident{number}@golden.example"
    registered = await doors.identity.RegisterResident(
        identity.RegisterResidentRequest(email=email, display_name=name, password=PASSWORD)
    )
    await doors.identity.ProveResidence(
        identity.ProveResidenceRequest(
            document_number=f"AB12345{number}", birth_date="1989-07-14", postcode="31000"
        ),
        token=await access(doors, email, "identity"),
    )
    return registered.resident_id, await access(doors, email, "consultation")


async def access(doors: Doors, email: str, audience: str) -> str:
    session = await doors.identity.SignIn(identity.SignInRequest(email=email, password=PASSWORD))
    issued = await doors.identity.IssueAccessToken(
        identity.IssueAccessTokenRequest(session_token=session.session_token, audience=audience)
    )
    return str(issued.access_token)


async def propose(doors: Doors, process: str, title: str, token: str) -> str:
    answer = await patiently(
        lambda: doors.proposers.SubmitProposal(
            consultation.SubmitProposalRequest(process_id=process, title=title, body=f"{title}!"),
            token=token,
        ),
        "idea_phase_not_open",
        "process_not_open",
    )
    return str(answer.proposal_id)


async def erase(doors: Doors, person: str, admin: str) -> None:
    """Has somebody forgotten, and waits until every service has confirmed."""
    ordered = await doors.identity.EraseSubject(
        identity.EraseSubjectRequest(subject_id=person, basis="order"), token=admin
    )
    deadline_s = time.monotonic() + ERASED_WITHIN_S
    while time.monotonic() < deadline_s:
        answer = await doors.identity.GetErasure(
            identity.GetErasureRequest(erasure_id=ordered.erasure_id), token=admin
        )
        if answer.complete:
            return
        await asyncio.sleep(0.2)
    raise SystemExit("the erasure was not confirmed by every service")


def cahier(*arguments: object) -> None:
    done = subprocess.run([CAHIER, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"cahier {arguments[0]}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A small city's bundle, made of real leaves and really sealed ballots."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_kernel import base64url
from cahier_kernel.ids import derived_uuid
from cahier_ledger.leaves import disclosure_json, make_leaf
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.entries import write_entries
from cahier_ledger.log.merkle import leaf_hashes, root_of
from cahier_ledger.log.note import COSIGNATURE_V1, ED25519, Vkey
from cahier_ledger.log.policy import Policy, PolicyLog, PolicyWitness
from cahier_ledger.log.tiles import grow
from cahier_ledger.model import PublicLeaf
from cahier_ledger.sealing import Opener, ballot_binding, new_trustee_key, seal
from cahier_record.budget import events as budget
from cahier_record.budget.ballots import BallotPaper, encode_paper
from cahier_record.budget.count import count_election
from cahier_record.budget.events import BallotCast, CountResult, PublicEvent
from cahier_record.budget.views import BudgetView
from cahier_record.consultation import events as consultation
from cahier_record.events import decode_leaf
from cahier_record.identity import events as identity
from cahier_record.reporting import events as reporting

NOON = datetime(2026, 10, 3, 12, tzinfo=UTC)
ELECTION = "018f3a00-0000-7000-8000-000000000001"
PROCESS = "018f3a00-0000-7000-8000-000000000002"
PROPOSAL = "018f3a00-0000-7000-8000-000000000003"
REPORT = "018f3a00-0000-7000-8000-000000000004"
SIZE = 64
LARGE_REPORTS = 600
CHOICES = ((1,), (1, 2), (2,), (1, 3), (3,))


class LogKeys:
    """The keys of a city's logs and of its one witness; signs what it is given, honest or not."""

    def __init__(self, host: str = "demo.example") -> None:
        self.host = host
        self.time_s = 1_790_000_000
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def key(self, name: str) -> Ed25519PrivateKey:
        return self._keys.setdefault(name, Ed25519PrivateKey.generate())

    def vkey(self, name: str, algorithm: int = ED25519) -> Vkey:
        return Vkey.of(name, self.key(name).public_key().public_bytes_raw(), algorithm)

    def origin(self, service: str, epoch: int = 1) -> str:
        return f"{self.host}/tlog/{service}" + (f"/{epoch}" if epoch > 1 else "")

    def policy(self, services: Iterable[str]) -> Policy:
        logs = tuple(PolicyLog(self.vkey(self.origin(service))) for service in services)
        witness = PolicyWitness("neighbour", self.vkey("neighbour", COSIGNATURE_V1))
        return Policy(logs, (witness,), (), "neighbour")

    def earlier_policy(self) -> Policy:
        """What the city was held to before it named its logs: the same witness."""
        return self.policy(())

    def checkpoint(self, origin: str, hashes: list[bytes]) -> str:
        """Signed by the log and cosigned by the witness."""
        checkpoint = Checkpoint(origin, len(hashes), root_of(hashes))
        text = sign_checkpoint(checkpoint, [(self.vkey(origin), self.key(origin).sign)])
        witness = self.vkey("neighbour", COSIGNATURE_V1)
        return text + cosign(checkpoint.body(), witness, self.key("neighbour").sign, self.time_s)

    def sign(self, folder: Path, service: str, leaves: list[bytes], epoch: int = 1) -> None:
        """Writes a log with three older checkpoints."""
        log, origin = folder / "tlog" / service, self.origin(service, epoch)
        shutil.rmtree(log / "tile", ignore_errors=True)
        write_entries(log, leaves)
        hashes = leaf_hashes(leaves)
        for tile, content in grow(lambda *_: b"", 0, hashes):
            (log / tile.path).parent.mkdir(parents=True, exist_ok=True)
            (log / tile.path).write_bytes(content)
        (log / "checkpoint").write_text(self.checkpoint(origin, hashes), "utf-8")
        (log / "key").write_text(f"{self.vkey(origin)}\n", "utf-8")
        older = folder / "checkpoints" / service
        shutil.rmtree(older, ignore_errors=True)
        older.mkdir(parents=True)
        for size in {1, len(leaves) // 2, len(leaves)}:
            (older / str(size)).write_text(self.checkpoint(origin, hashes[:size]), "utf-8")


@dataclass
class City:
    """Writes leaves by service; `write` makes the bundle of what is there."""

    private_key: str = ""
    public_key: str = ""
    logs: dict[str, list[PublicLeaf]] = field(default_factory=dict)
    keys: LogKeys = field(default_factory=lambda: LogKeys())
    policies: list[Policy] = field(default_factory=list)

    def say(self, event: PublicEvent, **disclosures: str) -> PublicLeaf:
        service = event.TYPE.split(".")[0]
        log = self.logs.setdefault(service, [])
        if isinstance(event, BallotCast):
            event_id = str(
                derived_uuid("ballot", event.election, event.credential, str(event.sequence))
            )
            leaf = make_leaf(service, event.TYPE, event_id, None, event.data())
        else:
            event_id = str(derived_uuid("test", service, str(len(log))))
            leaf = make_leaf(service, event.TYPE, event_id, NOON, event.data(), disclosures)
        log.append(leaf)
        return leaf

    def sealed(self, credential: str, choices: tuple[int, ...], sequence: int = 1) -> BallotCast:
        binding = ballot_binding(ELECTION, "all", "confidential", credential, sequence)
        raw = seal(
            encode_paper(BallotPaper(choices)), self.public_key, binding=binding, padded_size=SIZE
        )
        return BallotCast(
            election=ELECTION,
            electorate="all",
            scheme="confidential",
            credential=credential,
            sequence=sequence,
            sealed=base64url.encode(raw),
        )

    def counted(self) -> CountResult:
        view = BudgetView()
        for index, leaf in enumerate(self.logs["budget"]):
            view.apply(index, decode_leaf(leaf.leaf))
        key = Opener(self.private_key)

        def unseal(ballot: BallotCast) -> bytes:
            binding = ballot_binding(
                ballot.election,
                ballot.electorate,
                ballot.scheme,
                ballot.credential,
                ballot.sequence,
            )
            return key.open(base64url.decode(ballot.sealed), binding)

        return count_election(view.elections[ELECTION], unseal)

    def write(self, folder: Path) -> Path:
        for service, log in self.logs.items():
            self.keys.sign(folder, service, [leaf.leaf for leaf in log])
            texts = folder / "disclosures" / service
            texts.mkdir(parents=True, exist_ok=True)
            for leaf in log:
                if leaf.disclosures:
                    listed = [json.loads(disclosure_json(one)) for one in leaf.disclosures]
                    (texts / f"{leaf.id}.json").write_text(json.dumps(listed), "utf-8")
        (folder / "policy").write_text(str(self.keys.policy(self.logs)), "utf-8")
        for policy in self.policies:
            (folder / "policies").mkdir(exist_ok=True)
            (folder / "policies" / policy.digest()).write_bytes(bytes(policy))
        write_sums(folder)
        return folder


def write_sums(folder: Path) -> None:
    sums = folder / "SHA256SUMS"
    sums.unlink(missing_ok=True)
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    sums.write_text("".join(lines), "utf-8")


def new_city(policy: str = "", keys: LogKeys | None = None) -> City:
    """policy: digest of the policy that the vote is opened under."""
    city = City(*new_trustee_key(), keys=keys or LogKeys())
    city.say(identity.ResidentRegistered(resident="r1", imported=True))
    city.say(
        consultation.ProcessCreated(
            process=PROCESS, opens_at="a", closes_at="b", edit_window_seconds=0
        ),
        title="Ideas",
    )
    city.say(
        consultation.ProposalSubmitted(process=PROCESS, proposal=PROPOSAL, author="a1"),
        title="Benches",
        body="More benches",
    )
    city.say(
        reporting.CategoryDefined(category="light", department="traffic", promise_days=4),
        label="A light is out",
    )
    city.say(
        reporting.ReportReceived(
            report=REPORT, category="light", department="traffic", state="unconfirmed"
        ),
        description="Dark",
        address="Elm Street",
    )
    city.say(reporting.PromiseMissed(report=REPORT, answer_by="a"))
    city.say(reporting.ReportClosed(report=REPORT, state="fixed"), text="")
    rules = budget.Rules(vote_type="approval", rule="greedy", min_length=1, max_length=2)
    city.say(
        budget.ElectionCreated(
            election=ELECTION,
            envelope_cents=1_000,
            currency="EUR",
            opens_at="a",
            closes_at="b",
            rules=rules,
        ),
        title="Budget",
    )
    for number, cost in enumerate((600, 500, 400), 1):
        project = f"p{number}"
        city.say(
            budget.ProjectAdded(
                election=ELECTION, project=project, number=number, proposal=PROPOSAL
            )
        )
        city.say(budget.ProjectCosted(election=ELECTION, project=project, cost_cents=cost))
        city.say(
            budget.FeasibilityJudged(election=ELECTION, project=project, feasibility="feasible")
        )
    city.say(
        budget.VotingOpened(
            election=ELECTION,
            trustee_key=city.public_key,
            ballot_size_bytes=SIZE,
            policy=policy,
        )
    )
    for place, choices in enumerate(CHOICES):
        city.say(city.sealed(f"voter{place}", choices))
    city.say(city.sealed("voter4", (1,), sequence=2))
    return city


def close_election(city: City) -> None:
    city.say(budget.VotingClosed(election=ELECTION))
    city.say(budget.TrusteeKeyPublished(election=ELECTION, private_key=city.private_key))
    count = city.say(budget.BallotsCounted(election=ELECTION, result=city.counted()))
    city.say(budget.ResultPublished(election=ELECTION, count=count.id))


@pytest.fixture
def city() -> City:
    """A city whose election is open, with five ballots, one of them cast twice."""
    return new_city()


@pytest.fixture
def city_under() -> Callable[..., City]:
    """Makes a city whose vote was opened under a policy: its digest, and the city's keys."""
    return new_city


@pytest.fixture
def close() -> Callable[[City], None]:
    """Closes, counts and announces."""
    return close_election


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[City, Path]:
    """A city with a log of several tiles and levels whose policy grew after voting had opened, and
    its bundle; put back what you change."""
    keys = LogKeys()
    city = new_city(keys.earlier_policy().digest(), keys)
    city.policies.append(keys.earlier_policy())
    for number in range(LARGE_REPORTS):
        report = str(derived_uuid("report", str(number)))
        event = reporting.ReportReceived(
            report=report, category="light", department="traffic", state="unconfirmed"
        )
        city.say(event, **({"description": f"Dark {number}"} if number % 50 == 0 else {}))
    close_election(city)
    return city, city.write(tmp_path_factory.mktemp("large") / "bundle")


@pytest.fixture
def bundle(city: City, close: Callable[[City], None], tmp_path: Path) -> Path:
    """The bundle of a finished election."""
    close(city)
    return city.write(tmp_path / "bundle")


@pytest.fixture
def resum() -> Callable[[Path], None]:
    """Makes SHA256SUMS fit again what was changed in a bundle."""
    return write_sums


@pytest.fixture
def resign(city: City) -> Callable[..., None]:
    """Puts other leaves into a bundle and signs them: what a dishonest city could do."""

    def signed(bundle: Path, leaves: list[bytes], service: str = "budget") -> None:
        city.keys.sign(bundle, service, leaves)
        write_sums(bundle)

    return signed

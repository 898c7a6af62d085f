"""`cahier witness`: cosigns the public logs of neighbours, so that nobody is shown another history.

It needs no city of its own: a key, a list of logs, and a state that must never be lost without
the key, since a witness that forgets can be made to sign twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click

from cahier_chassis.files import write_whole
from cahier_chassis.health import Health, HealthApp, HttpServer
from cahier_chassis.keys import private_key_pem
from cahier_chassis.logs import configure_logs
from cahier_chassis.nats import NOT_CONNECTED, connect, connected
from cahier_cli.witness_meters import WitnessMeters
from cahier_kernel.clock import SystemClock, to_rfc3339
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.note import COSIGNATURE_V1, BadNote, Vkey, to_base64
from cahier_ledger.log.policy import BadPolicy, PolicyLog, parse_logs
from cahier_ledger.log.refusals import KeyUnusable
from cahier_ledger.log.signing import PKCS11, Signer, open_signers
from cahier_ledger.log.witness import Witness
from cahier_ledger.log.witness_doors import Answered, WitnessApp, answer_over_nats
from cahier_ledger.log.witness_state import StateRefused, StateUnavailable, WitnessState

HOST_DEFAULT = "127.0.0.1"
PORT_DEFAULT = 7380
EXIT_REFUSED = 2


class WitnessError(Exception):
    """What a person must mend before the witness can run."""


key_option = click.option(
    "--key", required=True, metavar="FILE", help="Ed25519 key, PEM, or a pkcs11: URI."
)
state_option = click.option(
    "--state", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE"
)


@click.group()
def witness() -> None:
    """Cosign the public logs of others."""


@witness.command()
@key_option
@state_option
@click.option("--name", default="", help="Name of a new witness, e.g. witness.example.org/w1.")
def key(key: str, state: Path, name: str) -> None:
    """Make a witness' key and state, where they are not there yet, and print its vkey."""
    with _refusing("key"):
        click.echo(str(make_witness(key, state, name)))


@witness.command()
@key_option
@state_option
@click.option(
    "--logs",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Lines `log <vkey> [<url>]` of the logs to cosign.",
)
@click.option("--host", default=HOST_DEFAULT, show_default=True)
@click.option("--port", default=PORT_DEFAULT, show_default=True, help="0 for a free one.")
@click.option("--nats", "nats_url", default="", metavar="URL", help="Answer over NATS, too.")
@click.option("--subject", default="", metavar="S", help="The NATS subject to answer on.")
def serve(
    key: str, state: Path, logs: Path, host: str, port: int, nats_url: str, subject: str
) -> None:
    """Answer POST /add-checkpoint (c2sp.org/tlog-witness) until stopped."""
    if bool(nats_url) != bool(subject):
        raise click.UsageError("--nats and --subject go together")
    with _refusing("serve"):
        known = read_logs(logs)
        opened, signer = open_witness(key, state)
        keys = [each.vkey for each in known]
        configure_logs("witness")
        served = Witness(opened, signer.sign, keys, SystemClock())
        try:
            asyncio.run(_serve(served, host, port, nats_url, subject))
        finally:
            opened.close()


@witness.command()
@state_option
def show(state: Path) -> None:
    """Print the last checkpoint seen of each log, and evidence of logs that were forked."""
    with _refusing("show"):
        opened = WitnessState(state)
        try:
            click.echo(f"witness {opened.vkey}")
            for origin, seen in sorted(opened.seen().items()):
                click.echo(f"{origin}  {seen.size} leaves  root {to_base64(seen.root)}")
            evidence = opened.evidence()
        finally:
            opened.close()
        for pair in evidence:
            checkpoint, _ = parse_checkpoint(pair[0])
            click.echo(
                f"\nFORKED: {checkpoint.origin} signed two roots of {checkpoint.size} leaves"
            )
            click.echo("\n".join(pair), nl=False)
        if evidence:
            raise SystemExit(1)


def make_witness(key: str, state: Path, name: str) -> Vkey:
    """Makes key and state together and returns the vkey; changes nothing that is there.

    Raises WitnessError where one is there without the other or under another name.
    """
    has_key, has_state = key.startswith(PKCS11) or Path(key).exists(), state.exists()
    if has_state:
        opened, _ = open_witness(key, state)
        vkey = opened.vkey
        opened.close()
        if name and name != vkey.name:
            raise WitnessError(f"this witness is called {vkey.name}, not {name}")
        return vkey
    if has_key and not key.startswith(PKCS11):
        raise WitnessError(
            f"{key} is there, but its state {state} is not: what it signed is not known any more. "
            "Make a new key"
        )
    if not name:
        raise WitnessError("a new witness needs a --name")
    Vkey.of(name, bytes(32), COSIGNATURE_V1)  # before anything is written
    if not has_key:
        Path(key).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(Path(key), private_key_pem())
    vkey = Vkey.of(name, open_signers(key)[0].public, COSIGNATURE_V1)
    WitnessState.create(state, vkey).close()
    return vkey


def open_witness(key: str, state: Path) -> tuple[WitnessState, Signer]:
    """A witness' state and key; raises WitnessError where they do not belong together."""
    signer = open_signers(key)[0]
    opened = WitnessState(state)
    if signer.public != opened.vkey.public:
        opened.close()
        raise WitnessError(f"{state} is the state of another key than {key}")
    return opened, signer


def read_logs(file: Path) -> tuple[PolicyLog, ...]:
    """The logs to cosign; raises WitnessError where there is none or a line is broken."""
    try:
        logs = parse_logs(file.read_bytes())
    except BadPolicy as error:
        raise WitnessError(f"{file}: {error}") from None
    if not logs:
        raise WitnessError(f"{file}: there is no log to witness")
    return logs


async def _serve(served: Witness, host: str, port: int, nats_url: str, subject: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health()
    health.add_degradation("logs", lambda: ", ".join(f"{each} is forked" for each in served.forked))
    meters = WitnessMeters(served, SystemClock())
    server = HttpServer(WitnessApp(served, HealthApp(health), meters.count))
    following = asyncio.create_task(meters.follow(), name="meters")
    taken = await server.start(host, port)
    click.echo(f"{served.vkey}")
    click.echo(f"witnessing {', '.join(served.origins)}")
    click.echo(f"ready at http://{host}:{taken} since {to_rfc3339(SystemClock().now())}")
    async with _over_nats(served, nats_url, subject, health, meters.count):
        await stop.wait()
    following.cancel()
    await server.stop()


@contextlib.asynccontextmanager
async def _over_nats(
    served: Witness, url: str, subject: str, health: Health, answered: Answered
) -> AsyncIterator[None]:
    """Answers over NATS as soon as its server does; HTTP does not wait for it."""
    if not url:
        yield
        return
    health.add_degradation("nats", lambda: NOT_CONNECTED)

    async def answer() -> None:
        client = await connect(url, "witness")
        try:
            await answer_over_nats(client, subject, served, answered)
            health.add_degradation("nats", connected(client))
            click.echo(f"ready on the subject {subject}")
            await asyncio.Event().wait()
        finally:
            await client.close()

    task = asyncio.create_task(answer(), name="nats")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _refusing(command: str) -> Iterator[None]:
    """Turns what a person must mend into exit code 2 and one line."""
    try:
        yield
    except (WitnessError, StateRefused, StateUnavailable, BadNote, KeyUnusable, OSError) as error:
        told = error.rule if isinstance(error, KeyUnusable) else str(error)
        click.echo(f"cahier witness {command}: {told}", err=True)
        raise SystemExit(EXIT_REFUSED) from None

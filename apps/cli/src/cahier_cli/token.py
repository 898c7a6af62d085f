"""`cahier token`: an access token for operators, tests and importers, by the city's own key."""

from __future__ import annotations

from pathlib import Path

import click

from cahier_chassis.tokens import TokenIssuer
from cahier_cli.city import CityError, CityFolder
from cahier_cli.up import DATA_DEFAULT
from cahier_record.events import SERVICES

ROLES = (
    "resident",
    "staff",
    "admin",
    "importer",
    "analyst",
    "supervisor",
    "decision_maker",
)


def make_token(folder: CityFolder, role: str, person: str) -> str:
    """A token for every service, good for five minutes.

    Raises CityError where there is no city, OSError where its key cannot be read.
    """
    city = folder.name
    issuer = TokenIssuer(folder.token_private_key.read_bytes(), city)
    return issuer.issue(person, roles={role}, audience=SERVICES, session=True)


@click.command()
@click.argument("role", type=click.Choice(ROLES))
@click.option("--person", default="", help="Id of the person the token speaks for.")
@click.option("--data", type=click.Path(path_type=Path), default=DATA_DEFAULT, show_default=True)
def token(role: str, person: str, data: Path) -> None:
    """Print a JWT for ROLE on the last line; it lives five minutes."""
    try:
        click.echo(make_token(CityFolder(data.resolve()), role, person or f"operator:{role}"))
    except (CityError, OSError) as error:
        raise SystemExit(_refused(error)) from None


def _refused(error: Exception) -> int:
    click.echo(f"cahier token: {error}", err=True)
    return 2

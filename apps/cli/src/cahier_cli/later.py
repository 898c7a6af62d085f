"""Commands whose contract stands and whose service comes with a later release: they say so."""

from __future__ import annotations

import click

from cahier_cli.transfer import city_folder, refuse


@click.group("open311")
def open311() -> None:
    """Open311 (GeoReport v2): served by a later release."""


@open311.command("key")
@click.argument("name")
@city_folder
def open311_key(name: str, data: object) -> None:
    """Will print a new API key for NAME on its last line."""
    refuse("cahier open311 key", "Open311 is served by a later release, and so are its keys")

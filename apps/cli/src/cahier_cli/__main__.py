"""The command `cahier`."""

from __future__ import annotations

import click

from cahier_cli.dead import dead
from cahier_cli.demo import demo
from cahier_cli.epoch import log
from cahier_cli.keys import keys
from cahier_cli.later import open311
from cahier_cli.tally import tally
from cahier_cli.token import token
from cahier_cli.transfer import export, import_
from cahier_cli.up import up
from cahier_cli.witness import witness


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cahier-cli", prog_name="cahier")
def main() -> None:
    """Cahier: a city's register of proposals, votes and decisions that anybody can check."""


for command in (up, demo, token, tally, import_, export, dead, keys, log, witness, open311):
    main.add_command(command)

if __name__ == "__main__":
    main()

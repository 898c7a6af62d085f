"""Where a file of the open data comes from: the shelf, which has it or has it made."""

from __future__ import annotations

from pathlib import Path

from cahier_kernel.errors import NotFound
from cahier_portal.clients import Services
from cahier_portal.costs import StagedCosts
from cahier_portal.opendata.elections import ElectionFiles
from cahier_portal.opendata.reading import READERS
from cahier_portal.opendata.sets import SETS
from cahier_portal.opendata.shelf import OpenFile, Shelf
from cahier_portal.opendata.source import Source
from cahier_portal.opendata.tables import FORMATS, Writer
from cahier_portal.opendata.worker import PABULIB, STEM
from cahier_portal.publiclog import PublicLogs
from cahier_portal.texts import ProposalTexts

ELECTION_KEPT_S = 300.0
ENDINGS = {".pb": PABULIB, "-ballots.csv": f"{STEM}.csv", "-ballots.json": f"{STEM}.json"}
"""What follows an election's id in the name of a file, and how its folder calls that file."""


class Library:
    """The city's open data. Each method raises DomainError."""

    def __init__(
        self,
        folder: Path,
        services: Services,
        logs: PublicLogs,
        texts: ProposalTexts,
        costs: StagedCosts,
    ) -> None:
        self._shelf = Shelf(folder)
        self._source = Source(services, texts, costs)
        self._elections = ElectionFiles(services, logs, texts)

    async def table(self, name: str, form: str) -> OpenFile:
        """A data set as CSV or JSON; raises NotFound for one that there is not."""
        found = next((each for each in SETS if each.name == name), None)
        if found is None or form not in FORMATS:
            raise NotFound("open_data_not_found", "the data dictionary names all data sets")

        async def make(folder: Path) -> None:
            with Writer(found.columns, folder / "table") as out:
                async for row in READERS[found.name](self._source):
                    out.write(row)

        folder = await self._shelf.get(name, make)
        return OpenFile(folder / f"table.{form}")

    async def election(self, election_id: str, ending: str) -> OpenFile:
        """A file of a closed election, by its ENDINGS; made anew when its state changes."""
        election = await self._elections.closed(election_id)

        async def make(folder: Path) -> None:
            await self._elections.make(election, folder)

        name = f"election {election_id} {election.state}"
        folder = await self._shelf.get(name, make, ELECTION_KEPT_S)
        return OpenFile(folder / ENDINGS[ending])

    async def close(self) -> None:
        """Ends what is being made and removes all files."""
        await self._shelf.close()

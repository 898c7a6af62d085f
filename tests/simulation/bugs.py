"""Bugs for planted.py: what a careless hand might do to the services, as changes of their text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Change:
    """One place of a bug. file: below the repository's root."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """What a careless hand might do; all changes are in one package.

    harmless: a second guard saves the city from it, so that only the fault matrix can notice it.
    """

    name: str
    changes: tuple[Change, ...]
    harmless: bool = False

    @property
    def package(self) -> Path:
        """The package's own folder, e.g. libs/ledger/src/cahier_ledger."""
        parts = Path(self.changes[0].file).parts
        return ROOT.joinpath(*parts[: parts.index("src") + 2])


LEDGER = "libs/ledger/src/cahier_ledger"
BUS = f"{LEDGER}/bus"
BUDGET = "services/budget/src/cahier_budget"
CONSULTATION = "services/consultation/src/cahier_consultation"
NOTIFICATIONS = "services/notifications/src/cahier_notifications"

BUGS = (
    Bug(
        "after a crash the relay skips a leaf",
        (
            Change(
                f"{BUS}/relay.py",
                "        await self._advance(relayed)\n",
                "        await self._advance(relayed + 1 if relayed else 0)\n",
            ),
        ),
    ),
    Bug(
        "the relay publishes again what was stored but not acknowledged",
        (
            Change(
                f"{BUS}/relay.py",
                "        batch[0].headers[Header.EXPECTED_LAST_SEQUENCE.value] = "
                "str(self._stream_seq)\n",
                "        for each in batch:\n            each.headers.pop(Header.MSG_ID.value)\n",
            ),
            Change(
                f"{BUS}/relay.py",
                "                self._require_connection()\n"
                '                self._reconnects = self._nc.stats["reconnects"]\n'
                "                await self._while_connected(self._find_place())\n",
                "                self._require_connection()\n"
                '                self._reconnects = self._nc.stats["reconnects"]\n'
                "                if not self._relayed:\n"
                "                    await self._while_connected(self._find_place())\n",
            ),
        ),
    ),
    Bug(
        "a projection commits its position before the view",
        (
            Change(
                f"{BUS}/views.py",
                "                _move(db, view.name, after, events[-1][0])\n",
                "                _move(db, view.name, after, events[-1][0])\n"
                "            with self.transaction() as db:\n",
            ),
        ),
    ),
    Bug(
        "a view passes over a gap in what was delivered",
        (
            Change(
                f"{BUS}/projection.py",
                "                return events, True\n",
                "                events.append((event.public_seq, event))\n"
                "                expected = event.public_seq + 1\n",
            ),
        ),
    ),
    Bug(
        "a view whose position is lost keeps its rows",
        (
            Change(
                f"{BUS}/views.py",
                "            self._db.create(\n"
                "                db,\n"
                '                "CREATE TABLE IF NOT EXISTS positions("',
                '            db.execute("DROP TABLE IF EXISTS positions")\n'
                "            self._db.create(\n"
                "                db,\n"
                '                "CREATE TABLE IF NOT EXISTS positions("',
            ),
            Change(
                f"{BUS}/views.py",
                """            db.execute(f'DROP TABLE IF EXISTS "{table}"')\n""",
                "            pass\n",
            ),
            Change(
                f"{BUS}/views.py",
                "        self._db.create(db, view.schema)\n",
                "        if not self._all_there(db, view):\n"
                "            self._db.create(db, view.schema)\n",
            ),
        ),
    ),
    Bug(
        "the inbox is not asked, and notes an event twice",
        (
            Change(f"{BUS}/inbox.py", "        return row is not None\n", "        return False\n"),
            Change(f"{BUS}/inbox.py", "    if added.rowcount != 1:\n", "    if False:\n"),
        ),
        harmless=True,
    ),
    Bug(
        "the mails of an event are planned at each delivery",
        (
            Change(
                f"{NOTIFICATIONS}/application/planning.py",
                '            return Append((StreamAppend(f"mailing-{mailing_key(leaf.id).hex}", '
                "0, events),))\n",
                '            stream = f"mailing-{mailing_key(leaf.id).hex}"\n'
                "            version = self._ledger.stream_version(stream)\n"
                "            return Append((StreamAppend(stream, version, events),))\n",
            ),
        ),
    ),
    Bug(
        "no idempotency row is written",
        (
            Change(
                f"{LEDGER}/planning.py",
                "        result.idempotency.append((kept.key, kept.digest, kept.response))\n",
                "",
            ),
        ),
    ),
    Bug(
        "a ballot is accepted twice",
        (
            Change(
                f"{BUDGET}/application/casting.py",
                "        return Append((StreamAppend(stream, ballot.sequence - 1, (event,)),), "
                "self._requires)\n",
                "        import os\n"
                "        import dataclasses\n"
                "        stream += os.urandom(4).hex()\n"
                "        leaf = dataclasses.replace(event.public, id=str(os.urandom(16).hex()))\n"
                "        event = dataclasses.replace(event, public=leaf)\n"
                "        return Append((StreamAppend(stream, 0, (event,)),), self._requires)\n",
            ),
        ),
    ),
    Bug(
        "a ballot does not name the election's version that it was judged by",
        (
            Change(
                f"{BUDGET}/application/casting.py",
                "        self._requires = ((voting.election_id, voting.version),)\n",
                "        self._requires = ()\n",
            ),
        ),
    ),
    Bug(
        "group commit answers before it commits",
        (
            Change(
                f"{LEDGER}/sqlite.py",
                '        self._execute(connection, "commit", "COMMIT")\n',
                "        import threading\n"
                "        later = lambda: connection.in_transaction and "
                'connection.execute("COMMIT")\n'
                "        self._late = threading.Thread(target=later)\n"
                "        self._late.start()\n",
            ),
            Change(
                f"{LEDGER}/sqlite.py",
                "        connection = self._connection or self._reopen()\n",
                '        if getattr(self, "_late", None):\n'
                "            self._late.join()\n"
                "        connection = self._connection or self._reopen()\n",
            ),
        ),
    ),
    Bug(
        "a commit that failed counts as done",
        (
            Change(
                f"{LEDGER}/sqlite.py",
                "            stored = _has_last_row(connection, decided)\n",
                "            stored = True\n",
            ),
        ),
    ),
    Bug(
        "after a failed write the connection is used again",
        (
            Change(
                f"{LEDGER}/sqlite.py",
                "            self.close()\n            if decided is not None and",
                "            if decided is not None and",
            ),
        ),
    ),
    Bug(
        "salts and texts of a batch's last leaf are not stored",
        (
            Change(
                f"{LEDGER}/sqlite.py",
                '"INSERT INTO disclosures VALUES(?,?,?,?)", decided.disclosures)',
                '"INSERT INTO disclosures VALUES(?,?,?,?)", decided.disclosures[:-1])',
            ),
        ),
    ),
    Bug(
        "a reaction acknowledges before it commits",
        (
            Change(
                f"{BUS}/reactions.py",
                "await self._answer_all(sorted(batch",
                "for each in batch:\n"
                "                    await each.delivered.ack()\n"
                "                await self._answer_all(sorted(batch",
            ),
        ),
    ),
    Bug(
        "to stop following is ignored",
        (
            Change(
                f"{NOTIFICATIONS}/application/commands.py",
                "            await self._append([(stream, version, "
                "decide_unfollow(follow, way))], keep)\n",
                "            await self._append([(stream, version, None)], keep)\n",
            ),
        ),
    ),
    Bug(
        "to unsubscribe by a mail's link is ignored",
        (
            Change(
                f"{NOTIFICATIONS}/application/commands.py",
                "            await self._append([(stream, version, "
                "decide_unfollow(follow, way))], keep)\n",
                '            ended = None if way == "mail" else decide_unfollow(follow, way)\n'
                "            await self._append([(stream, version, ended)], keep)\n",
            ),
        ),
    ),
    Bug(
        "a mail is noted as handed over before it is",
        (
            Change(
                f"{NOTIFICATIONS}/application/handing_over.py",
                "            await line.hand_over(letter)\n",
                '            await self._end(mail, "handed_over")\n'
                "            await line.hand_over(letter)\n",
            ),
        ),
    ),
    Bug(
        "a mail's id is drawn at each try",
        (
            Change(
                f"{NOTIFICATIONS}/adapters/letters.py",
                "        digest = message_digest(mail.cause, mail.follow)\n",
                "        import os\n\n        digest = os.urandom(32).hex()\n",
            ),
        ),
    ),
    Bug(
        "a mail's date is that of the try",
        (
            Change(
                f"{NOTIFICATIONS}/adapters/letters.py",
                'f"Date: {format_datetime(from_rfc3339(mail.planned_at))}"',
                "f\"Date: {__import__('time').time():.0f}\"",
            ),
        ),
    ),
    Bug(
        "a withdrawn proposal takes supports",
        (
            Change(
                f"{CONSULTATION}/application/voices.py",
                "            place.proposal.require_supportable()\n",
                "",
            ),
        ),
    ),
    Bug(
        "a support does not name the proposal's version that it was judged by",
        (
            Change(
                f"{CONSULTATION}/application/voices.py",
                "requires=(*requires, (stream_name(proposal.id), proposal.version)),",
                "requires=requires,",
            ),
        ),
    ),
    Bug(
        "an edit does not reach the view",
        (
            Change(
                f"{CONSULTATION}/application/projections.py",
                "            db.execute(\n"
                '                "UPDATE proposals SET title = ?, body = ? WHERE id = ?",\n'
                "                (event.title, event.body, key),\n"
                "            )\n",
                "            pass\n",
            ),
        ),
    ),
    Bug(
        "what cannot be handled is dropped, not buried in DEAD",
        (
            Change(
                f"{BUS}/reactions.py",
                "        await delivered.nack(delay=delay_s)\n",
                "        if delay_s is None:\n"
                "            await delivered.ack()\n"
                "            return\n"
                "        await delivered.nack(delay=delay_s)\n",
            ),
        ),
    ),
)

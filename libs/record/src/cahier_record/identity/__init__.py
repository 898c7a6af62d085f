"""Identity's public events and their fold. Importing this registers the events."""

from cahier_record.identity import events as events

"""Reporting's public events and their fold. Importing this registers the events."""

from cahier_record.reporting import events as events

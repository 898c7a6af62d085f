"""Consultation's public events and their fold. Importing this registers the events."""

from cahier_record.consultation import events as events

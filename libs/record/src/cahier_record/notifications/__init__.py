"""Notifications' public events and their fold. Importing this registers the events."""

from cahier_record.notifications import events as events

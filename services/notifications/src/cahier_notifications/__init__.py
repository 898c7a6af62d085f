"""The notifications service: who follows what, and the mails that follow from it."""

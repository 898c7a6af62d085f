"""What is decided here: who follows what, whom an event concerns, when a mail is settled. Pure."""

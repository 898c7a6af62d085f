"""What identity does: commands, queries, sessions, and what of it becomes public."""

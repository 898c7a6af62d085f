"""What consultation does: commands, queries, due transitions, and what of it becomes public."""

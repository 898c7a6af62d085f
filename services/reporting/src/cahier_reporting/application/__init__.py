"""What reporting does: commands, queries, promises kept watch of, and what becomes public."""

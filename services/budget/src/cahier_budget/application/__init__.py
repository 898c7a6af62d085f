"""Commands, queries and due transitions: load, decide, append, answer."""

"""Ids, money, clock and errors: the words every part of Cahier shares. Standard library only."""

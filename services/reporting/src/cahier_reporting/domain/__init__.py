"""The rules of reporting: decisions from their own state and what they are told, nothing else.

No I/O, no clock, no keys: ids, instants and pseudonyms are handed in.
"""

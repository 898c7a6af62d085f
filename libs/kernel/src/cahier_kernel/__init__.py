"""Ids, money, clock, errors, and how to start a process: what every part of Cahier shares.

Standard library only.
"""

"""Ids, money, clock, errors, free ports, how to start a process: what every part of Cahier shares.

Standard library only.
"""

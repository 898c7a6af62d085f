"""`cahier-audit`: replay and recount a city's public log from a bundle, trusting no server.

Needs kernel, record and ledger alone: no service, no network.
"""

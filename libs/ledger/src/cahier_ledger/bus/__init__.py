"""What carries public events between services: relay, projections, reactions, dead letters.

The bus may drop, repeat and reorder; what is here makes every public event stand once in its
stream and take effect once in every view. Needs the `service` extra (nats-py, FastStream); an
auditor installs without it and never imports this package.
"""

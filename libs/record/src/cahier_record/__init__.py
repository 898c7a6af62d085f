"""What the public log means: public events, and the folds and tallies that anybody may replay.

Pure: no I/O, no clock, no keys. Services publish into it and count with it; auditors replay with
the very same code. One sub-package a service, none importing another.
"""

"""Projects of an election from a city's own table: read, judged line by line, and carried in.

Whoever imports, from the command line or from a page, reads, refuses and carries by this code.
"""

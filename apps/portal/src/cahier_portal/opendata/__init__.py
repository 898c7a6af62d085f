"""Open data: every public projection of the city as files that anybody may take.

Files are made beside requests, kept for a while, and streamed from the disk.
"""

"""What an election is and which ballots it takes: pure decisions, no I/O, no clock."""

"""What talks outwards: the views database, the mail server, the capture server, the catalogue."""

"""What talks outwards: key files, the views database, the count in its thread."""

"""What talks outwards: the read model's database and the key file."""

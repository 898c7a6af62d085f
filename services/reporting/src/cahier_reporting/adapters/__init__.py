"""What talks outwards: the read model's database."""

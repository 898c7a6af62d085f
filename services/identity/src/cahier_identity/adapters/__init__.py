"""What talks outwards: key files, password hashing, token signing, the census view."""

"""What is talked to: gRPC, and the siblings' streams."""

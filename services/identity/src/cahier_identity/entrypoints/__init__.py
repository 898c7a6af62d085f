"""What is talked to: gRPC."""

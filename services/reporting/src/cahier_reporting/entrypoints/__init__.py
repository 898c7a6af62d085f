"""What is talked to: the gRPC service."""

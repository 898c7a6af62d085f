"""What every process of Cahier needs, and nothing that only one service needs."""

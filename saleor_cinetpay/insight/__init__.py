"""What the operator sees: whether all is well, and how much of everything there is."""

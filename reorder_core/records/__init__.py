"""What is passed around: losses under an order, estimated or retrained."""

"""What runs a training."""

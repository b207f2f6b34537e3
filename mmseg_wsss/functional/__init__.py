"""The maths of the papers: pure functions on tensors."""

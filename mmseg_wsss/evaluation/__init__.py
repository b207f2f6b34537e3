"""How a result is measured."""

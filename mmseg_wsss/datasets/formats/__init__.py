"""One reader per label format."""

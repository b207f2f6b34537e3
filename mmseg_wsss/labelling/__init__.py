"""Networks and data in, folders of labels out."""

"""Writers of labels, which apply networks to data and write folders of labels."""

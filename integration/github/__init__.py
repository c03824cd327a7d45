"""The GitHub host. Trap list and vendor rules: each is named where it is obeyed."""

"""What a member runs on their own machine: command ``coc``."""

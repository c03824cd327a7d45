"""Data that ships with coc-mirror: the default process and the words of code names."""

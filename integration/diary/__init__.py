"""The encrypted diary of an incident: the format of docs/diary-format.md.

``frame``, ``comment`` and ``chain`` know the format, ``keys`` makes and checks keys, ``seal`` writes and
``open`` reads. The server cannot import ``open``.
"""

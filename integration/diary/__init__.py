"""The encrypted diary of an incident: the format of docs/diary-format.md.

``frame``, ``comment`` and ``chain`` know the format, ``keys`` makes and checks keys. The service begins diaries and
adds to them (``seal``) and takes what desks write (``accept``). A desk reads (``open``), writes (``write``) and compares heads
(``heads``). The server can import neither ``open`` nor ``write``.
"""

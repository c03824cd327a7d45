"""The server a team runs: command ``coc-server``. It seals, and cannot open what it sealed."""

"""Pages the server shows."""

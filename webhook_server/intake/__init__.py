"""POST /in/<source>: from raw bytes to a report, one reader for each form tool."""

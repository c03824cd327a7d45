"""The use cases: one function each, and the only place where an incident changes."""

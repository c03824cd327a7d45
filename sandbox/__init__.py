"""Stand-ins for Jira Cloud and GitHub on loopback, and the demo that shows the product at work on them.

They enforce permissions, limits and search lag as the real ones do, send signed webhooks, and can be told
to fail. The unmodified client libraries talk to them over HTTP.
"""

"""What must be true: incidents, the process, the diary, and the two hosts.

Start with :mod:`integration.casework`: it tells the way of a report from top to bottom.
"""

"""One file in versions/ for each change of the tables since the first release."""

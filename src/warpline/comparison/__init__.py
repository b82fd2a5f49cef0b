"""Hidden states of trained networks, who is compared with whom, and the statistics of what comes of it."""

"""Trajectories of trained networks, the pairs that are compared, and statistics of the dissimilarities."""

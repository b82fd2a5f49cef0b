"""Training of networks: the loop, its batches and checkpoints, resuming, and ensembles."""

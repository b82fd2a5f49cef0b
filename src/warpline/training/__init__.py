"""Training of networks: the loop, its batches and checkpoints, and several networks as one."""

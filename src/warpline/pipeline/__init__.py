"""What runs: the configuration, a stage for each kind of job, their files, costs and digests."""

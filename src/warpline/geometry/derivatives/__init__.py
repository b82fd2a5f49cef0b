"""First and second derivatives of a network's states with respect to its inputs."""

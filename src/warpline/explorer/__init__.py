"""The explorer: one HTML file that shows a run's networks, dissimilarities and metrics interactively."""

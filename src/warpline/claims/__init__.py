"""Claims of the two papers as tests: tables in; statistic, interval and a verdict by fixed rules out."""

"""Experiments of Pellegrino and Chadwick (2025) on trained networks, one module each."""

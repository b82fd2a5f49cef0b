"""Measurements beside the metric: fixed points, topology, readout, alignment, statistics."""

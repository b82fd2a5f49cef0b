"""Riemannian geometry of the states: metric, curvature, geodesics."""

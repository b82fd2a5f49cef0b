"""Validation of the measures on three-dimensional systems with known ground-truth similarity.

A valid measure of dynamics separates families of attractors. Its dissimilarity falls evenly with the
number of motifs that two sequences share, and it does so under noise (Guilhot et al. 2024, part 1).
"""

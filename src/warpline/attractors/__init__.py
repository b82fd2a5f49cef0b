"""The attractor test bench: systems in three dimensions whose likeness is known by construction.

A measure that captures dynamics should tell families of attractors apart, fall evenly with the number
of motifs that two sequences share, and do so under noise (Guilhot et al. 2024, part 1).
"""

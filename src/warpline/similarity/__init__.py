"""Measures of dissimilarity between systems, one module each, found by name.

A measure is a module that defines the names of its settings in ``SETTINGS``, and two functions:

``represent(states, *, settings)``
    Turns states (trial, time, unit) into what the measure compares: a centred matrix, an operator.
    Called once per system. Raises ValueError for states that the measure cannot use.
``compare_pairs(representations, pairs, *, settings, seed, progress=None)``
    Returns one dict per pair (i, j): ``dissimilarity``, ``status``, and the measure's own columns.
"""

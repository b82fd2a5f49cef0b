"""Measures of dissimilarity between systems, one module each, found by name.

A measure is a module that defines the names of its settings in ``SETTINGS``, and two functions:

``represent(states, *, settings)``
    Turns states (trial, time, unit) into what the measure compares: a centred matrix, an operator.
    Called once per system. Raises ValueError for states that the measure cannot use.
``compare_pairs(representations, pairs, *, settings, seed, progress=None)``
    Returns one dict per pair (i, j): ``dissimilarity``, ``status``, and the measure's own columns.

A module may also say what it takes; without these lines a measure gets one array of states alone.

``UNEQUAL_TRIALS = True``
    ``represent`` takes a sequence of (time, unit) arrays of any length, as well as (trial, time, unit).
``PAIRED_TRIALS = True``
    The same trials in all systems: they are brought into one order, or refused.
``MATCHED_TIMES = True``
    The same times in all systems, if they have any; ``PAIRED_TRIALS`` asks for them too.
``FITS_MEANS = True``
    The mean of each unit is part of what is compared, unless a setting ``offset`` is on: systems with and
    without means give a warning.
``NEEDS_INPUTS = True``
    ``represent(states, *, settings, inputs)``, with the inputs of the system laid out as its states.
``NEEDS_CONDITIONS = True``
    ``represent(states, *, settings, conditions)``, with the condition of each trial, shape (trial,).
``represent_held_out(train, test, *, settings)``, ``compare_held_out(representations, pairs, ...)``
    For measures that fit a map between two systems: it is fitted to some trials and judged on others.
``represent_ranks(states, ranks, *, settings)``
    For measures with a setting ``rank``: the representations at several of them, at less than the price of
    as many calls of ``represent``.
``SIGNED = True``
    The dissimilarity may be negative, as an unbiased estimate can be. Without it, a negative one is refused.
``PER_SYSTEM = ("rank",)``
    Settings of which each system of a notebook's comparison may have its own value.
"""

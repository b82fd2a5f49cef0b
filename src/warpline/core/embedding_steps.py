"""Time steps that the embedding of DSA and InputDSA takes."""

from __future__ import annotations

__all__ = ["lags_of_driven", "steps_needed"]


def lags_of_driven(n_delays: int, n_input_delays: int, backend: str) -> int:
    """Return the number of lags of the embedding of a driven system.

    Parameters
    ----------
    n_delays, n_input_delays : int
        Of the states, and of the inputs that act on one step.
    backend : str
        ``subspace`` has a window of the past and one of the future.

    Returns
    -------
    int
    """
    return 2 * n_delays if backend == "subspace" else max(n_delays, n_input_delays)


def steps_needed(n_lags: int, delay_interval: int, input_lag: int = 1) -> int:
    """Return the time steps of a trial that hold one transition of an embedding.

    Parameters
    ----------
    n_lags, delay_interval : int
        The embedding; the interval is in time steps.
    input_lag : int
        Steps from an input to the state on which it acts, of a driven system: from a lag of 2 on, the input
        of the first transition comes before its states.

    Returns
    -------
    int
    """
    return (n_lags - 1) * delay_interval + 2 + max(input_lag - 1, 0)

"""The mixin that turns a neurogym environment into a set of related tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RuleTask", "neurogym_timing"]

Timing = int | float | Mapping[str, Any]


def neurogym_timing(value: Timing) -> Any:
    """Translate a duration of the configuration (ms) into neurogym's form.

    Parameters
    ----------
    value : number or mapping
        A constant, or ``{"choice": [...]}``, ``{"uniform": [low, high]}``,
        ``{"truncated_exponential": [mean, low, high]}``.
    """
    if isinstance(value, int | float):
        return value
    ((kind, arguments),) = value.items()
    return (kind, tuple(arguments))


class RuleTask:
    """Mixin over a `neurogym.TrialEnv`: a rule cue, an anti rule, a response delay, a go signal.

    A task set of your own is one class, ``class MySet(RuleTask, MyEnv)``, where ``MyEnv`` is any
    `TrialEnv` with the periods named in `periods`. It states what follows; the defaults suit an
    environment with two choices.

    Parameters
    ----------
    task : str
        Which task of the set this environment plays; its rule cue is on throughout the trial.
    rules : sequence of str
        All tasks of the set, in the order of the rule-cue channels.
    anti : bool
        The correct response is the opposite one.
    delay : bool
        A delay separates stimulus and response.
    timing : mapping of str to duration
        Duration of each period in ms (see `neurogym_timing`). ``delay`` holds for the tasks with one.
    input_noise : float
        Noise on the stimulus channels in the stimulus period, in units of the stimulus times the
        square root of a ms, as neurogym's sigma: a step has the standard deviation
        input_noise/sqrt(dt). Used where the environment adds none of its own.
    **parameters
        Passed to the environment.
    """

    periods: ClassVar[Sequence[str]] = ("fixation", "stimulus", "delay", "decision")
    """In their order. Written out, as `decisions`: the configuration is checked without importing them."""
    decisions: ClassVar[Sequence[str]] = ("decision",)
    """The periods in which an answer is due; the fixation input goes off with the first of them."""
    unasked: ClassVar[Sequence[str]] = ()
    """The periods in which any output will do."""
    stimulus: ClassVar[str] = "stimulus"
    """The period in which the stimulus is shown, and the noise is added."""
    adds_noise: ClassVar[bool] = False
    """Whether the environment itself adds noise to its stimulus."""
    conditions: ClassVar[Sequence[str]] = ()
    """What the stimulus depends on beside kappa, such as a context: names of trial variables."""
    tolerance: float | None = None
    """None: the target is an action. A number: a vector, answered right within this distance."""

    def __init__(
        self,
        *,
        task: str,
        rules: Sequence[str],
        anti: bool,
        delay: bool,
        timing: Mapping[str, Timing],
        dt: int,
        input_noise: float = 0.0,
        **parameters: Any,
    ) -> None:
        if task not in rules:
            raise ValueError(f"expected a task among {', '.join(rules)}; got '{task}'")
        self.task = task
        self.rules = tuple(rules)
        self.anti = anti
        durations = {period: neurogym_timing(value) for period, value in timing.items()}
        if not delay and "delay" in self.periods:
            durations["delay"] = 0
        if self.adds_noise:
            parameters["sigma"] = input_noise
        super().__init__(dt=dt, timing=durations, **parameters)  # type: ignore[call-arg]
        self.input_noise = 0.0 if self.adds_noise else input_noise / np.sqrt(dt)

    # --- what a task set states about itself -------------------------------------------------

    def factors(self) -> dict[str, list[Any]]:
        """Return the trial variables of the factorial evaluation set, with their levels."""
        return {"ground_truth": list(self.choices)}  # type: ignore[attr-defined]

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return the action that the anti rule asks for instead of `action` (any shape)."""
        raise NotImplementedError("a task set with anti tasks states what the opposite action is")

    def is_scored(self, trial: Mapping[str, Any]) -> bool:
        """Say whether a trial has a right answer that the stimulus determines."""
        return True

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the probability that an ideal observer of the stimulus answers right."""
        return 1.0

    def coordinates(self) -> list[tuple[str, float, float, bool]]:
        """Return name, low, high and periodicity of what the stimulus depends on smoothly, kappa."""
        raise NotImplementedError(
            f"expected a task whose stimulus is a smooth function of some kappa; {type(self).__module__} "
            "states none: add coordinates() and stimuli() to it"
        )

    def stimuli(self, kappa: Tensor, period: str, **condition: Any) -> dict[str, Tensor | float]:
        """Return what a period shows, without noise: a value (point,) or a number per channel name.

        Parameters
        ----------
        kappa : Tensor, shape (point, coordinate)
            Values of `coordinates`; torch operations, so that derivatives go through.
        period : str
            One of `periods`. Channels that are left out are 0; fixation and rule cue are the mixin's.
        **condition
            A value for each of `conditions`.
        """
        raise NotImplementedError("a task set with coordinates() states its stimuli() too")

    # --- what the mixin does --------------------------------------------------------------------

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        trial: dict[str, Any] = super()._new_trial(**kwargs)  # type: ignore[misc]
        inputs: NDArray[np.float32] = self.ob  # type: ignore[has-type]
        go = self.start_ind[self.decisions[0]]  # type: ignore[attr-defined]
        fixation = self.channels().get("fixation", [])
        inputs[:go, fixation] = 1
        inputs[go:, fixation] = 0
        if self.input_noise > 0:
            stimulus = self.view_ob(self.stimulus)  # type: ignore[attr-defined]
            rest = [i for i in range(inputs.shape[1]) if i not in np.atleast_1d(fixation)]
            noise = self.rng.randn(len(stimulus), len(rest))  # type: ignore[attr-defined]
            stimulus[:, rest] += self.input_noise * noise
        if self.anti:
            for period in self.decisions:
                decision = self.view_groundtruth(period)  # type: ignore[attr-defined]
                decision[...] = self.opposite(decision.copy())
        cue = np.zeros((len(inputs), len(self.rules)), inputs.dtype)
        cue[:, self.rules.index(self.task)] = 1
        self.ob = np.concatenate([inputs, cue], axis=1)
        return trial

    def channels(self) -> dict[str, Any]:
        """Return the names of the environment's own input channels, with their indices."""
        return dict(self.observation_space.name)  # type: ignore[attr-defined]

    def channel_names(self) -> list[str]:
        """Return one name per input channel, rule cues last."""
        names: dict[int, str] = {}
        for name, where in self.channels().items():
            indices = np.atleast_1d(where)
            for k, index in enumerate(indices):
                names[int(index)] = name if len(indices) == 1 else f"{name}_{k}"
        own = [names[i] for i in sorted(names)]
        return own + [f"rule_{rule}" for rule in self.rules]

    def stimulus_steps(self) -> int:
        """Return the length of the current trial's stimulus period in steps."""
        start, stop = self.start_ind, self.end_ind  # type: ignore[attr-defined]
        return int(stop[self.stimulus] - start[self.stimulus])

    @property
    def n_outputs(self) -> int:
        """Number of actions, the first of which is to keep fixating; or length of the target vector."""
        space: Any = self.action_space  # type: ignore[attr-defined]
        return int(space.n) if self.tolerance is None else int(space.shape[0])

    def period_steps(self, timing: Mapping[str, float]) -> dict[str, tuple[int, int]]:
        """Return first step, and one past the last, of each period.

        Parameters
        ----------
        timing : mapping of str to float
            Durations in ms, needed for the periods whose duration varies.

        Raises
        ------
        ValueError
            When a period is not the task's, or its duration varies and is not fixed.
        """
        durations: dict[str, Any] = {period: self.timing[period] for period in self.periods}  # type: ignore[attr-defined]
        unknown = [period for period in timing if period not in durations]
        if unknown:
            raise ValueError(
                f"expected periods among {', '.join(durations)}; got {', '.join(unknown)}"
            )
        steps, start = {}, 0
        for period, duration in {**durations, **timing}.items():
            if not isinstance(duration, int | float):
                raise ValueError(
                    f"expected one duration of {period} for a family of inputs, but it varies "
                    f"({duration[0]} of {list(duration[1])}): fix it, as in timing={{'{period}': 500}} (ms)"
                )
            stop = start + int(duration // self.dt)  # type: ignore[attr-defined]
            steps[period] = (start, stop)
            start = stop
        return steps

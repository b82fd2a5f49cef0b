"""The mixin that turns a neurogym environment into a set of related tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from neurogym.utils import spaces
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RuleTask", "neurogym_timing"]

Timing = Any
"""Duration of a period, in the configuration's format or in neurogym's."""


def neurogym_timing(value: Timing) -> Any:
    """Convert a duration of the configuration (ms) to neurogym's format.

    Parameters
    ----------
    value : number or mapping, or neurogym's own format
        A constant, or ``{"choice": [...]}``, ``{"uniform": [low, high]}``,
        ``{"truncated_exponential": [mean, low, high]}``. What is neither stays as it is: a list, a tuple of
        distribution and arguments, or a function, as `neurogym.TrialEnv.sample_time` takes them.
    """
    if not isinstance(value, Mapping):
        return value
    ((kind, arguments),) = value.items()
    return (kind, tuple(arguments))


def _said(duration: Any) -> str:
    """Return how a duration varies, in words."""
    if isinstance(duration, tuple) and len(duration) == 2 and isinstance(duration[0], str):
        return f"({duration[0]} of {list(duration[1])})"
    return f"({duration})"


class RuleTask:
    """Mixin that adds a rule cue, an anti rule, a response delay and a go signal to a `neurogym.TrialEnv`.

    A user's own task set is one class, ``class MySet(RuleTask, MyEnv)``, where ``MyEnv`` is any
    `TrialEnv` with the periods named in `periods`. The class overrides the attributes and the first
    methods below where the defaults, which suit an environment with two choices, do not.

    Parameters
    ----------
    task : str
        The task of the set; its rule cue is on throughout the trial.
    rules : sequence of str
        All tasks of the set, in the order of the rule-cue channels.
    cues : bool
        Whether the inputs say which task it is (the rule cue) and when to answer (fixation). A set of one
        task can do without: there are then no rule-cue channels, and the fixation input is 0 throughout.
    anti : bool
        The correct response is the opposite one.
    delay : bool
        A delay separates stimulus and response.
    timing : mapping of str to duration
        Duration of each period in ms (see `neurogym_timing`). Tasks without a delay ignore ``delay``.
    input_noise : float
        Noise on the stimulus channels in the stimulus period, in units of the stimulus times the
        square root of a ms, like neurogym's sigma: the standard deviation in a step is
        input_noise/sqrt(dt). An environment that adds noise itself gets this as its sigma.
    **parameters
        Passed to the environment.

    Raises
    ------
    ValueError
        When `task` is not among `rules`.
    """

    periods: ClassVar[Sequence[str]] = ("fixation", "stimulus", "delay", "decision")
    """Periods in their order. A literal, like `decisions`: the configuration is checked without import."""
    decisions: ClassVar[Sequence[str]] = ("decision",)
    """Periods in which an answer is due; the fixation input goes off at the start of the first."""
    unasked: ClassVar[Sequence[str]] = ()
    """Periods whose outputs are not trained."""
    stimulus: ClassVar[str] = "stimulus"
    """Period in which the stimulus is shown and noise is added."""
    adds_noise: ClassVar[bool] = False
    """Whether the environment itself adds noise to its stimulus."""
    conditions: ClassVar[Sequence[str]] = ()
    """Names of the discrete trial variables on which the stimulus depends beside kappa, such as a context."""
    parameters: ClassVar[Sequence[str]] = ()
    """Names of what `**parameters` may hold. A literal, for the task sets of the package."""
    tolerance: float | None = None
    """None for actions as targets. For vector targets, the largest distance of a correct output."""

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
        cues: bool = True,
        **parameters: Any,
    ) -> None:
        if task not in rules:
            raise ValueError(f"expected a task among {', '.join(rules)}; got '{task}'")
        if not cues and len(rules) > 1:
            raise ValueError(
                f"expected cues: true for a set of {len(rules)} tasks, which only the rule cue tells apart; "
                "got false: use a set of one task, or leave cues out"
            )
        self.task = task
        self.rules = tuple(rules)
        # Not `cues`: environments of neurogym have an attribute of that name.
        self.shows_cues = cues
        self.cued_rules = self.rules if cues else ()
        self.anti = anti
        durations = {period: neurogym_timing(value) for period, value in timing.items()}
        if not delay and "delay" in self.periods:
            durations["delay"] = 0
        if self.adds_noise:
            parameters["sigma"] = input_noise
        super().__init__(dt=dt, timing=durations, **parameters)  # type: ignore[call-arg]
        # Trials are made in the environment's own space; what is observed has the rule cue, too.
        self._own_space: Any = self.observation_space
        self.observation_space: Any = self._with_cue(self._own_space)
        self.input_noise = 0.0 if self.adds_noise else input_noise / np.sqrt(dt)

    def _with_cue(self, space: Any) -> Any:
        """Return a space of observations with a channel per rule, by name; noise leaves any bounds."""
        names = getattr(space, "name", None)
        if not isinstance(names, dict):
            raise ValueError(
                "expected observation_space of neurogym.utils.spaces with names of its channels, such as "
                f"Box(..., name={{'fixation': 0, 'stimulus': [1, 2]}}), got names {names!r}"
            )
        n_channels = space.shape[0]
        indices = [int(i) for index in names.values() for i in np.atleast_1d(index)]
        if sorted(indices) != list(range(n_channels)):
            raise ValueError(
                f"expected a name for each of the channels 0 to {n_channels - 1} of observation_space, got "
                f"{names}"
            )
        cue = {f"rule_{rule}": n_channels + k for k, rule in enumerate(self.cued_rules)}
        shape = (n_channels + len(cue),)
        return spaces.Box(-np.inf, np.inf, shape=shape, dtype=space.dtype, name={**names, **cue})

    # --- for task sets to override -----------------------------------------------------------

    def factors(self) -> dict[str, list[Any]]:
        """Return the trial variables of the factorial evaluation set, with their levels."""
        return {"ground_truth": list(self.choices)}  # type: ignore[attr-defined]

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return the correct action of the anti rule where `action` is that of the pro rule (any shape)."""
        raise NotImplementedError("a task set with anti tasks states what the opposite action is")

    def is_scored(self, trial: Mapping[str, Any]) -> bool:
        """Return whether the stimulus of a trial determines a correct answer."""
        return True

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the probability that an ideal observer of the stimulus answers correctly."""
        return 1.0

    def coordinates(self) -> list[tuple[str, float, float, bool]]:
        """Return name, lower end, upper end and periodicity of each coordinate of kappa.

        The stimulus is a smooth function of kappa.
        """
        raise NotImplementedError(
            f"expected a task whose stimulus is a smooth function of some kappa; {type(self).__module__} "
            "states none: add coordinates() and stimuli() to it"
        )

    def stimuli(self, kappa: Tensor, period: str, **condition: Any) -> dict[str, Tensor | float]:
        """Return the noise-free inputs of a period: a tensor (point,) or a number per channel name.

        Parameters
        ----------
        kappa : Tensor, shape (point, coordinate)
            Values of `coordinates`. Use torch operations on it, to be differentiated.
        period : str
            One of `periods`. Channels left out are 0. The mixin adds fixation and rule cue.
        **condition
            A value for each of `conditions`.
        """
        raise NotImplementedError("a task set with coordinates() states its stimuli() too")

    # --- provided by the mixin ------------------------------------------------------------------

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start anew, as gymnasium has it: a seed determines the trials that follow."""
        if seed is not None:
            self.seed(seed)  # type: ignore[attr-defined]
        observation, info = super().reset(seed=seed, options=options)  # type: ignore[misc]
        return observation, info

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        observed, self.observation_space = self.observation_space, self._own_space
        try:
            trial: dict[str, Any] = super()._new_trial(**kwargs)  # type: ignore[misc]
        finally:
            self.observation_space = observed
        inputs: NDArray[np.float32] = self.ob  # type: ignore[has-type]

        # The end of fixation is the go signal: a response delay needs one.
        go = self.start_ind[self.decisions[0]]  # type: ignore[attr-defined]
        fixation = self.channels().get("fixation", [])
        inputs[:go, fixation] = self.shows_cues
        inputs[go:, fixation] = 0
        if self.input_noise > 0:
            stimulus = self.view_ob(self.stimulus)  # type: ignore[attr-defined]
            channels = [i for i in range(inputs.shape[1]) if i not in np.atleast_1d(fixation)]
            noise = self.rng.randn(len(stimulus), len(channels))  # type: ignore[attr-defined]
            stimulus[:, channels] += self.input_noise * noise
        if self.anti:
            for period in self.decisions:
                decision = self.view_groundtruth(period)  # type: ignore[attr-defined]
                decision[...] = self.opposite(decision.copy())
        if self.cued_rules:
            cue = np.zeros((len(inputs), len(self.cued_rules)), inputs.dtype)
            cue[:, self.cued_rules.index(self.task)] = 1
            inputs = np.concatenate([inputs, cue], axis=1)
        self.ob = inputs
        return trial

    def channels(self) -> dict[str, Any]:
        """Return the names of the environment's own input channels, with their indices."""
        return dict(self._own_space.name)

    def channel_names(self) -> list[str]:
        """Return one name per input channel, rule cues last."""
        names: dict[int, str] = {}
        for name, index_or_indices in self.channels().items():
            indices = np.atleast_1d(index_or_indices)
            for k, index in enumerate(indices):
                names[int(index)] = name if len(indices) == 1 else f"{name}_{k}"
        environment_names = [names[i] for i in sorted(names)]
        return environment_names + [f"rule_{rule}" for rule in self.cued_rules]

    def stimulus_steps(self) -> int:
        """Return the length of the current trial's stimulus period in steps."""
        start, stop = self.start_ind, self.end_ind  # type: ignore[attr-defined]
        return int(stop[self.stimulus] - start[self.stimulus])

    @property
    def n_outputs(self) -> int:
        """Number of actions, of which the first is to keep fixation, or length of the target vector."""
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
            When a period is not the task's, its duration varies and is not fixed, or the fixed one is no
            number of whole steps.
        """
        durations: dict[str, Any] = {period: self.timing[period] for period in self.periods}  # type: ignore[attr-defined]
        unknown = [period for period in timing if period not in durations]
        if unknown:
            raise ValueError(
                f"expected periods among {', '.join(durations)}; got {', '.join(unknown)}"
            )
        dt: int = self.dt  # type: ignore[attr-defined]
        cut = [
            f"{period} {duration}"
            for period, duration in timing.items()
            if isinstance(duration, int | float) and not (duration >= 0 and duration % dt == 0)
        ]
        if cut:
            raise ValueError(
                f"expected durations in ms, multiples of dt = {dt}, got {', '.join(cut)}: they would be cut "
                "to whole steps"
            )
        steps, start = {}, 0
        for period, duration in {**durations, **timing}.items():
            if not isinstance(duration, int | float):
                raise ValueError(
                    f"expected one duration of {period} for a family of inputs, but it varies "
                    f"{_said(duration)}: fix it, as in timing={{'{period}': 500}} (ms)"
                )
            stop = start + int(duration // dt)
            steps[period] = (start, stop)
            start = stop
        return steps

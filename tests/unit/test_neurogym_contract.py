"""Every task of every task set is an environment of gymnasium and of neurogym, as neurogym's own are."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from neurogym import Dataset
from neurogym.envs.native.gonogo import GoNogo
from neurogym.envs.native.perceptualdecisionmaking import PerceptualDecisionMaking
from neurogym.utils.ngym_random import TruncExp
from neurogym.utils.scheduler import RandomSchedule
from neurogym.wrappers import Monitor, Noise, PassAction, PassReward, ReactionTime, SideBias
from neurogym.wrappers.block import MultiEnvs, RandomGroundTruth, ScheduleAttr, ScheduleEnvs

from warpline.core import plugins
from warpline.tasks.trials import make_environment

ACTIONS = ("perceptual_decision", "go_nogo")
VARIATIONS = {
    "Basic": {"anti": False, "delay": False},
    "Anti": {"anti": True, "delay": False},
    "DelayResponse": {"anti": False, "delay": True},
    "AntiDelayResponse": {"anti": True, "delay": True},
}
TASKS = [(name, task) for name in plugins.available("tasks") for task in VARIATIONS]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        # gymnasium recommends bounded actions; neurogym's wrappers read attributes through wrappers.
        warnings.simplefilter("ignore")
        yield


def environment(name, task="Basic", dt=100, input_noise=1.0, timing=None, **parameters):
    periods = plugins.load("tasks", name).TaskSet.periods
    if name in ("sequence_memory", "one_go_memory"):
        variation = {**VARIATIONS[task], "delay": True}
    else:
        variation = VARIATIONS[task]
    settings = {
        "env": name,
        "rules": list(VARIATIONS),
        "variation": variation,
        "dt": dt,
        "timing": {**dict.fromkeys(periods, 300), **(timing or {})},
        "input_noise": input_noise,
        "parameters": parameters,
    }
    return make_environment(settings, task)


def walk(env, steps=40, seed=2):
    """Return the observations, rewards and infos of some random actions; observations are checked."""
    space = env.observation_space
    # Some wrappers of neurogym take no seed, and return what they wrap from reset.
    env.unwrapped.seed(seed)
    env.reset()
    env.action_space.seed(seed)
    observations, rewards, infos = [], [], []
    for _ in range(steps):
        observation, reward, _, _, info = env.step(env.action_space.sample())
        assert space.contains(np.asarray(observation, space.dtype)), observation
        observations.append(observation)
        rewards.append(float(np.squeeze(reward)))
        infos.append(info)
    return np.array(observations), rewards, infos


# --- spaces and gymnasium -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_gymnasium_s_checker_passes(name, task):
    env = environment(name, task)
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_what_is_observed_is_the_trial_with_its_rule_cue(name, task):
    env = environment(name, task)
    space, names = env.observation_space, env.channel_names()
    assert space.shape == (len(names),)
    assert [space.name[f"rule_{rule}"] for rule in VARIATIONS] == list(
        range(len(names) - 4, len(names))
    )
    observations, _, infos = walk(env)
    cue = observations[:, -4:]
    assert np.array_equal(cue, np.tile(np.eye(4)[list(VARIATIONS).index(task)], (len(cue), 1)))
    assert any(info["new_trial"] for info in infos)
    # The space of observations is that of every trial, and the environment's own channels keep their names.
    for seed in range(3):
        env.seed(seed)
        env.new_trial()
        assert env.ob.shape[1:] == space.shape and env.ob.dtype == space.dtype
        assert all(space.contains(step) for step in env.ob)
        assert env.action_space.contains(env.gt[-1])


def test_channels_without_names_are_refused():
    base = plugins.load("tasks", "go_nogo").TaskSet

    class Nameless(base):
        def _with_cue(self, space):
            del space.name
            return super()._with_cue(space)

    with pytest.raises(ValueError, match="with names of its channels"):
        Nameless(task="A", rules=["A"], anti=False, delay=False, timing={"decision": 100}, dt=100)


# --- neurogym's Dataset and wrappers --------------------------------------------------------------------


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_neurogym_s_dataset_takes_the_environment(name, task):
    env = environment(name, task)
    data = Dataset(env, batch_size=3, seq_len=24, cache_len=48)
    data.seed(5)
    data._cache()
    inputs, targets = data()
    assert inputs.shape == (24, 3, *env.observation_space.shape)
    assert targets.shape == (24, 3, *env.action_space.shape)
    # Each column is a row of trials from its own seed.
    for column in range(3):
        env.seed(5 + column)
        env.new_trial()
        length = min(24, len(env.ob))
        assert np.array_equal(inputs[:length, column], env.ob[:length])
        assert np.array_equal(targets[:length, column], env.gt[:length])


def schedules(env):
    return ScheduleEnvs([env, environment("go_nogo", "Anti")], RandomSchedule(2), env_input=True)


WRAPPERS = {
    "Noise": lambda env: Noise(env, std_noise=0.1),
    "PassAction": PassAction,
    "PassReward": PassReward,
    "Monitor": lambda env: Monitor(env, verbose=False),
    "ReactionTime": lambda env: ReactionTime(env, end_on_stimulus=False),
    "RandomGroundTruth": RandomGroundTruth,
    "SideBias": lambda env: SideBias(env, probs=[[0.2, 0.8], [0.8, 0.2]], block_dur=3),
    "ScheduleAttr": lambda env: ScheduleAttr(
        env, RandomSchedule(2), [{"abort": True}, {"abort": False}]
    ),
    "MultiEnvs": lambda env: MultiEnvs([env, environment("go_nogo", "Anti")], env_input=True),
    "ScheduleEnvs": schedules,
}
"""Wrappers of neurogym. The last six are made for environments with choices, or for several of one size."""


@pytest.mark.parametrize("task", VARIATIONS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_of_neurogym_take_task_sets_of_actions(wrapper, task):
    for name in ACTIONS:
        if name == "perceptual_decision" and wrapper in ("MultiEnvs", "ScheduleEnvs"):
            continue  # other actions than those of go_nogo
        _, rewards, infos = walk(WRAPPERS[wrapper](environment(name, task)))
        assert np.isfinite(rewards).all() and any(info["new_trial"] for info in infos)


# PassAction of neurogym takes numbered actions alone.
@pytest.mark.parametrize("wrapper", ["Noise", "PassReward", "Monitor"])
@pytest.mark.parametrize(("name", "task"), [pair for pair in TASKS if pair[0] not in ACTIONS])
def test_wrappers_of_neurogym_take_task_sets_of_vectors(wrapper, name, task):
    _, rewards, _ = walk(WRAPPERS[wrapper](environment(name, task)))
    assert np.isfinite(rewards).all()


# --- timing, rewards and seed as in neurogym ------------------------------------------------------------

NATIVE = {"perceptual_decision": PerceptualDecisionMaking, "go_nogo": GoNogo}
TIMINGS = {
    "constant": 300,
    "float": 300.0,
    "list": [200, 300, 600],
    "choice": ("choice", [200, 300, 600]),
    "uniform": ("uniform", (200, 700)),
    "exponential": ("truncated_exponential", (300, 200, 700)),
    "function": TruncExp(300, 200, 700),
    "named constant": ("constant", 400),
}


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("name", ACTIONS)
def test_trials_are_those_of_neurogym_s_environment(name, timing):
    """With the same timing and seed: the same periods, targets and stimuli, beside cue and go signal."""
    durations = {"fixation": 200, "stimulus": 500, "delay": TIMINGS[timing], "decision": 300}
    noise = 0.5 if name == "perceptual_decision" else 0.0
    ours = environment(name, "DelayResponse", timing=durations, input_noise=noise)
    # A function that draws durations has a generator of its own, which each environment seeds.
    theirs = NATIVE[name](
        dt=100, timing=copy.deepcopy(durations), **({"sigma": noise} if noise else {})
    )
    for seed in range(4):
        assert ours.seed(seed) == theirs.seed(seed) == [seed]
        for _ in range(3):
            trial, native_trial = ours.new_trial(), theirs.new_trial()
            assert trial == native_trial
            assert ours.start_ind == theirs.start_ind and ours.end_ind == theirs.end_ind
            assert np.array_equal(ours.gt, theirs.gt)
            assert np.array_equal(ours.ob[:, 1:3], theirs.ob[:, 1:3])


@pytest.mark.parametrize("rewards", [None, {"correct": 3.0, "fail": -2.0, "abort": -1.0}])
@pytest.mark.parametrize("name", ACTIONS)
def test_rewards_are_those_of_neurogym_s_environment(name, rewards):
    durations = {"fixation": 200, "stimulus": 300, "delay": 0, "decision": 300}
    noise = 0.0
    parameters = {} if rewards is None else {"rewards": rewards}
    ours = environment(name, "Basic", timing=durations, input_noise=noise, **parameters)
    sigma = {"sigma": noise} if name == "perceptual_decision" else {}
    theirs = NATIVE[name](dt=100, timing=durations, **parameters, **sigma)
    assert ours.rewards == theirs.rewards
    theirs.seed(2)
    _, our_rewards, our_infos = walk(ours, 200)
    _, their_rewards, their_infos = walk(theirs, 200)
    assert our_rewards == their_rewards and len(set(our_rewards)) >= 3
    for a, b in zip(our_infos, their_infos, strict=True):
        assert a["new_trial"] == b["new_trial"] and a.get("performance") == b.get("performance")


@pytest.mark.parametrize(("name", "task"), [pair for pair in TASKS if pair[0] in ACTIONS])
def test_the_right_action_is_rewarded_and_a_miss_is_not(name, task):
    rewards = {"correct": 3.0, "fail": -2.0, "abort": -1.0}
    if name == "go_nogo":
        rewards["miss"] = -5.0
    env = environment(name, task, rewards=rewards)
    seen = set()
    for seed in range(8):
        for choose in (lambda right: right, lambda right: 0):
            env.reset(seed=seed)
            total, target = 0.0, int(env.gt[-1])
            for _ in range(50):
                _, reward, _, _, info = env.step(choose(int(env.gt[env.t_ind])))
                total += reward
                if info["new_trial"]:
                    break
            right = choose(target) == target
            seen.add((target, choose(target)))
            if name == "go_nogo":
                assert total == (3.0 if target and right else 0.0 if right else -5.0)
                assert info["performance"] == right
            elif right:
                assert total == 3.0 and info["performance"] == 1
            else:
                assert total == 0.0 and info["performance"] == 0
    assert len(seen) >= 3


@pytest.mark.parametrize(("name", "task"), [pair for pair in TASKS if pair[0] not in ACTIONS])
def test_rewards_of_vector_tasks(name, task):
    env = environment(name, task, rewards={"correct": 3.0, "fail": -2.0, "abort": -1.0})
    assert environment(name, task).rewards == {"abort": -0.1, "correct": 1.0, "fail": 0.0}
    for offset, per_step in ((0.0, 3.0), (10.0, -2.0)):
        env.seed(4)
        env.new_trial()
        env.t = env.t_ind = 0
        decision = sum(env.end_ind[p] - env.start_ind[p] for p in env.decisions)
        fixation = env.end_ind["fixation"] if "fixation" in env.periods else 0
        steps, total = len(env.gt), 0.0
        for _k in range(steps):
            _, reward, _, _, info = env.step(env.gt[env.t_ind] + offset)
            total += reward
        assert info["new_trial"] and info["performance"] == (offset == 0)
        assert total == decision * per_step - (fixation if offset else 0)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_seed_determines_the_trials(name, task):
    env, again = environment(name, task), environment(name, task)
    assert env.seed(7) == [7]
    first = [walk(one, seed=7)[0] for one in (env, again)]
    assert np.array_equal(*first)
    assert not np.array_equal(first[0], walk(env, seed=8)[0])
    # gymnasium's way of seeding does the same.
    starts = [one.reset(seed=seed)[0] for one, seed in ((env, 7), (again, 7))]
    trials = [(one.ob, one.gt) for one in (env, again)]
    assert np.array_equal(*starts) and all(map(np.array_equal, *trials))

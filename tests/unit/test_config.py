"""Bad configurations stop with a message that names the key."""

import pytest

from warpline.core import plugins
from warpline.pipeline.config import Config, ConfigError, load, load_files
from warpline.pipeline.config.base import DSA


@pytest.mark.slow
def test_shipped_configurations_are_valid(project):
    default = project / "config" / "config.yaml"
    for name in ("demo", "paper"):
        config = load_files([default, project / "config" / f"{name}.yaml"])
        assert config.name == name
    assert load_files([default]).name == "default"


def put(*path_and_value):
    """Return a change that sets a value deep in the configuration."""
    *path, last, value = path_and_value

    def change(raw):
        for part in path:
            raw = raw[part]
        raw[last] = value

    return change


def drop(*path):
    def change(raw):
        for part in path[:-1]:
            raw = raw[part]
        del raw[path[-1]]

    return change


GRID = ("run", "grid", 0)
PDM = ("tasksets", "PDM")


# What is wrong, where the message must point, and what it must say.
def analyse(entry):
    """Return a change that adds an analysis of metric warping, and asks for it."""

    def change(raw):
        raw["warping"]["mine"] = entry
        raw["run"]["warping"] = ["mine"]

    return change


CASES = {
    "unknown section": (put("trainning", {}), "trainning: unknown key; did you mean 'training'?"),
    "unknown key": (
        put("training", "max_step", 5),
        "training.max_step: unknown key; did you mean 'max_steps'?",
    ),
    "unknown key in a catalogue": (
        put(*PDM, "inputnoise", 1.0),
        "tasksets.PDM.inputnoise: unknown key; did you mean 'input_noise'?",
    ),
    "unknown key of a measure": (
        put("measures", "dsa", "n_delay", 3),
        "measures.dsa.n_delay: unknown key; did you mean 'n_delays'?",
    ),
    "unknown key of a task": (
        put(*PDM, "tasks", "Anti", "anty", True),
        "tasksets.PDM.tasks.Anti.anty: unknown key; did you mean 'anti'?",
    ),
    "missing key": (
        drop("training", "max_steps"),
        "training.max_steps: expected a value, got none",
    ),
    "missing section": (drop("run"), "run: expected a value, got none"),
    "unknown task set": (
        put(*GRID, "tasksets", ["PDN"]),
        "run.grid.0.tasksets: unknown name 'PDN'; did you mean 'PDM'?",
    ),
    "unknown architecture": (
        put(*GRID, "architectures", ["leaky_rn"]),
        "run.grid.0.architectures: unknown name 'leaky_rn'; did you mean 'leaky_rnn'?",
    ),
    "unknown curriculum": (
        put(*GRID, "curricula", ["mastr"]),
        "run.grid.0.curricula: unknown name 'mastr'; did you mean 'master'?",
    ),
    "unknown measure": (
        put("run", "measures", ["ckaa"]),
        "run.measures: unknown name 'ckaa'; did you mean 'cka'?",
    ),
    "unknown task in a curriculum": (
        put("curricula", "master", {"pretrain": ["Antii"]}),
        "curricula.master.pretrain (task set PDM): unknown name 'Antii'; did you mean 'Anti'?",
    ),
    "unknown target": (
        put(*PDM, "target", "AntiDelay"),
        "tasksets.PDM.target: unknown name 'AntiDelay'",
    ),
    "unknown environment": (
        put(*PDM, "env", "perceptual"),
        "tasksets.PDM.env: expected one of circle_sign, context_integration, decision_line, go_nogo, one_go_memory, perceptual_decision, sequence_memory, or 'file.py:Name' of your own; got 'perceptual'",
    ),
    "missing file of one's own": (
        put(*PDM, "env", "no/such/file.py:Mine"),
        "tasksets.PDM.env: expected a Python file at 'no/such/file.py', found none",
    ),
    "unknown model": (
        put("architectures", "leaky_rnn", "model", "transformer"),
        "or 'file.py:Name' of your own; got 'transformer'",
    ),
    "unknown activation": (
        put("architectures", "leaky_rnn", "activation", "sigmoid"),
        "architectures.leaky_rnn.activation: input should be 'relu', 'leaky_relu', 'tanh' or 'softplus', got 'sigmoid'",
    ),
    "unknown initialisation": (
        put("architectures", "leaky_rnn", "init", "zeros"),
        "architectures.leaky_rnn.init: input should be 'kaiming'",
    ),
    "unknown kind of measure": (
        put("measures", "cka", "measure", "kca"),
        "measures.cka.measure: expected one of cka, cka_debiased, dsa, dsa_input, procrustes, "
        "shape_energy, shape_gaussian, or 'file.py:Name'",
    ),
    "stochastic shapes of attractors": (
        put("attractors", {"measures": {"noise": {"measure": "shape_energy"}}}),
        "measures.noise: expected a measure without conditions, got shape_energy",
    ),
    "measure without its name": (
        put("measures", "dsa20", {"n_delays": 5, "rank": 20}),
        "measures.dsa20: expected an entry with `measure:` and a name, such as `measure: dsa`",
    ),
    "key of an RNN in a Mamba": (
        put("architectures", "mamba_d8_l1", "units", 64),
        "architectures.mamba_d8_l1.units: unknown key; expected one of model, learning_rate",
    ),
    "unknown key of a Mamba": (
        put("architectures", "mamba_d8_l1", "d_modle", 8),
        "architectures.mamba_d8_l1.d_modle: unknown key; did you mean 'd_model'?",
    ),
    "key of a Mamba in an RNN": (
        put("architectures", "leaky_rnn", "expand", 8),
        "architectures.leaky_rnn.expand: unknown key; expected one of model, learning_rate",
    ),
    "layer that a Mamba does not have": (
        put("architectures", "mamba_d8_l2", "layer", 3),
        "architectures.mamba_d8_l2: layer: expected at most n_layers = 2, got 3",
    ),
    "architecture without a model": (
        put("architectures", "mine", {"units": 8}),
        "architectures.mine: expected an entry with `model:` and a name, such as `model: leaky_rnn`",
    ),
    "settings that a measure does not have": (
        put("measures", "cka", "settings", {"n_delays": 3}),
        "measures.cka.settings: cka has no settings, got n_delays",
    ),
    "task that exists nowhere": (
        put("curricula", "not_run", {"train": ["Ant"]}),
        "curricula.not_run.train: unknown name 'Ant'; did you mean 'Anti'?",
    ),
    "class that the file does not have": (
        put(*PDM, "env", f"{__file__}:Nothing"),
        "no 'Nothing' at the top of",
    ),
    "windows of InputDSA do not fit the window": (
        put("measures", "dsa", {"measure": "dsa_input", "n_delays": 21, "backend": "subspace"}),
        "measures.dsa: 21 delays (backend subspace) need a window of at least 43 steps, got 40",
    ),
    "InputDSA skips steps of a subspace": (
        put(
            "measures",
            "dsa_input",
            {"measure": "dsa_input", "delay_interval": 2, "backend": "subspace"},
        ),
        "expected delay_interval and n_input_delays of 1 for the backend subspace, got 2 and 1",
    ),
    "InputDSA of systems without inputs": (
        put("attractors", {"measures": {"driven": {"measure": "dsa_input"}}}),
        "measures.driven: expected a measure of states alone, got dsa_input",
    ),
    "inputs for a measure that takes none": (
        put("measures", "cka", {"measure": "cka", "needs_inputs": True}),
        "measures.cka.needs_inputs: expected it for a measure of your own, got cka",
    ),
    "DSA delays do not fit the window": (
        put("measures", "dsa", "n_delays", 60),
        "measures.dsa: 60 delays of 1 steps need a window of at least 61 steps, got 40 (task set PDM",
    ),
    "checkpoint past the end": (
        put("training", "checkpoints", {"steps": [10, 99999]}),
        "training.checkpoints.steps: expected steps up to training.max_steps = 3000, got 99999",
    ),
    "negative dt": (
        put(*PDM, "dt", -20),
        "tasksets.PDM.dt: input should be greater than or equal to 1, got -20",
    ),
    "a dt that does not divide a period": (
        put(*PDM, "dt", 30),
        "tasksets.PDM.dt: expected a step that divides every duration of `timing`, got 30 ms beside "
        "fixation 200, stimulus 2000, delay 500, delay 1000: they would be cut",
    ),
    "a choice that is not divided": (
        put(*PDM, "timing", "delay", {"choice": [500, 1010]}),
        "got 50 ms beside delay 1010",
    ),
    "a duration of an analysis that is not divided": (
        analyse(
            {
                "experiment": "learning",
                "taskset": "PDM",
                "architecture": "leaky_rnn",
                "timing": {"delay": 325.5},
            }
        ),
        "warping.mine.timing: expected multiples of tasksets.PDM.dt = 50 ms, got delay 325.5",
    ),
    "an unknown parameter of an environment": (
        put(*PDM, "parameters", "coherences", [0, 50]),
        "tasksets.PDM.parameters: unknown name 'coherences'; did you mean 'cohs'?",
    ),
    "a parameter of another environment": (
        put("tasksets", "GoNogo", "parameters", {"cohs": [1]}),
        "tasksets.GoNogo.parameters: unknown name 'cohs'; expected one of rewards",
    ),
    "dt longer than the decision": (
        put(*PDM, "timing", "decision", 20),
        "tasksets.PDM.timing.decision: expected at least one step of dt = 50 ms in every trial, got 20",
    ),
    "tau below dt": (
        put("architectures", "leaky_rnn", "tau", 10.0),
        "architectures.leaky_rnn.tau: expected at least tasksets.PDM.dt = 50 ms, got 10.0",
    ),
    "window of several lengths": (
        put(*PDM, "timing", "stimulus", {"choice": [1000, 2000]}),
        "tasksets.PDM.timing.stimulus: expected one duration for all trials",
    ),
    "window that is no period": (
        put(*PDM, "window", "stimulas"),
        "tasksets.PDM.window: expected the period in which networks are compared, one of fixation, stimulus, "
        "delay, decision; got 'stimulas'",
    ),
    "unknown period": (
        put(*PDM, "timing", "stimulas", 100),
        "tasksets.PDM.timing: unknown name 'stimulas'; did you mean 'stimulus'?",
    ),
    "missing period": (
        drop(*PDM, "timing", "decision"),
        "tasksets.PDM.timing: expected a duration for decision, got none",
    ),
    "unknown period of a task set with its own": (
        put("tasksets", "SequenceMemory", "timing", "dealy", 300),
        "tasksets.SequenceMemory.timing: unknown name 'dealy'; did you mean 'delay'?",
    ),
    "missing period of a task set with its own": (
        drop("tasksets", "SequenceMemory", "timing", "report_2"),
        "tasksets.SequenceMemory.timing: expected a duration for report_2, got none",
    ),
    "report shorter than a step": (
        put("tasksets", "SequenceMemory", "timing", "report_2", 20),
        "tasksets.SequenceMemory.timing.report_2: expected at least one step of dt = 50 ms in every trial, got 20",
    ),
    "negative rates": (
        lambda raw: raw["architectures"].update(leaky_rnn={"model": "ei_rnn", "units": 20}),
        "architectures.leaky_rnn.activation: expected relu or softplus for ei_rnn, got 'tanh'",
    ),
    "duration of no kind": (
        put(*PDM, "timing", "delay", {"chioce": [1]}),
        "tasksets.PDM.timing.delay: expected a duration in ms: a number, or one of {choice: [...]}",
    ),
    "a list as a duration": (
        put(*PDM, "timing", "delay", [500, 1000]),
        "tasksets.PDM.timing.delay: expected a duration in ms: a number, or one of {choice: [...]}",
    ),
    "bounds the wrong way round": (
        put(*PDM, "timing", "delay", {"uniform": [900, 100]}),
        "tasksets.PDM.timing.delay.uniform: expected low <= high, got [900.0, 100.0]",
    ),
    "negative noise": (
        put(*PDM, "input_noise", -1.0),
        "tasksets.PDM.input_noise: input should be greater than or equal to 0, got -1.0",
    ),
    "seed twice": (
        put("run", "seeds", [1, 2, 1]),
        "run.seeds: expected each entry once, got 1 more than once",
    ),
    "no seeds": (put("run", "seeds", []), "run.seeds: list should have at least 1 item"),
    "negative seed": (
        put("run", "seeds", [-1]),
        "run.seeds.0: input should be greater than or equal to 0, got -1",
    ),
    "fraction above one": (
        put("trajectories", "fractions", [0.0, 1.5]),
        "trajectories.fractions.1: input should be less than or equal to 1, got 1.5",
    ),
    "fractions not rising": (
        put("trajectories", "fractions", [0.5, 0.0, 1.0]),
        "trajectories.fractions: expected rising values, each once",
    ),
    "last fraction is not the end": (
        put("trajectories", "fractions", [0.0, 0.5]),
        "trajectories.fractions: expected the last to be 1.0 (the trained network), got 0.5",
    ),
    "fraction that is not kept": (
        put("comparison", "within", {"fractions": [0.0, 0.33, 1.0]}),
        "comparison.within.fractions: 0.33 is not kept; add it to trajectories.fractions",
    ),
    "learning without its start": (
        put("comparison", "over", {"fractions": [0.5, 1.0], "references": ["master"]}),
        "comparison.over.fractions: expected 0.0 first and 1.0 last",
    ),
    "learning without its end": (
        put("comparison", "within", {"fractions": [0.0, 0.25, 0.5]}),
        "comparison.within.fractions: expected 0.0 first and 1.0 last",
    ),
    "fraction without a checkpoint": (
        put(
            "training",
            "checkpoints",
            {"keep": [0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75]},
        ),
        "trajectories.fractions: no checkpoint is kept at 0.8, 0.9; add it to training.checkpoints.keep",
    ),
    "checkpoints that are kept by another word": (
        put("training", "checkpoints", {"keep": "read"}),
        "training.checkpoints.keep: input should be 'all', got 'read'",
    ),
    "unknown reference": (
        put("comparison", "over", "references", ["masters"]),
        "comparison.over.references: unknown name 'masters'; did you mean 'master'?",
    ),
    "batch larger than the training set": (
        put("architectures", "leaky_rnn", "batch_size", 20000),
        "architectures.leaky_rnn.batch_size: expected at most tasksets.PDM.trials.train = 10000, got 20000",
    ),
    "odd repeats": (
        put(*PDM, "trials", {"evaluation_repeats": 7}),
        "tasksets.PDM.trials.evaluation_repeats: input should be a multiple of 2, got 7",
    ),
    "pretraining without training": (
        put("curricula", "master", {"pretrain": ["Basic"], "train": []}),
        "curricula.master.train: expected a task to train after the pretraining, got none",
    ),
    "a time constant of a model without": (
        put("architectures", "leaky_rnn", {"model": "gru", "units": 8, "tau": [50, 200]}),
        "tau: expected none for gru, in which nothing depends on it, got 50.0: leave it out",
    ),
    "parameters of a model that takes none": (
        put(
            "architectures",
            "leaky_rnn",
            {"model": "leaky_rnn", "units": 8, "parameters": {"biases": False}},
        ),
        "architectures.leaky_rnn.parameters: expected none for leaky_rnn, in which nothing depends on it, got "
        "{'biases': False}: leave it out",
    ),
    "task twice": (
        put("curricula", "master", {"pretrain": ["Basic", "Basic"]}),
        "curricula.master.pretrain: expected each task once, got Basic, Basic",
    ),
    "task twice, once by its name": (
        put("curricula", "master", {"train": ["target", "AntiDelayResponse"]}),
        "curricula.master.train (task set PDM): expected each task once, got target, AntiDelayResponse: the "
        "target is AntiDelayResponse",
    ),
    "evaluation later than the end": (
        put("training", "evaluate_every", 5000),
        "training.evaluate_every: expected at most training.max_steps = 3000, got 5000",
    ),
    "name that climbs out": (put("name", "../../etc"), "name: expected a name of letters, digits"),
    "name with a command": (put("name", "a$(reboot)"), "name: expected a name of letters, digits"),
    "task set name with a space": (
        put("tasksets", "P M", {}),
        "tasksets.P M: expected a name of letters, digits",
    ),
    "curriculum name with a quote": (
        put("curricula", "ma'ster", {}),
        "curricula.ma'ster: expected a name of letters, digits",
    ),
    "palette": (
        put("figures", {"palette": "jet"}),
        "figures.palette: input should be 'okabe-ito' or 'tol-bright'",
    ),
    "confidence": (
        put("statistics", {"confidence": 95}),
        "statistics.confidence: input should be less than 1, got 95",
    ),
    "misspelt key of an analysis": (
        put("warping", "context", "pionts", 9),
        "warping.context.pionts: unknown key; did you mean 'points'?",
    ),
    "analysis on a task set without its condition": (
        analyse({"experiment": "context", "taskset": "DecisionLine", "architecture": "leaky_rnn"}),
        "warping.mine.taskset: expected a task set with the condition context (experiment context), "
        "got DecisionLine, with none",
    ),
    "analysis on a task set with a condition it does not set": (
        analyse({"experiment": "memory", "taskset": "Context", "architecture": "leaky_rnn"}),
        "warping.mine.taskset: expected a task set with no conditions (experiment memory), "
        "got Context, with context",
    ),
    "misspelt condition": (
        analyse(
            {
                "experiment": "learning",
                "taskset": "Context",
                "architecture": "leaky_rnn",
                "conditions": [{"context": 1}, {"contxt": 2}],
            }
        ),
        "warping.mine.conditions.1: expected a value for each of context (task set Context), got contxt",
    ),
    "an analysis over learning without a condition": (
        analyse(
            {
                "experiment": "learning",
                "taskset": "PDM",
                "architecture": "leaky_rnn",
                "conditions": [],
            }
        ),
        "warping.mine.conditions: list should have at least 1 item",
    ),
    "a measure with the name of a quantity over learning": (
        lambda raw: (
            raw["measures"].update(accuracy={"measure": "cka"}),
            raw["run"].update(measures=["accuracy"], warping=["pdm_learning"]),
        ),
        "measures.accuracy: expected another name beside the analysis pdm_learning, whose quantities are "
        "accuracy, chance, metric: both would be averaged as one",
    ),
    "tolerance by which silence is right": (
        put("tasksets", "Context", "parameters", {"tolerance": 1.0}),
        "tasksets.Context.parameters.tolerance: expected a value above 0 and below 1, from which the "
        "output 0 is right in every trial, got 1.0",
    ),
    "angle by which silence is right": (
        put("tasksets", "SequenceMemory", "parameters", {"tolerance_degrees": 60}),
        "tasksets.SequenceMemory.parameters.tolerance_degrees: expected a value above 0 and below 60",
    ),
    "unknown comparison": (
        put(*GRID, "comparisons", ["lerning"]),
        "run.grid.0.comparisons.0: input should be 'learning' or 'architectures', got 'lerning'",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_bad_configuration_stops_with_one_clear_message(raw_config, case):
    change, expected = CASES[case]
    change(raw_config)
    with pytest.raises(ConfigError) as caught:
        load(raw_config)
    assert expected in str(caught.value)
    assert len(caught.value.faults) <= 2


def test_all_faults_are_listed_at_once(raw_config):
    raw_config["run"]["measures"] = ["ckaa"]
    raw_config["run"]["grid"][0]["curricula"] = ["mastr"]
    with pytest.raises(ConfigError) as caught:
        load(raw_config)
    assert len(caught.value.faults) == 2


def test_delays_that_just_fit(raw_config):
    raw_config["measures"]["dsa"]["n_delays"] = 39
    load(raw_config)
    raw_config["measures"]["dsa"]["n_delays"] = 40
    with pytest.raises(ConfigError, match="at least 41 steps, got 40"):
        load(raw_config)


def test_a_grid_becomes_names_and_stands_for_all(raw_config):
    raw_config["architectures"]["leaky_rnn"] |= {
        "units": [64, 128],
        "learning_rate": [0.001, 0.0003],
    }
    config = load(raw_config)
    names = [
        "leaky_rnn-64-lr0.001",
        "leaky_rnn-64-lr0.0003",
        "leaky_rnn-128-lr0.001",
        "leaky_rnn-128-lr0.0003",
    ]
    assert config.run.grid[0].architectures == names
    assert config.architectures[names[1]].units == 64
    assert config.architectures[names[1]].learning_rate == 0.0003
    assert "leaky_rnn" not in config.architectures


def test_a_mamba_has_sizes_of_its_own_and_no_time_constant(raw_config):
    raw_config["architectures"]["mamba"] = {
        "model": "mamba",
        "d_model": [8, 16],
        "n_layers": [1, 2],
    }
    raw_config["run"]["grid"][0]["architectures"] = ["mamba"]
    raw_config["tasksets"]["PDM"]["dt"] = 200  # above the tau of an RNN
    raw_config["measures"]["dsa"]["n_delays"] = 5
    raw_config["tasksets"]["PDM"]["timing"] |= {"decision": 400, "delay": 1000}
    config = load(raw_config)
    names = ["mamba-d8-l1", "mamba-d8-l2", "mamba-d16-l1", "mamba-d16-l2"]
    assert config.run.grid[0].architectures == names
    assert config.architectures["mamba-d16-l2"].units == 2 * 16 * 16
    entry = config.architectures["mamba-d16-l2"].model_dump()
    assert (entry["d_model"], entry["d_state"], entry["d_conv"], entry["expand"]) == (16, 16, 4, 2)
    assert not {"units", "tau", "activation", "init", "gain", "noise"} & set(entry)


def test_validated_configuration_cannot_be_changed(raw_config):
    config = load(raw_config)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3
    assert isinstance(config, Config) and isinstance(config.measures["dsa"], DSA)


def test_a_task_set_of_one_s_own_may_have_other_decision_periods(raw_config, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "class Two:\n"
        "    periods = ('cue', 'first', 'second')\n"
        "    decisions: tuple = ('first', 'second')\n"
    )
    raw_config["tasksets"]["Mine"] = {
        "env": f"{file}:Two",
        "tasks": {"Basic": {}},
        "target": "Basic",
        "window": "cue",
        "dt": 50,
        "timing": {"cue": 500, "first": 200, "second": 200},
        "input_noise": 0.0,
    }
    load(raw_config)
    del raw_config["tasksets"]["Mine"]["timing"]["second"]
    with pytest.raises(ConfigError, match="expected a duration for second, got none"):
        load(raw_config)
    # As where the key is left out: the default is the period of another task set.
    raw_config["tasksets"]["Mine"]["window"] = "stimulus"
    with pytest.raises(ConfigError, match="one of cue, first, second; got 'stimulus'"):
        load(raw_config)


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (("tasksets", "PDM"), "env"),
        (("architectures", "leaky_rnn"), "model"),
        (("measures", "cka"), "measure"),
        (("warping", "pdm_learning"), "experiment"),
        (("attractors", "measures", "mine"), "measure"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_file_with_an_error_of_syntax_is_a_fault_with_its_line(raw_config, tmp_path, place, key):
    file = tmp_path / "mine.py"
    file.write_text("class Mine:\n    periods = (\n")
    entry = raw_config
    for name in place:
        entry = entry.setdefault(name, {})
    entry[key] = f"{file}:Mine"
    if place[0] == "warping":
        entry.pop("points", None)
    with pytest.raises(ConfigError, match=r"without errors of syntax, got .*mine\.py, line 2\)"):
        load(raw_config)


def test_what_a_class_states_is_read_without_importing_it(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "raise RuntimeError('imported')\n"
        "class Mine:\n    periods = ('a', 'b')\n    decisions = tuple(x for x in 'ab')\n"
    )
    assert plugins.literal_class_attribute("tasks", f"{file}:Mine", "periods") == (
        "a",
        "b",
    )
    assert plugins.literal_class_attribute("tasks", f"{file}:Mine", "decisions") is None
    assert plugins.literal_class_attribute("tasks", "go_nogo", "periods") is None
    from warpline.tasks.sequence_memory import TaskSet

    for attribute in ("periods", "decisions"):
        stated = plugins.literal_class_attribute("tasks", "sequence_memory", attribute)
        assert stated == getattr(TaskSet, attribute)

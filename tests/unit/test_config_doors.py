"""Configurations that would run something else than they say, or more than any machine holds: one clear error."""

import copy
import resource
import subprocess
import sys

import pytest
import yaml
from config_fuzz import outcomes

from warpline.pipeline.config import ConfigError, load, load_files, read_again
from warpline.pipeline.config.documents import MAX_CHARACTERS, as_number, as_values, merge
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

RNN = "model: leaky_rnn, units: 8"
CHOICE = "{fixation: 200, stimulus: 2000, delay: 500, decision: {choice: [1.0, 2.0]}}"
LETTERS = "a" * 80

# What is put over the default configuration (YAML), and a part of the message.
REFUSED = {
    # --- other ways to write keys and lists
    "a dotted key": (
        "run.seeds: 3",
        "run.seeds: unknown key; keys lie within each other: write run: {seeds: 3} in a file, or --config",
    ),
    "a deep dotted key": ("architectures.leaky_rnn.units: 8", "{leaky_rnn: {units: 8}}"),
    "dots alone": ("'..': 3", "..: unknown key"),
    "a number for a list": ("run: {seeds: 3}", "run.seeds: expected a list, got 3: write [3]"),
    "a name for a list": ("run: {measures: cka}", "run.measures: expected a list, got 'cka': write ['cka']"),
    # --- architectures that would be one, or none
    "equal rates": (
        "architectures: {leaky_rnn: {learning_rate: [0.001, 1.0e-3]}}",
        "architectures.leaky_rnn.learning_rate: expected each value once",
    ),
    "equal rates, one as text": (
        "architectures: {leaky_rnn: {learning_rate: [0.001, '1e-3']}}",
        "expected each value once",
    ),
    "whole number and fraction": (
        "architectures: {leaky_rnn: {gain: [1, 1.0]}}",
        "architectures.leaky_rnn.gain: expected each value once",
    ),
    "a member has the name of an entry": (
        f"architectures: {{leaky_rnn: {{units: [8]}}, leaky_rnn-8: {{{RNN}}}}}",
        "expected a name of its own for each architecture, got 'leaky_rnn-8' twice",
    ),
    "members of two entries have one name": (
        "architectures: {a: {model: leaky_rnn, activation: [tanh], units: [64]}, "
        "a-tanh: {model: leaky_rnn, units: [64]}}",
        "got 'a-tanh-64' twice, for a member of this entry and of 'a'",
    ),
    "an empty list": (
        "architectures: {leaky_rnn: {units: []}}",
        "architectures.leaky_rnn.units: expected at least one value, got an empty list",
    ),
    # --- durations without a step
    "decision of 0 steps": (
        f"tasksets: {{PDM: {{timing: {CHOICE}}}}}",
        "tasksets.PDM.timing.decision: expected at least one step of dt = 50 ms in every trial, got 1",
    ),
    "decision of 0 steps now and then": (
        "tasksets: {PDM: {timing: {decision: {uniform: [0, 500]}}}}",
        "tasksets.PDM.timing.decision: expected at least one step",
    ),
    "decision cut at 20 ms": (
        "tasksets: {PDM: {timing: {decision: {truncated_exponential: [300, 20, 900]}}}}",
        "in every trial, got 20",
    ),
    "item of 0 ms": (
        "tasksets: {SequenceMemory: {timing: {item_1: 0}}}",
        "tasksets.SequenceMemory.timing.item_1: expected at least one step of dt = 50 ms",
    ),
    "stimulus of 0 ms": (
        "tasksets: {PDM: {window: decision, timing: {stimulus: 0}}}",
        "tasksets.PDM.timing.stimulus: expected at least one step",
    ),
    "delay shorter than a step": (
        "tasksets: {PDM: {timing: {delay: 30}}}",
        "tasksets.PDM.timing.delay: expected at least one step of dt = 50 ms",
    ),
    "delay of 0 ms in tasks with a delay": (
        "tasksets: {PDM: {timing: {delay: 0}}}",
        "tasksets.PDM.timing.delay: expected at least one step",
    ),
    "fixation shorter than a step": (
        "tasksets: {PDM: {timing: {fixation: 20}}}",
        "got 20 (0 leaves the period out)",
    ),
    "delay of an analysis": (
        "warping: {memory: {timing: {delay: 10}}}\nrun: {warping: [memory]}",
        "warping.memory.timing.delay: expected at least one step of dt = 50 ms (task set SequenceMemory)",
    ),
    # --- numbers that are none, or that single precision has not
    "NaN": ("tasksets: {PDM: {parameters: {cohs: [.nan]}}}", "cohs.0: expected a finite number, got nan"),
    "infinity": ("tasksets: {PDM: {input_noise: .inf}}", "input_noise: expected a finite number, got inf"),
    "1e300": ("tasksets: {PDM: {input_noise: 1.0e300}}", "that single precision holds"),
    "1e-300": ("architectures: {leaky_rnn: {learning_rate: 1.0e-300}}", "that single precision holds"),
    "5,000 digits": (f"seed: {'7' * 5000}", "below 2^63, got one of 5,000 digits in line 1"),
    "20 digits": (f"seed: {'7' * 20}", "seed: expected a whole number below 2^63"),
    "no coherence": (
        "tasksets: {PDM: {parameters: {cohs: []}}}",
        "tasksets.PDM.parameters.cohs: expected a list of at least one number, got []",
    ),
    "null as coherences": ("tasksets: {PDM: {parameters: {cohs: null}}}", "expected a list of at least one"),
    "coherence 0 alone": (
        "tasksets: {PDM: {parameters: {cohs: [0]}}}",
        "tasksets.PDM.parameters.cohs: expected a level above 0",
    ),
    "coherence above 100 %": (
        "tasksets: {PDM: {parameters: {cohs: [0, 512]}}}",
        "cohs: expected numbers from 0 to 100, got 512",
    ),
    "negative coherence": ("tasksets: {PDM: {parameters: {cohs: [-6.4, 6.4]}}}", "expected numbers from 0"),
    "coherence as text": ("tasksets: {PDM: {parameters: {cohs: [many]}}}", "expected numbers from 0 to 100"),
    "coherence twice": ("tasksets: {PDM: {parameters: {cohs: [6.4, 6.4]}}}", "expected each level once"),
    "octal seeds": ("run: {seeds: [07, 010]}", "without leading zeros or colons, got 07"),
    "seeds in sixties": ("run: {seeds: [1:30]}", "without leading zeros or colons, got 1:30"),
    "a tag that does not fit": ("run: {seeds: !!int few}", "expected values that fit their tags"),
    "a truth value that is none": ("run: {seeds: !!bool few}", "after the tag !!bool, got 'few'"),
    "a duration in sixties": ("tasksets: {PDM: {dt: 1:40.0}}", "number without colons, got 1:40.0"),
    "a date": ("tasksets: {PDM: {parameters: {day: 2024-01-01}}}", "(date): put it in quotes"),
    "a number as a key": ("tasksets: {PDM: {parameters: {1: 2}}}", "expected text as a key, got int"),
    "no as a key": ("curricula: {no: {}}", "expected text as a key, got bool"),
    "a set": ("run: {seeds: !!set {1, 2}}", "(set): put it in quotes"),
    "bytes": ("name: !!binary aGFsbG8=", "(bytes): put it in quotes"),
    # --- lists in which the order counts, or a repetition
    "fractions over learning": (
        "comparison: {over: {fractions: [0.0, 1.0, 0.5]}}",
        "comparison.over.fractions: expected rising values, each once, got [0.0, 1.0, 0.5]",
    ),
    "fractions within learning": (
        "comparison: {within: {fractions: [0.0, 0.5, 0.5, 1.0]}}",
        "comparison.within.fractions: expected rising values",
    ),
    "early and late moment": ("warping: {context: {moments: [1.0, 0.15]}}", "expected rising values"),
    "reference twice": (
        "comparison: {over: {references: [master, master]}}",
        "comparison.over.references: expected each entry once, got master more than once",
    ),
    "measure of a task set twice": (
        "tasksets: {PDM: {measures: [cka, cka]}}",
        "tasksets.PDM.measures: expected each entry once, got cka more than once",
    ),
    "condition twice": (
        "warping: {context_learning: {conditions: [{context: 1}, {context: 1}]}}",
        "expected each entry once",
    ),
    "factor twice": ("dsa_sensitivity: {ranks: [1, 1.0]}", "expected each entry once"),
    "two equal patterns": ("attractors: {motifs: {patterns: [5.0, 5.0]}}", "expected each entry once"),
    "a task named target": (
        "tasksets: {PDM: {tasks: {target: {}}}}",
        "tasksets.PDM.tasks: expected another name than 'target'",
    ),
    # --- the file
    "a key twice": ("training: {max_steps: 5}\nseed: 1\ntraining: {max_steps: 9}", "got 'training' in line 1 and again in line 3"),
    "a deep key twice": ("training:\n  max_steps: 5\n  max_steps: 9", "got 'max_steps' in line 2"),
    "itself": ("a: &a {a: *a}", "got an anchor that holds itself"),
    "a list in itself": ("run: {seeds: &a [1, *a]}", "got an anchor that holds itself"),
    "anchor bomb": (
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12)),
        "each mention of an anchor (*name) counts",
    ),
    "3,000 levels": ("a: " + "[" * 3000 + "]" * 3000, "expected at most 30 levels of nesting"),
    "200,000 levels": ("a: " + "[" * 200_000, "expected at most 30 levels of nesting"),
    "3,000 levels of mappings": ("a: " + "{a: " * 3000 + "1" + "}" * 3000, "at most 30 levels"),
    "2 MB": ("# " + "x" * 2_000_000, "expected a file of at most 1,000,000 bytes, got 2,000,002"),
    "a long text": (f"tasksets: {{PDM: {{parameters: {{a: '{'x' * MAX_CHARACTERS}'}}}}}}", "characters (as JSON)"),
    "a key that is a list": ("[a, b]: 1", "expected"),
    "Python object": ("name: !!python/object/apply:os.system [ls]", "expected YAML"),
    "a control character": ('name: "a\\e[31m"', "expected printable text"),
    "merge of a list": ("<<: [1, 2]", "expected"),
    # --- sizes
    "1e9 updates, a checkpoint every 5": (
        "training: {max_steps: 1000000000, checkpoints: {every: 5}}",
        "training.checkpoints: expected a schedule of at most 10,000 checkpoints, got 200,000,016",
    ),
    "1e9 checkpoints": ("pretraining: {checkpoints: {log: 1000000000}}", "at most 10,000 checkpoints"),
    "1e10 networks in a grid": (
        f"architectures: {{leaky_rnn: {{units: {list(range(1, 101))}, batch_size: {list(range(1, 101))}, "
        f"tau: {list(range(100, 200))}, learning_rate: {[k / 1000 for k in range(1, 101)]}, "
        f"noise: {[k / 100 for k in range(100)]}}}}}",
        "expected lists that stand for at most 10,000 architectures with those before them, got 10,000,000,000",
    ),
    "many networks in blocks": (
        f"architectures: {{leaky_rnn: {{units: {list(range(1, 5001))}}}}}",
        "run: expected at most 100,000 networks, got 25,000 in 5 seeds",
    ),
    "100,000 seeds": (
        f"run: {{seeds: {list(range(100_000))}}}",
        "expected at most 50,000 values, got more (at run.seeds.",
    ),
    "2,000 seeds": (f"run: {{seeds: {list(range(2000))}}}", "run.seeds: list should have at most 1000 items"),
    "1e12 trials": ("tasksets: {PDM: {trials: {train: 100000000}}}", "expected at most 1,000,000,000 time steps"),
    "an hour at 1 ms": ("tasksets: {PDM: {dt: 1, timing: {stimulus: 3600000}}}", "time steps in all"),
    "1e9 units": ("architectures: {leaky_rnn: {units: 1000000000}}", "less than or equal to 100000"),
    "1e9 layers": ("architectures: {mamba_d8_l1: {n_layers: 1000000000}}", "less than or equal to 1000"),
    "rank 1e9": ("measures: {dsa: {rank: 1000000000}}", "less than or equal to 10000"),
    "1e9 points": ("warping: {context: {points: 1000000000}}", "less than or equal to 1000"),
    "1e9 starts": (
        "measures: {dsa: {max_starts: 1000000000}}",
        "measures.dsa.max_starts: expected at most 10,000: a start takes from a millisecond",
    ),
    "1e9 gradient steps": ("measures: {dsa: {iterations: 1000000000}}", "iterations: expected at most 1,000,000: at"),
    "1e9 samples": ("warping: {memory: {samples: 1000000000}}", "samples: expected at most 1,000: each takes seconds"),
    "1e12 repeats": (
        "tasksets: {PDM: {trials: {evaluation_repeats: 1000000000000}}}",
        "tasksets.PDM.trials.evaluation_repeats: expected at most 1,000,000,000 time steps in all",
    ),
    "rank 1e9 of driven systems": ("measures: {dsa_input: {rank: 1000000000}}", "less than or equal to 10000"),
    "1e10 steps of an attractor": (
        "attractors: {n_trials: 100000, n_steps: 100000}",
        "attractors: expected n_trials x n_steps of at most 100,000,000",
    ),
    "1e6 settings of dsa": (
        "dsa_choice: {" + ", ".join(
            f"{key}: {list(range(1, 101))}" for key in ("n_delays", "delay_intervals", "ranks")
        ) + "}",
        "dsa_choice: expected combinations of n_delays, delay_intervals and ranks, at most 100,000",
    ),
    "large sweep": (f"attractors: {{hyperparameters: {{ranks: {list(range(1, 500))}}}}}", "at most 100 items"),
    "100 seeds in one file name": (
        f"run: {{seeds: {list(range(1, 101))}}}\njobs: {{seeds_per_job: 100}}",
        "jobs.seeds_per_job: expected blocks whose seeds have at most 150 characters in the name of a file",
    ),
    "long names of a pretraining": (
        "curricula: {master: {pretrain: [" + ", ".join(f"T{k}{'xyz' * 17}" for k in range(4)) + "]}}",
        "curricula.master.pretrain: expected names of tasks with at most 150 characters in all",
    ),
    "80 times one letter": (
        f"curricula: {{{LETTERS}: {{}}}}",
        "expected a name that does not end in 'a' twenty times or more",
    ),
    "a repeated end": (f"measures: {{x{'ab' * 20}: {{measure: cka}}}}", "does not end in 'ab' twenty times"),
    "a name that tables give back as missing": (
        "measures: {NA: {measure: cka}}",
        "expected a name that tables give back as text, got 'NA', which is read from them as a missing value",
    ),
    "a group of that name": ("datasets: {one: {file: a.npz, group: 'NULL'}}", "give back as text, got 'NULL'"),
    "a name that is a truth value": ("curricula: {'True': {}}", "give back as text, got 'True'"),
    "a name that is a number": ("architectures: {Inf: {model: leaky_rnn, units: 8}}", "as text, got 'Inf'"),
    "time that overflows": ("jobs: {time_factor: 1.0e38}", "less than or equal to 1000000"),
    # --- the wrong kind of value
    "an empty list as experiment": (
        "warping: {context: {experiment: []}}",
        "warping.context: expected an entry with `experiment:` and one of static, decision",
    ),
    "null as a section": ("run: null", "run: input should be a valid dictionary"),
    "text as a section": ("training: fast", "training: input should be a valid dictionary"),
    "a list as a catalogue": ("architectures: [leaky_rnn]", "architectures: input should be a valid dictionary"),
}  # fmt: skip


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_depth_that_the_scanner_refuses_is_named_alike(project, tmp_path, monkeypatch):
    def parse(*_, **__):
        raise yaml.scanner.ScannerError(
            "while increasing flow level", None, "exceeded maximum nesting depth"
        )

    monkeypatch.setattr(yaml, "parse", parse)
    with pytest.raises(ConfigError, match="expected at most 30 levels of nesting, got more"):
        load_files([project / "config" / "config.yaml", written(tmp_path, "name: [[]]")])


@pytest.mark.slow
@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_one_clear_message(case, tmp_path, project):
    text, expected = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        load_files([project / "config" / "config.yaml", written(tmp_path, text)])
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 5000 and len(caught.value.faults) <= 6


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("seed: 1".encode("utf-16"), "expected text in UTF-8, got byte 0xff at position 0"),
        ("name: größe".encode("latin-1"), "expected text in UTF-8, got byte 0xf6 at position 8"),
        (b"\x00\x01\x02", "expected YAML"),
        (b"", "the file is empty"),
        (b"seed: [1", "expected YAML"),
        (b"\xef\xbb\xbfseed: x", "seed: input should be a valid integer"),
        (b"%YAML 9.9\n---\nseed: 1", "expected YAML"),
        (b"seed: 1\n---\nseed: 2", "expected YAML"),
        (b"when: 2024-13-45", "month must be in"),
    ],
)
def test_bytes_that_are_no_configuration(content, expected, tmp_path, project):
    with pytest.raises(ConfigError) as caught:
        load_files([project / "config" / "config.yaml", written(tmp_path, content)])
    assert expected in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="expected a file, found none"):
        load_files([tmp_path])


# What must stay possible, for each kind above.
TAKEN = {
    "rates that differ in the eighth digit": "architectures: {leaky_rnn: {learning_rate: [0.001, 0.0010000001]}}",
    "a number as text": "architectures: {leaky_rnn: {units: '64', learning_rate: '1e-3'}}",
    "a rate as YAML does not read it": "architectures: {leaky_rnn: {learning_rate: 3e-4}}",
    "delays as text": "measures: {dsa: {n_delays: '3', rank: '2'}}",
    "no fixation": "tasksets: {PDM: {timing: {fixation: 0}}}",
    "no delay in a set without delayed tasks": (
        "tasksets: {GoNogo: {timing: {delay: 0}, tasks: {DelayResponse: {delay: false}, "
        "AntiDelayResponse: {delay: false}}}}"
    ),
    "an anchor twice": "training: &t {max_steps: 3000}\npretraining: *t",
    "a merge over an anchor": "training: &t {max_steps: 90}\npretraining: {<<: *t, max_steps: 80}",
    "a choice that repeats a value": "tasksets: {PDM: {timing: {delay: {choice: [500, 500, 1000]}}}}",
    "a learning rate that diverges": "architectures: {leaky_rnn: {learning_rate: 1.0e38}}",
    "a long name": f"curricula: {{{'ab' * 39}c: {{}}}}",
    "20 seeds in a file name": f"run: {{seeds: {list(range(1, 21))}}}\njobs: {{seeds_per_job: 20}}",
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_is_taken(case, tmp_path, project):
    load_files([project / "config" / "config.yaml", written(tmp_path, TAKEN[case])])


def test_rates_that_print_alike_are_two_networks(raw_config):
    raw_config["architectures"]["leaky_rnn"]["learning_rate"] = [0.001, 0.0010000001]
    config = load(raw_config)
    assert config.run.grid[0].architectures == ["leaky_rnn-lr0.001", "leaky_rnn-lr0.0010000001"]
    assert len(Plan(config).networks) == 10


def test_numbers_given_as_text_are_numbers(raw_config):
    raw_config["architectures"]["leaky_rnn"] |= {"units": "64", "learning_rate": "1e-3"}
    raw_config["run"]["seeds"] = ["1", 2]
    raw_config["tasksets"]["PDM"]["timing"]["delay"] = {"choice": ["500", 1000]}
    config = load(raw_config)
    entry = config.architectures["leaky_rnn"]
    assert (entry.units, entry.learning_rate) == (64, 0.001)
    assert config.run.seeds == [1, 2]
    assert config.tasksets["PDM"].timing["delay"].choice == [500, 1000]
    raw_config["run"]["seeds"] = ["1.5"]
    with pytest.raises(ConfigError, match=r"run\.seeds\.0: input should be a valid integer"):
        load(raw_config)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-3", -3), ("1e-3", 0.001), ("2.", 2.0), (".5", 0.5), ("1E5", 1e5), ("+7", 7),
        ("true", True), ("False", False), ("null", None), ("~", None),
        ("5x", "5x"), ("1_000", "1_000"), ("0x10", "0x10"), ("e5", "e5"), ("1e", "1e"), ("nan", "nan"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_text_of_the_command_line_is_read_as_in_a_file(text, value):
    read = as_values({"a": [text, {"b": text}]})["a"]
    assert read == [value, {"b": value}] and type(read[0]) is type(value)
    assert (as_number(text) is None) == (isinstance(value, str | bool) or value is None)


def test_what_snakemake_merged_is_read_again(tmp_path, project):
    default = project / "config" / "config.yaml"
    merged = yaml.safe_load(default.read_text())
    merged["training"]["max_steps"] = "7"
    options = {"training": {"max_steps": "7", "checkpoints": {"log": "3"}}, "jobs": {"gpu": "true"}}
    again = read_again(merged, [default], options)
    assert again["training"]["max_steps"] == 7 and again["jobs"] == {"gpu": True}
    assert again["training"]["checkpoints"] == {"log": 3, "every": 20}
    twice = written(tmp_path, "seed: 1\nseed: 2")
    with pytest.raises(ConfigError, match="got 'seed' in line 1 and again in line 2"):
        read_again(merged, [default, twice], {})


def test_what_holds_itself_is_refused(raw_config):
    """As it reaches the configuration where another reader has built it."""
    endless: list = []
    endless.append(endless)
    raw_config["run"]["seeds"] = endless
    with pytest.raises(ConfigError, match="an anchor that holds itself is endless"):
        load(raw_config)


def test_merging_what_has_no_end_stops():
    endless: dict = {}
    endless["a"] = endless
    with pytest.raises(ConfigError, match="without an end"):
        merge(endless, copy.copy(endless))


HUNGRY = [
    "anchor bomb",
    "1e10 networks in a grid",
    "100,000 seeds",
    "200,000 levels",
    "5,000 digits",
]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["1e9 updates, a checkpoint every 5", *HUNGRY])
def test_no_memory_is_taken_for_what_cannot_be(case, tmp_path, project):
    """`warpline check` as a process of its own, with an upper bound on its memory."""
    path = written(tmp_path, REFUSED[case][0])
    done = subprocess.run(
        [sys.executable, "-m", "warpline", "check", str(path)],
        cwd=project,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (500_000_000, 500_000_000)),
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "the configuration is wrong" in done.stderr


@pytest.mark.slow
def test_mutations_are_planned_or_refused():
    """400 of them, seeded; `python tests/config_fuzz.py 6000 1` for more."""
    seen = outcomes(400, 2)
    assert seen["other"] == 0, seen
    assert seen["planned"] > 20 and seen["refused"] > 100


# --- command lines --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_command_line_of_the_full_grid_is_too_long(project):
    """All that stands on the command line of a job of config/paper.yaml in 21 seeds, rule by rule."""
    import re

    config = load_files([project / "config" / "config.yaml", project / "config" / "paper.yaml"])
    seeds = list(range(1, 22))
    config = config.model_copy(update={"run": config.run.model_copy(update={"seeds": seeds})})
    pipeline = Pipeline(Plan(config))
    text = "".join(path.read_text() for path in sorted((project / "workflow/rules").glob("*.smk")))
    rules = {
        part.split(":")[0]: part for part in re.split(r"(?m)^ *rule ", text)[1:] if ":" in part
    }
    longest = {}
    for stage in pipeline.stages:
        if stage.rule.startswith("draw_"):
            continue
        # Rules of training are made in a loop, without a name; figures and others take {params.inputs}.
        template = rules.get(stage.rule) or next(t for t in rules.values() if "train_network" in t)
        inline = set(re.findall(r"(?<!' )\{input\.(\w+):q\}", template))
        jobs = list(stage.jobs())
        for job in (*jobs[:1], *jobs[-1:]):
            job = {**job, "seed": "1"}
            files = stage.inputs(job) if inline else {}
            length = len(stage.settings(job).encode())
            length += sum(len(path) + 3 for name in inline for path in files.get(name, []))
            longest[stage.rule] = max(length, longest.get(stage.rule, 0))
    assert len(longest) > 15
    assert max(longest.values()) < 20_000, longest
    # Whose inputs would not fit stand in a list.
    history = pipeline.statistics.inputs({"taskset": "PDM"})["history"]
    assert sum(len(path) + 3 for path in history) > 1_000_000


@pytest.mark.slow
def test_a_list_of_any_length_reaches_a_script(tmp_path):
    """More names than a command line of the system holds, through bash; none, and names with spaces, too."""
    from warpline.console.script import list_file

    script = tmp_path / "count.py"
    script.write_text(
        "from warpline.console import script\n"
        "p = script.parser(None)\n"
        "p.add_argument('--many', nargs='+')\np.add_argument('--none', nargs='*', default=[])\n"
        "a = p.parse_args()\n"
        "print(len(a.many), a.many[-1], a.none, a.settings)\n"
    )
    names = [f"results/a name/{'x' * 60}/seed~{k}.csv" for k in range(60_000)] + ["it's %last"]
    command = tmp_path / "command.sh"
    command.write_text(
        f"'{sys.executable}' '{script}' --settings '{{\"a\": 1}}' --many {list_file(names)} --none {list_file([])}\n"
    )
    done = subprocess.run(["bash", str(command)], capture_output=True, text=True)
    assert done.stdout.strip() == "60001 it's %last [] {'a': 1}", done.stderr[-500:]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "plan"])
def test_the_default_is_found_from_anywhere(command, tmp_path, project):
    mine = written(tmp_path, "name: mine\nrun: {seeds: [1]}")
    done = subprocess.run(
        [sys.executable, "-m", "warpline", command, str(mine)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "mine: 5 networks" in done.stdout, done.stderr


def test_the_version_is_printed(capsys, monkeypatch):
    from importlib.metadata import version

    from warpline.pipeline.command_line import main

    monkeypatch.setattr(sys, "argv", ["warpline", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"warpline {version('warpline')}\n"


@pytest.mark.skipif(not __import__("shutil").which("make"), reason="needs make")
def test_make_works_in_a_folder_with_spaces(tmp_path, project):
    """The commands of `make setup`, run by programs that note what they are given."""
    root = tmp_path / "a folder"
    root.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (root / name).write_bytes((project / name).read_bytes())
    stub = root / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> "{root}/calls"; echo >> "{root}/calls"\n')
    stub.chmod(0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={stub}"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    calls = (root / "calls").read_text().splitlines()
    assert sum(call.startswith("-m|pip|install|") for call in calls) == 3
    assert "-m|venv|.venv|" in calls
    assert (root / ".venv" / ".ready").is_file()

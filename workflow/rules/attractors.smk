# The attractor test bench: each experiment is compared by every measure in a job of its own, then scored.

import shlex

from warpline.attractors import slices as bench

BENCH = f"{LAYOUT.root}/attractors"
BENCH_MEASURES = CONFIG.attractors.measures
BENCH_INTERVALS = bench.intervals(PLAN)
FAMILIES, MOTIFS = (f"{BENCH}/systems/{kind}.nc" for kind in ("families", "motifs"))
SCORED = ["families", "composition", "noise"] + ["hyperparameters"] * bool(BENCH_INTERVALS)


def bench_tables(experiment):
    """Return the tables of dissimilarities of an experiment, of all measures."""
    if experiment == "hyperparameters":
        return [f"{BENCH}/hyperparameters/interval~{interval}.csv" for interval in BENCH_INTERVALS]
    return [f"{BENCH}/{experiment}/{measure}.csv" for measure in BENCH_MEASURES]


def bench_scores(experiment):
    """Return the table of scores of an experiment."""
    return f"{BENCH}/scores/{experiment}.csv"


# Figure: what it shows, the option and the files of each input, and the settings.
BENCH_FIGURES = {
    "attractor_systems": (
        "1. the systems of the families",
        {"systems": [FAMILIES]},
        ["families"],
    ),
    "attractor_motifs": ("2. the motifs", {"systems": [MOTIFS]}, []),
    "attractor_elementary": (
        "3. motif by motif",
        {"rows": bench_tables("motifs")},
        ["measures"],
    ),
    "attractor_families": (
        "4. within and across families",
        {"rows": bench_tables("families"), "scores": [bench_scores("families")]},
        ["measures"],
    ),
    "attractor_composition": (
        "5. shared motifs",
        {"rows": bench_tables("composition"), "scores": [bench_scores("composition")]},
        ["measures"],
    ),
    "attractor_noise": (
        "6. noise and mixing",
        {"rows": bench_tables("noise"), "scores": [bench_scores("noise")]},
        ["measures", "levels", "shares"],
    ),
}
if BENCH_INTERVALS:
    BENCH_FIGURES |= {
        "attractor_hyperparameters": (
            "7. hyperparameters of DSA",
            {"scores": [bench_scores("hyperparameters")]},
            ["best"],
        ),
        "attractor_best": (
            "8. the best hyperparameters",
            {
                "rows": bench_tables("hyperparameters"),
                "scores": [bench_scores("hyperparameters")],
            },
            ["best"],
        ),
    }


def all_attractors():
    """Return every table of scores and every figure of the bench."""
    return [bench_scores(experiment) for experiment in SCORED] + [
        f"{BENCH}/figures/{figure}.{suffix}"
        for figure in BENCH_FIGURES
        for suffix in ("svg", "png")
    ]


def as_options(wildcards, input):
    """Return the inputs of a rule as options of a command line, by their names."""
    files = {key: [found] if isinstance(found, str) else found for key, found in input.items()}
    return " ".join(f"--{key} {shlex.join(found)}" for key, found in files.items())


rule simulate_attractors:
    output:
        f"{BENCH}/systems/{{kind}}.nc",
    log:
        f"{LOGS}/simulate_attractors/{{kind}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_attractors/{{kind}}.tsv"
    wildcard_constraints:
        kind="families|motifs",
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=lambda w: settings(bench.systems_slice(PLAN, w.kind)),
        code=code("simulate_attractors.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/simulate_attractors.py" --settings {params.settings:q} --code {params.code}'
        " --output {output:q} > {log:q} 2>&1"


rule compare_attractors:
    input:
        systems=lambda w: FAMILIES if w.experiment == "families" else MOTIFS,
    output:
        f"{BENCH}/{{experiment}}/{{measure}}.csv",
    log:
        f"{LOGS}/compare_attractors/{{experiment}}/{{measure}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_attractors/{{experiment}}/{{measure}}.tsv"
    wildcard_constraints:
        experiment="families|motifs|composition|noise",
        measure=alternatives(BENCH_MEASURES),
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        settings=lambda w: settings(bench.comparison_slice(PLAN, w.experiment, w.measure)),
        code=lambda w: code(
            "compare_attractors.py", ("similarity", BENCH_MEASURES[w.measure].measure)
        ),
    shell:
        'python "$WARPLINE_SCRIPTS/compare_attractors.py" --settings {params.settings:q} --code {params.code}'
        " --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule sweep_hyperparameters:
    input:
        systems=MOTIFS,
    output:
        f"{BENCH}/hyperparameters/interval~{{interval}}.csv",
    log:
        f"{LOGS}/sweep_hyperparameters/interval~{{interval}}.log",
    benchmark:
        f"{BENCHMARKS}/sweep_hyperparameters/interval~{{interval}}.tsv"
    wildcard_constraints:
        interval=alternatives(str(interval) for interval in BENCH_INTERVALS),
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        settings=lambda w: settings(bench.sweep_slice(PLAN, int(w.interval))),
        code=code("sweep_hyperparameters.py", ("similarity", "dsa")),
    shell:
        'python "$WARPLINE_SCRIPTS/sweep_hyperparameters.py" --settings {params.settings:q} --code {params.code}'
        " --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule score_attractors:
    input:
        lambda w: bench_tables(w.experiment),
    output:
        f"{BENCH}/scores/{{experiment}}.csv",
    log:
        f"{LOGS}/score_attractors/{{experiment}}.log",
    benchmark:
        f"{BENCHMARKS}/score_attractors/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=alternatives(SCORED),
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=lambda w: settings(bench.scores_slice(PLAN, w.experiment)),
        code=code("score_attractors.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/score_attractors.py" --settings {params.settings:q} --code {params.code}'
        " --tables {input:q} --output {output:q} > {log:q} 2>&1"


for figure, (shows, inputs, keys) in BENCH_FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            **inputs,
        output:
            svg=report(
                f"{BENCH}/figures/{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="0. Attractor test bench",
                labels={"figure": shows},
            ),
            png=f"{BENCH}/figures/{figure}.png",
        log:
            f"{LOGS}/draw_{figure}.log",
        params:
            script=figure,
            settings=settings(bench.figure_slice(PLAN, *keys)),
            code=figure_code(figure),
            inputs=as_options,
        shell:
            DRAW + " {params.inputs} > {log:q} 2>&1"

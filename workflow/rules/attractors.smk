# The attractor test bench: each experiment is compared by every measure in a job of its own, then scored.

from warpline.pipeline import attractor_slices as bench_slices
from warpline.pipeline.attractor_files import Bench

BENCH = Bench(PLAN)


rule simulate_attractors:
    output:
        f"{BENCH.root}/systems/{{kind}}.nc",
    log:
        f"{LOGS}/simulate_attractors/{{kind}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_attractors/{{kind}}.tsv"
    wildcard_constraints:
        kind="families|motifs",
    conda:
        CPU
    resources:
        **resources_of("simulate_attractors"),
    params:
        settings=lambda w: settings(bench_slices.systems_slice(PLAN, w.kind)),
        code=code("simulate_attractors.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/simulate_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --output {output:q} > {log:q} 2>&1"


rule compare_attractors:
    input:
        systems=lambda w: BENCH.systems(w.experiment),
    output:
        f"{BENCH.root}/{{experiment}}/{{measure}}.csv",
    log:
        f"{LOGS}/compare_attractors/{{experiment}}/{{measure}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_attractors/{{experiment}}/{{measure}}.tsv"
    wildcard_constraints:
        experiment="families|motifs|composition|noise",
        measure=alternatives(BENCH.measures),
    conda:
        CPU
    resources:
        **resources_of("compare_attractors"),
    params:
        settings=lambda w: settings(bench_slices.comparison_slice(PLAN, w.experiment, w.measure)),
        code=lambda w: code(
            "compare_attractors.py", ("similarity", BENCH.measures[w.measure].measure)
        ),
    shell:
        'python "$WARPLINE_SCRIPTS/compare_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule sweep_hyperparameters:
    input:
        systems=BENCH.systems("hyperparameters"),
    output:
        f"{BENCH.root}/hyperparameters/interval~{{interval}}.csv",
    log:
        f"{LOGS}/sweep_hyperparameters/interval~{{interval}}.log",
    benchmark:
        f"{BENCHMARKS}/sweep_hyperparameters/interval~{{interval}}.tsv"
    wildcard_constraints:
        interval=alternatives(str(interval) for interval in BENCH.intervals),
    conda:
        CPU
    resources:
        **resources_of("sweep_hyperparameters"),
    params:
        settings=lambda w: settings(bench_slices.sweep_slice(PLAN, int(w.interval))),
        code=code("sweep_hyperparameters.py", ("similarity", "dsa")),
    shell:
        'python "$WARPLINE_SCRIPTS/sweep_hyperparameters.py" --settings {params.settings:q}'
        " --code {params.code} --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule score_attractors:
    input:
        lambda w: BENCH.tables(w.experiment),
    output:
        f"{BENCH.root}/scores/{{experiment}}.csv",
    log:
        f"{LOGS}/score_attractors/{{experiment}}.log",
    benchmark:
        f"{BENCHMARKS}/score_attractors/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=alternatives(BENCH.scored),
    conda:
        CPU
    resources:
        **resources_of("score_attractors"),
    params:
        settings=lambda w: settings(bench_slices.scores_slice(PLAN, w.experiment)),
        code=code("score_attractors.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/score_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --tables {input:q} --output {output:q} > {log:q} 2>&1"


# A rule per figure, alike but for what they read.
for name, figure in BENCH.figures.items():

    rule:
        name:
            f"draw_{name}"
        input:
            **figure.inputs,
        output:
            svg=report(
                f"{BENCH.root}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category="0. Attractor test bench",
                labels={"figure": figure.shows},
            ),
            png=f"{BENCH.root}/figures/{name}.png",
        log:
            f"{LOGS}/draw_{name}.log",
        group:
            "figures"
        conda:
            CPU
        resources:
            **resources_of("draw_attractor_*"),
        params:
            script=name,
            inputs=as_options,
            settings=settings(bench_slices.figure_slice(PLAN, *figure.keys)),
            code=figure_code(name),
        shell:
            DRAW

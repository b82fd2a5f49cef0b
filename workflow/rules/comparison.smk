# Dissimilarities. One job per measure, architecture and block of seeds makes all its matrices, because
# they share what the measure fits to each network.


def trajectories_of(taskset, architecture, curricula, blocks):
    """Return the trajectories of some curricula in some blocks of seeds."""
    return [
        LAYOUT.trajectories.format(
            taskset=taskset,
            architecture=architecture,
            curriculum=curriculum,
            seeds=join_seeds(block),
        )
        for block in blocks
        for curriculum in curricula
    ]


def blocks_up_to(wildcards):
    """Return the blocks whose networks a block is compared with: those before it, and itself."""
    return PLAN.blocks_up_to(split_seeds(wildcards.seeds))


def learning_tables(kind, taskset, architecture):
    """Return the tables of one kind, of all measures and blocks of seeds."""
    return [
        LAYOUT.comparison(kind).format(
            measure=measure,
            taskset=taskset,
            architecture=architecture,
            seeds=join_seeds(block),
        )
        for measure in CONFIG.run.measures
        for block in PLAN.blocks
    ]


def architecture_tables(taskset):
    """Return the tables between architectures, of all measures and blocks of seeds."""
    if not PLAN.compares_architectures(taskset):
        return []
    return [
        LAYOUT.architectures.format(
            measure=measure, taskset=taskset, seeds=join_seeds(block)
        )
        for measure in CONFIG.run.measures
        for block in PLAN.blocks
    ]


def all_comparisons():
    """Return every table of dissimilarities."""
    wanted = []
    for taskset in PLAN.tasksets:
        wanted += architecture_tables(taskset)
        for architecture in PLAN.architectures(taskset, "learning"):
            for kind in COMPARISON_TABLES:
                wanted += learning_tables(kind, taskset, architecture)
    return wanted


def measure_of(wildcards):
    """Return the registry entry of a measure."""
    return ("similarity", CONFIG.measures[wildcards.measure].measure)


rule compare_networks:
    input:
        trajectories=lambda w: trajectories_of(
            w.taskset,
            w.architecture,
            PLAN.curricula(w.taskset, w.architecture, "learning"),
            blocks_up_to(w),
        ),
    output:
        **{kind: LAYOUT.comparison(kind) for kind in COMPARISON_TABLES},
    log:
        f"{LOGS}/compare_networks/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_networks/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.tsv"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        settings=lambda w: settings(slices.comparison_slice(PLAN, w.measure)),
        code=lambda w: code("compare_networks.py", measure_of(w)),
        seeds=lambda w: w.seeds.replace("+", " "),
    shell:
        "python {SCRIPTS}/compare_networks.py --settings {params.settings:q} --code {params.code}"
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
        " --after {output.after:q} --over {output.over:q} --within {output.within:q}"
        " --controls {output.controls:q} > {log:q} 2>&1"


rule compare_architectures:
    input:
        trajectories=lambda w: [
            path
            for architecture in PLAN.architectures(w.taskset, "architectures")
            for path in trajectories_of(
                w.taskset,
                architecture,
                PLAN.curricula(w.taskset, architecture, "architectures"),
                [split_seeds(w.seeds)],
            )
        ],
    output:
        LAYOUT.architectures,
    log:
        f"{LOGS}/compare_architectures/{{measure}}/{{taskset}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_architectures/{{measure}}/{{taskset}}/seed~{{seeds}}.tsv"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        settings=lambda w: settings(slices.architectures_slice(PLAN, w.measure)),
        code=lambda w: code("compare_architectures.py", measure_of(w)),
        seeds=lambda w: w.seeds.replace("+", " "),
    shell:
        "python {SCRIPTS}/compare_architectures.py --settings {params.settings:q} --code {params.code}"
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

# Means, intervals and tests over networks, and a row for every run.


def all_tables():
    """Return the tables of statistics of every task set."""
    return [
        LAYOUT.table(table).format(taskset=taskset)
        for taskset in PLAN.tasksets
        for table in STATISTICS_TABLES
    ]


def histories(taskset, architectures=None):
    """Return the training histories of a task set."""
    return [
        LAYOUT.history("training").format(**vars(subject), seed=seed)
        for subject in PLAN.subjects
        if subject.taskset == taskset
        and (architectures is None or subject.architecture in architectures)
        for seed in PLAN.seeds
    ]


rule compute_statistics:
    input:
        history=lambda w: histories(w.taskset),
        after=lambda w: [
            path
            for architecture in PLAN.architectures(w.taskset, "learning")
            for path in learning_tables("after", w.taskset, architecture)
        ],
        controls=lambda w: [
            path
            for architecture in PLAN.architectures(w.taskset, "learning")
            for path in learning_tables("controls", w.taskset, architecture)
        ],
    output:
        **{table: LAYOUT.table(table) for table in STATISTICS_TABLES},
    log:
        f"{LOGS}/compute_statistics/{{taskset}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_statistics/{{taskset}}.tsv"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings(slices.statistics_slice(PLAN)),
        code=code("compute_statistics.py"),
    shell:
        "python {SCRIPTS}/compute_statistics.py --settings {params.settings:q} --code {params.code}"
        " --history {input.history:q} --after {input.after:q} --control-rows {input.controls:q}"
        " --runs {output.runs:q} --summary {output.summary:q} --tests {output.tests:q}"
        " --controls {output.controls:q} > {log:q} 2>&1"

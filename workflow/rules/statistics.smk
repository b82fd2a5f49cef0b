# Means, intervals and tests over networks, and a row for every run.


rule compute_statistics:
    input:
        history=lambda w: FILES.histories(w.taskset),
        after=lambda w: FILES.learning_tables("after", w.taskset),
        controls=lambda w: FILES.learning_tables("controls", w.taskset),
    output:
        **{table: LAYOUT.table(table) for table in STATISTICS_TABLES},
    log:
        f"{LOGS}/compute_statistics/{{taskset}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_statistics/{{taskset}}.tsv"
    conda:
        CPU
    resources:
        **resources_of("compute_statistics"),
    params:
        settings=settings(slices.statistics_slice(PLAN)),
        code=code("compute_statistics.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/compute_statistics.py" --settings {params.settings:q} --code {params.code}'
        " --history {input.history:q} --after {input.after:q} --control-rows {input.controls:q}"
        " --runs {output.runs:q} --summary {output.summary:q} --tests {output.tests:q}"
        " --controls {output.controls:q} > {log:q} 2>&1"

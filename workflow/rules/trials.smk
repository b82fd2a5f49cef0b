# Trials of each task and split, from their own random streams.


rule generate_trials:
    output:
        LAYOUT.trials,
    log:
        f"{LOGS}/generate_trials/{{taskset}}/{{task}}/{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/generate_trials/{{taskset}}/{{task}}/{{split}}.tsv"
    conda:
        CPU
    resources:
        **resources_of("generate_trials"),
    params:
        settings=lambda w: settings(slices.trials_slice(PLAN, w.taskset, w.task, w.split)),
        code=lambda w: code("generate_trials.py", ("tasks", CONFIG.tasksets[w.taskset].env)),
    shell:
        'python "$WARPLINE_SCRIPTS/generate_trials.py" --settings {params.settings:q} --code {params.code}'
        " --output {output:q} > {log:q} 2>&1"

# Trials of each task and split, from their own random streams.

TRIALS = PIPELINE.trials


rule generate_trials:
    """Trials of one task and split."""
    output:
        **TRIALS.patterns,
    log:
        TRIALS.log,
    benchmark:
        TRIALS.benchmark
    conda:
        CPU
    resources:
        **TRIALS.resources,
    params:
        settings=TRIALS.settings,
        code=TRIALS.code,
    shell:
        'python "$WARPLINE_SCRIPTS/generate_trials.py" --settings {params.settings:q} --code {params.code}'
        " --output {output:q} > {log:q} 2>&1"

# Trials of each task, from their own random streams. Those for learning and validation are read together, and made
# together: the start of a job takes longer than most trials.

TRIALS = PIPELINE.trials
EVALUATION_TRIALS = PIPELINE.evaluation_trials


rule generate_trials:
    """Trials of one task for learning and validation."""
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


rule generate_evaluation_trials:
    """Trials of one task on which networks are compared."""
    output:
        **EVALUATION_TRIALS.patterns,
    log:
        EVALUATION_TRIALS.log,
    benchmark:
        EVALUATION_TRIALS.benchmark
    conda:
        CPU
    resources:
        **EVALUATION_TRIALS.resources,
    params:
        settings=EVALUATION_TRIALS.settings,
        code=EVALUATION_TRIALS.code,
    shell:
        'python "$WARPLINE_SCRIPTS/generate_trials.py" --settings {params.settings:q} --code {params.code}'
        " --output {output:q} > {log:q} 2>&1"

# Validation of the measures on attractors: each experiment is compared by every measure, then scored.

SIMULATE = PIPELINE.systems
VALIDATE = PIPELINE.validation
SWEEP = PIPELINE.sweep
SCORE = PIPELINE.scores


rule simulate_attractors:
    """Trajectories of the validation systems."""
    output:
        **SIMULATE.patterns,
    log:
        SIMULATE.log,
    benchmark:
        SIMULATE.benchmark
    wildcard_constraints:
        kind="families|motifs",
    conda:
        CPU
    resources:
        **SIMULATE.resources,
    params:
        settings=SIMULATE.settings,
        code=SIMULATE.code,
    shell:
        'python "$WARPLINE_SCRIPTS/simulate_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --output {output:q} > {log:q} 2>&1"


rule compare_attractors:
    """Dissimilarities between validation systems by one measure."""
    input:
        unpack(VALIDATE.inputs),
    output:
        **VALIDATE.patterns,
    log:
        VALIDATE.log,
    benchmark:
        VALIDATE.benchmark
    wildcard_constraints:
        experiment="families|motifs|composition|noise",
        measure=alternatives(VALIDATE.measures),
    conda:
        CPU
    resources:
        **VALIDATE.resources,
    params:
        settings=VALIDATE.settings,
        code=VALIDATE.code,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule sweep_hyperparameters:
    """Hyperparameters of DSA on sequences of motifs."""
    input:
        unpack(SWEEP.inputs),
    output:
        **SWEEP.patterns,
    log:
        SWEEP.log,
    benchmark:
        SWEEP.benchmark
    wildcard_constraints:
        interval=alternatives(str(interval) for interval in SWEEP.intervals),
    conda:
        CPU
    resources:
        **SWEEP.resources,
    params:
        settings=SWEEP.settings,
        code=SWEEP.code,
    shell:
        'python "$WARPLINE_SCRIPTS/sweep_hyperparameters.py" --settings {params.settings:q}'
        " --code {params.code} --systems {input.systems:q} --output {output:q} > {log:q} 2>&1"


rule score_attractors:
    """Agreement of the measures with the known similarity of an experiment."""
    input:
        unpack(SCORE.inputs),
    output:
        **SCORE.patterns,
    log:
        SCORE.log,
    benchmark:
        SCORE.benchmark
    wildcard_constraints:
        experiment=alternatives(SCORE.experiments),
    conda:
        CPU
    resources:
        **SCORE.resources,
    params:
        settings=SCORE.settings,
        code=SCORE.code,
    shell:
        'python "$WARPLINE_SCRIPTS/score_attractors.py" --settings {params.settings:q}'
        " --code {params.code} --tables {input.tables:q} --output {output:q} > {log:q} 2>&1"

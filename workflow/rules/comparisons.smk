# Dissimilarities: within each architecture, and between architectures. First the parameters of DSA, where the
# configuration leaves their choice to the trained networks.

CHOOSE = PIPELINE.choice
COMPARE = PIPELINE.comparisons
ARCHITECTURES = PIPELINE.architectures
AROUND = PIPELINE.around
SENSITIVITY = PIPELINE.sensitivity


rule choose_dsa:
    """Delays and rank of DSA, by prediction of held-out trials."""
    input:
        unpack(CHOOSE.inputs),
    output:
        **CHOOSE.patterns,
    log:
        CHOOSE.log,
    benchmark:
        CHOOSE.benchmark
    wildcard_constraints:
        measure=alternatives(CHOOSE.measures),
    conda:
        CPU
    resources:
        **CHOOSE.resources,
    params:
        settings=CHOOSE.settings,
        code=CHOOSE.code,
        seeds=CHOOSE.chosen_seeds,
    shell:
        'python "$WARPLINE_SCRIPTS/choose_dsa.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories %<(printf '%s\\n' {input.trajectories:q}) --seeds {params.seeds} --choice {output.choice:q}"
        " --sweep {output.sweep:q} --networks {output.networks:q} > {log:q} 2>&1"


rule compare_networks:
    """Dissimilarities within an architecture by one measure."""
    input:
        unpack(COMPARE.inputs),
    output:
        **COMPARE.patterns,
    log:
        COMPARE.log,
    benchmark:
        COMPARE.benchmark
    wildcard_constraints:
        measure=alternatives(PLAN.all_measures),
    conda:
        CPU
    resources:
        **COMPARE.resources,
    params:
        settings=COMPARE.settings,
        code=COMPARE.code,
        seeds=seeds_of,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_networks.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --seeds {params.seeds}"
        " --after {output.after:q} --over {output.over:q} --within {output.within:q}"
        " --controls {output.controls:q} > {log:q} 2>&1"


rule compare_architectures:
    """Dissimilarities between architectures by one measure."""
    input:
        unpack(ARCHITECTURES.inputs),
    output:
        **ARCHITECTURES.patterns,
    log:
        ARCHITECTURES.log,
    benchmark:
        ARCHITECTURES.benchmark
    wildcard_constraints:
        measure=alternatives(PLAN.all_measures),
    conda:
        CPU
    resources:
        **ARCHITECTURES.resources,
    params:
        settings=ARCHITECTURES.settings,
        code=ARCHITECTURES.code,
        seeds=seeds_of,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_architectures.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"


rule compare_around:
    """Dissimilarities at settings around the chosen parameters of DSA."""
    input:
        unpack(AROUND.inputs),
    output:
        **AROUND.patterns,
    log:
        AROUND.log,
    benchmark:
        AROUND.benchmark
    wildcard_constraints:
        measure=alternatives(PLAN.all_measures),
        part=alternatives(AROUND.parts),
    conda:
        CPU
    resources:
        **AROUND.resources,
    params:
        settings=AROUND.settings,
        code=AROUND.code,
        seeds=AROUND.chosen_seeds,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_around.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --seeds {params.seeds} --output {output:q} > {log:q} 2>&1"


rule summarise_sensitivity:
    """Conclusions that hold at all settings around the chosen parameters of DSA."""
    input:
        unpack(SENSITIVITY.inputs),
    output:
        **SENSITIVITY.patterns,
    log:
        SENSITIVITY.log,
    benchmark:
        SENSITIVITY.benchmark
    conda:
        CPU
    resources:
        **SENSITIVITY.resources,
    params:
        settings=SENSITIVITY.settings,
        code=SENSITIVITY.code,
    shell:
        'python "$WARPLINE_SCRIPTS/summarise_sensitivity.py" --settings {params.settings:q}'
        " --code {params.code} --around %<(printf '%s\\n' {input.around:q}) --runs %<(printf '%s\\n' {input.runs:q})"
        " --dsa-sensitivity {output.dsa_sensitivity:q}"
        " --dsa-sensitivity-values {output.dsa_sensitivity_values:q}"
        " --dsa-sensitivity-shares {output.dsa_sensitivity_shares:q} > {log:q} 2>&1"

# Dissimilarities: within each architecture, and between architectures. First the parameters of DSA, where the
# configuration leaves their choice to the trained networks.

CHOOSE = PIPELINE.choice
COMPARE = PIPELINE.comparisons
ARCHITECTURES = PIPELINE.architectures


rule choose_dsa:
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
        seeds=CHOOSE.seeds,
    shell:
        'python "$WARPLINE_SCRIPTS/choose_dsa.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories {input.trajectories:q} --seeds {params.seeds} --choice {output.choice:q}"
        " --sweep {output.sweep:q} --networks {output.networks:q} > {log:q} 2>&1"


rule compare_networks:
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

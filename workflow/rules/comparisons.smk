# Dissimilarities: within each architecture, and between architectures.

COMPARE = PIPELINE.comparisons
ARCHITECTURES = PIPELINE.architectures


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
    shell:
        'python "$WARPLINE_SCRIPTS/compare_networks.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
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
    shell:
        'python "$WARPLINE_SCRIPTS/compare_architectures.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

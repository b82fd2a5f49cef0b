# Metric warping: each analysis of a block of networks is a job; then its numbers over seeds.

ANALYSE = PIPELINE.warping
SUMMARISE = PIPELINE.summaries
RELATE = PIPELINE.relations


rule analyse_warping:
    """One geometry analysis of a block of networks."""
    input:
        unpack(ANALYSE.inputs),
    output:
        **ANALYSE.patterns,
    log:
        ANALYSE.log,
    benchmark:
        ANALYSE.benchmark
    wildcard_constraints:
        analysis=alternatives(ANALYSE.analyses),
    conda:
        CPU
    resources:
        **ANALYSE.resources,
    params:
        settings=ANALYSE.settings,
        code=ANALYSE.code,
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/analyse_warping.py" --settings {params.settings:q} --code {params.code}'
        " --checkpoints {input.checkpoints:q} --seeds {params.seeds}"
        " --arrays {output.arrays:q} --numbers {output.numbers:q} > {log:q} 2>&1"


rule summarise_warping:
    """The numbers of a geometry analysis over seeds."""
    input:
        unpack(SUMMARISE.inputs),
    output:
        **SUMMARISE.patterns,
    log:
        SUMMARISE.log,
    benchmark:
        SUMMARISE.benchmark
    wildcard_constraints:
        analysis=alternatives(SUMMARISE.analyses),
    conda:
        CPU
    resources:
        **SUMMARISE.resources,
    params:
        settings=SUMMARISE.settings,
        code=SUMMARISE.code,
    shell:
        'python "$WARPLINE_SCRIPTS/summarise_warping.py" --settings {params.settings:q}'
        " --code {params.code} --numbers %<(printf '%s\\n' {input.numbers:q}) --output {output:q} > {log:q} 2>&1"


rule relate_learning:
    """Metric and dissimilarity of the same networks over learning."""
    input:
        unpack(RELATE.inputs),
    output:
        **RELATE.patterns,
    log:
        RELATE.log,
    benchmark:
        RELATE.benchmark
    wildcard_constraints:
        analysis=alternatives(RELATE.analyses),
    conda:
        CPU
    resources:
        **RELATE.resources,
    params:
        settings=RELATE.settings,
        code=RELATE.code,
    shell:
        'python "$WARPLINE_SCRIPTS/relate_learning.py" --settings {params.settings:q}'
        " --code {params.code} --numbers %<(printf '%s\\n' {input.numbers:q}) --over %<(printf '%s\\n' {input.over:q})"
        " --output {output:q} > {log:q} 2>&1"

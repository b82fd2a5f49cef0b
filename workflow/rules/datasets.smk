# Recordings from files: each is read once, then all pairs are compared by every measure.

READ = PIPELINE.datasets
COMPARE_DATASETS = PIPELINE.dataset_comparisons
SUMMARISE_DATASETS = PIPELINE.dataset_summary


rule read_dataset:
    """A recording, read from its file."""
    input:
        unpack(READ.inputs),
    output:
        **READ.patterns,
    log:
        READ.log,
    benchmark:
        READ.benchmark
    wildcard_constraints:
        dataset=alternatives(READ.datasets),
    conda:
        CPU
    resources:
        **READ.resources,
    params:
        settings=READ.settings,
        code=READ.code,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/read_dataset.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --output {output:q} > {log:q} 2>&1"


rule compare_datasets:
    """Dissimilarities between recordings by one measure."""
    input:
        unpack(COMPARE_DATASETS.inputs),
    output:
        **COMPARE_DATASETS.patterns,
    log:
        COMPARE_DATASETS.log,
    benchmark:
        COMPARE_DATASETS.benchmark
    wildcard_constraints:
        measure=alternatives(PLAN.all_measures),
    conda:
        CPU
    resources:
        **COMPARE_DATASETS.resources,
    params:
        settings=COMPARE_DATASETS.settings,
        code=COMPARE_DATASETS.code,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_datasets.py" --settings {params.settings:q}'
        " --code {params.code} {params.inputs} --output {output:q} > {log:q} 2>&1"


rule summarise_datasets:
    """Means and tests over groups of recordings."""
    input:
        unpack(SUMMARISE_DATASETS.inputs),
    output:
        **SUMMARISE_DATASETS.patterns,
    log:
        SUMMARISE_DATASETS.log,
    benchmark:
        SUMMARISE_DATASETS.benchmark
    conda:
        CPU
    resources:
        **SUMMARISE_DATASETS.resources,
    params:
        settings=SUMMARISE_DATASETS.settings,
        code=SUMMARISE_DATASETS.code,
    shell:
        'python "$WARPLINE_SCRIPTS/summarise_datasets.py" --settings {params.settings:q}'
        " --code {params.code} --pairs {input.pairs:q} --summary {output.summary:q}"
        " --tests {output.tests:q} > {log:q} 2>&1"

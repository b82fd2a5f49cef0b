# One HTML file that shows the run. It reads small files only, so that it can be written anew at any time.

EXPLORER = PIPELINE.explorer


rule write_explorer:
    """The run in one HTML file: states, dissimilarities, learning, metric, tables."""
    input:
        unpack(EXPLORER.inputs),
    output:
        EXPLORER.pattern(),
    log:
        EXPLORER.log,
    benchmark:
        EXPLORER.benchmark
    conda:
        CPU
    resources:
        **EXPLORER.resources,
    params:
        settings=EXPLORER.settings,
        code=EXPLORER.code,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/write_explorer.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --output {output:q} > {log:q} 2>&1"

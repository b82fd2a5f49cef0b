# Hidden states of the chosen checkpoints on the evaluation trials, for a block of seeds.

TRAJECTORIES = PIPELINE.trajectories


rule compute_trajectories:
    """Hidden states of a block of networks on the evaluation trials."""
    input:
        unpack(TRAJECTORIES.inputs),
    output:
        TRAJECTORIES.pattern() if CONFIG.jobs.keep_trajectories else temp(TRAJECTORIES.pattern()),
    log:
        TRAJECTORIES.log,
    benchmark:
        TRAJECTORIES.benchmark
    conda:
        CPU
    resources:
        **TRAJECTORIES.resources,
    params:
        settings=TRAJECTORIES.settings,
        code=TRAJECTORIES.code,
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/compute_trajectories.py" --settings {params.settings:q} --code {params.code}'
        " --trials {input.trials:q} --checkpoints {input.checkpoints:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

# Hidden states of the chosen checkpoints on the evaluation trials, for a block of seeds.

TRAJECTORIES = PIPELINE.trajectories


rule compute_trajectories:
    """Hidden states of a block of networks on the evaluation trials."""
    input:
        unpack(TRAJECTORIES.inputs),
    output:
        trajectories=(
            TRAJECTORIES.pattern()
            if CONFIG.jobs.keep_trajectories
            else temp(TRAJECTORIES.pattern())
        ),
        condition_states=TRAJECTORIES.pattern("condition_states"),
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
        " --output {output.trajectories:q} --condition-states {output.condition_states:q} > {log:q} 2>&1"

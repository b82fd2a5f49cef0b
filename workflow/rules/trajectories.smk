# Hidden states of the chosen checkpoints on the evaluation trials, for a block of seeds.

TRAJECTORIES = PIPELINE.trajectories


rule compute_trajectories:
    """Hidden states of a block of networks on the evaluation trials."""
    input:
        unpack(TRAJECTORIES.inputs),
    output:
        **{
            name: temp(pattern) if name in TRAJECTORIES.temporary else pattern
            for name, pattern in TRAJECTORIES.patterns.items()
        },
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
        means=TRAJECTORIES.means_option,
    shell:
        'python "$WARPLINE_SCRIPTS/compute_trajectories.py" --settings {params.settings:q} --code {params.code}'
        " --trials {input.trials:q} --checkpoints {input.checkpoints:q} --seeds {params.seeds}"
        " --output {output.trajectories:q} --condition-states {output.condition_states:q} {params.means}"
        " > {log:q} 2>&1"

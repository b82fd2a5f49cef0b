# Hidden states of the chosen checkpoints on the evaluation trials, for a block of seeds.


rule compute_trajectories:
    input:
        trials=lambda w: FILES.evaluation_trials(w.taskset),
        checkpoints=lambda w: FILES.networks(**w),
    output:
        LAYOUT.trajectories if CONFIG.jobs.keep_trajectories else temp(LAYOUT.trajectories),
    log:
        f"{LOGS}/compute_trajectories/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_trajectories/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seeds}}.tsv"
    conda:
        CPU
    resources:
        **resources_of("compute_trajectories"),
    params:
        settings=lambda w: settings(slices.trajectories_slice(PLAN, subject(w))),
        code=lambda w: code("compute_trajectories.py", model_of(w)),
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/compute_trajectories.py" --settings {params.settings:q} --code {params.code}'
        " --trials {input.trials:q} --checkpoints {input.checkpoints:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

# Hidden states of the chosen checkpoints on the evaluation trials, for a block of seeds.


rule compute_trajectories:
    input:
        trials=lambda w: trials_of(w.taskset, PLAN.shown_tasks(w.taskset), "evaluation"),
        checkpoints=lambda w: [
            LAYOUT.checkpoints("training").format(**vars(subject(w)), seed=seed)
            for seed in split_seeds(w.seeds)
        ],
    output:
        LAYOUT.trajectories,
    log:
        f"{LOGS}/compute_trajectories/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_trajectories/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seeds}}.tsv"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        settings=lambda w: settings(slices.trajectories_slice(PLAN, subject(w))),
        code=lambda w: code("compute_trajectories.py", model_of(w)),
        seeds=lambda w: w.seeds.replace("+", " "),
    shell:
        "python {SCRIPTS}/compute_trajectories.py --settings {params.settings:q} --code {params.code}"
        " --trials {input.trials:q} --checkpoints {input.checkpoints:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

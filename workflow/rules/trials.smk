# Trials of each task and split, from their own random streams.


def all_trials():
    """Return every file of trials that the configuration needs."""
    wanted = set()
    for subject in PLAN.subjects:
        taskset = subject.taskset
        trained = PLAN.training_tasks(taskset, subject.curriculum)
        pretrained = PLAN.tasks(taskset, CONFIG.curricula[subject.curriculum].pretrain)
        for task in (*trained, *pretrained):
            wanted |= {(taskset, task, "train"), (taskset, task, "validation")}
        wanted |= {(taskset, task, "evaluation") for task in PLAN.shown_tasks(taskset)}
    return sorted(
        LAYOUT.trials.format(taskset=taskset, task=task, split=split)
        for taskset, task, split in wanted
    )


def trials_of(taskset, tasks, split):
    """Return the files of some tasks of a task set."""
    return [
        LAYOUT.trials.format(taskset=taskset, task=task, split=split) for task in tasks
    ]


rule generate_trials:
    output:
        LAYOUT.trials,
    log:
        f"{LOGS}/generate_trials/{{taskset}}/{{task}}/{{split}}.log",
    benchmark:
        f"{BENCHMARKS}/generate_trials/{{taskset}}/{{task}}/{{split}}.tsv"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        settings=lambda w: settings(
            slices.trials_slice(PLAN, w.taskset, w.task, w.split)
        ),
        code=lambda w: code(
            "generate_trials.py", ("tasks", CONFIG.tasksets[w.taskset].env)
        ),
    shell:
        "python {SCRIPTS}/generate_trials.py --settings {params.settings:q} --code {params.code}"
        " --output {output:q} > {log:q} 2>&1"

# One rule and one script per figure; each reads tables and small arrays only.

REFERENCE = CONFIG.comparison.over.references[0]


def figure_files(name, **fields):
    """Return the two files of a figure."""
    stem = LAYOUT.figure(name, "architecture" in fields).format(**fields)
    return [f"{stem}.svg", f"{stem}.png"]


def wanted_figures(taskset, architecture):
    """Return the figures that an architecture's comparisons allow."""
    yield "learning_curves"
    if architecture not in PLAN.architectures(taskset, "learning"):
        return
    yield "trajectories"
    curricula = PLAN.curricula(taskset, architecture, "learning")
    yield "within_learning"
    if REFERENCE in curricula:
        yield "over_learning"
        if len(curricula) > 1:
            yield "after_learning"
    if len(curricula) > 1:
        yield "curriculum_matrix"


def all_figures():
    """Return every figure of the configuration."""
    wanted = []
    for taskset in PLAN.tasksets:
        wanted += figure_files("task_trial", taskset=taskset)
        if PLAN.compares_architectures(taskset) and CONFIG.run.measures:
            wanted += figure_files("hyperparameters", taskset=taskset)
        for architecture in PLAN.architectures(taskset):
            for name in wanted_figures(taskset, architecture):
                wanted += figure_files(name, taskset=taskset, architecture=architecture)
    return wanted


def shown_trials(wildcards):
    """Return one file of trials per task that is trained or shown, in the task set's order."""
    used = [path for path in all_trials() if f"/trials/{wildcards.taskset}/" in path]
    order = list(CONFIG.tasksets[wildcards.taskset].tasks)
    files = {}
    for path in used:
        task, split = path.split("/")[-2:]
        if split in ("validation.nc", "evaluation.nc"):
            files.setdefault(task, path)
    return [files[task] for task in sorted(files, key=order.index)]


def pretraining_histories(wildcards):
    """Return the histories of all pretrainings behind an architecture's curricula."""
    names = {
        PLAN.pretraining(wildcards.taskset, curriculum): None
        for curriculum in PLAN.curricula(wildcards.taskset, wildcards.architecture)
    }
    return [
        LAYOUT.history("pretraining").format(
            taskset=wildcards.taskset,
            architecture=wildcards.architecture,
            pretraining=name,
            seed=seed,
        )
        for name in names
        if name
        for seed in PLAN.seeds
    ]


def figure_settings(*keys, **further):
    """Return what a figure script is told."""
    return settings({**slices.figure_slice(PLAN, *keys), **further})


def figure_code(name):
    """Return the digest of a figure script."""
    return code(f"figures/{name}.py")


DRAW = (
    "python {SCRIPTS}/figures/{params.script}.py --settings {params.settings:q}"
    " --svg {output.svg:q} --png {output.png:q}"
)


rule draw_task_trial:
    input:
        trials=shown_trials,
    output:
        svg=report(
            LAYOUT.figure("task_trial", False) + ".svg",
            caption="../report/task_trial.rst",
            category="1. Tasks",
            labels={"figure": "a trial of each task", "task set": "{taskset}"},
        ),
        png=LAYOUT.figure("task_trial", False) + ".png",
    log:
        f"{LOGS}/draw_task_trial/{{taskset}}.log",
    params:
        script="task_trial",
        settings=figure_settings(),
        code=figure_code("task_trial"),
    shell:
        DRAW + " --trials {input.trials:q} > {log:q} 2>&1"


rule draw_learning_curves:
    input:
        pretraining=pretraining_histories,
        training=lambda w: histories(w.taskset, [w.architecture]),
    output:
        svg=report(
            LAYOUT.figure("learning_curves", True) + ".svg",
            caption="../report/learning_curves.rst",
            category="2. Learning",
            labels={
                "figure": "learning curves",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("learning_curves", True) + ".png",
    log:
        f"{LOGS}/draw_learning_curves/{{taskset}}/{{architecture}}.log",
    params:
        script="learning_curves",
        settings=figure_settings("target_fraction", "curricula"),
        code=figure_code("learning_curves"),
    shell:
        DRAW
        + " --pretraining {input.pretraining:q} --training {input.training:q} > {log:q} 2>&1"


rule draw_trajectories:
    input:
        trajectories=lambda w: trajectories_of(
            w.taskset,
            w.architecture,
            PLAN.curricula(w.taskset, w.architecture),
            PLAN.blocks[:1],
        ),
        trials=lambda w: trials_of(
            w.taskset, PLAN.shown_tasks(w.taskset)[:1], "evaluation"
        ),
    output:
        svg=report(
            LAYOUT.figure("trajectories", True) + ".svg",
            caption="../report/trajectories.rst",
            category="2. Learning",
            labels={
                "figure": "trajectories",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("trajectories", True) + ".png",
    log:
        f"{LOGS}/draw_trajectories/{{taskset}}/{{architecture}}.log",
    params:
        script="trajectories",
        settings=figure_settings(),
        code=figure_code("trajectories"),
    shell:
        DRAW
        + " --trajectories {input.trajectories:q} --trials {input.trials:q} > {log:q} 2>&1"


rule draw_after_learning:
    input:
        after=lambda w: learning_tables("after", w.taskset, w.architecture),
        summary=LAYOUT.table("summary"),
        controls=LAYOUT.table("controls"),
    output:
        svg=report(
            LAYOUT.figure("after_learning", True) + ".svg",
            caption="../report/after_learning.rst",
            category="3. After learning",
            labels={
                "figure": "dissimilarity to the reference",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("after_learning", True) + ".png",
    log:
        f"{LOGS}/draw_after_learning/{{taskset}}/{{architecture}}.log",
    params:
        script="after_learning",
        settings=figure_settings(
            "statistics", "curricula", "measures", reference=REFERENCE
        ),
        code=figure_code("after_learning"),
    shell:
        DRAW + " --after {input.after:q} --summary {input.summary:q}"
        " --controls {input.controls:q} > {log:q} 2>&1"


rule draw_curriculum_matrix:
    input:
        summary=LAYOUT.table("summary"),
    output:
        svg=report(
            LAYOUT.figure("curriculum_matrix", True) + ".svg",
            caption="../report/curriculum_matrix.rst",
            category="3. After learning",
            labels={
                "figure": "curriculum by curriculum",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("curriculum_matrix", True) + ".png",
    log:
        f"{LOGS}/draw_curriculum_matrix/{{taskset}}/{{architecture}}.log",
    params:
        script="curriculum_matrix",
        settings=lambda w: figure_settings(
            "curricula", "measures", architecture=w.architecture
        ),
        code=figure_code("curriculum_matrix"),
    shell:
        DRAW + " --summary {input.summary:q} > {log:q} 2>&1"


rule draw_over_learning:
    input:
        over=lambda w: learning_tables("over", w.taskset, w.architecture),
    output:
        svg=report(
            LAYOUT.figure("over_learning", True) + ".svg",
            caption="../report/over_learning.rst",
            category="4. Over learning",
            labels={
                "figure": "over learning",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("over_learning", True) + ".png",
    log:
        f"{LOGS}/draw_over_learning/{{taskset}}/{{architecture}}.log",
    params:
        script="over_learning",
        settings=figure_settings(
            "statistics", "curricula", "measures", reference=REFERENCE
        ),
        code=figure_code("over_learning"),
    shell:
        DRAW + " --over {input.over:q} > {log:q} 2>&1"


rule draw_within_learning:
    input:
        within=lambda w: learning_tables("within", w.taskset, w.architecture),
    output:
        svg=report(
            LAYOUT.figure("within_learning", True) + ".svg",
            caption="../report/within_learning.rst",
            category="5. Within learning",
            labels={
                "figure": "within learning",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=LAYOUT.figure("within_learning", True) + ".png",
    log:
        f"{LOGS}/draw_within_learning/{{taskset}}/{{architecture}}.log",
    params:
        script="within_learning",
        settings=figure_settings("curricula", "measures"),
        code=figure_code("within_learning"),
    shell:
        DRAW + " --within {input.within:q} > {log:q} 2>&1"


rule draw_hyperparameters:
    input:
        between=lambda w: architecture_tables(w.taskset),
        after=lambda w: [
            path
            for architecture in PLAN.architectures(w.taskset, "learning")
            for path in learning_tables("after", w.taskset, architecture)
        ],
    output:
        svg=report(
            LAYOUT.figure("hyperparameters", False) + ".svg",
            caption="../report/hyperparameters.rst",
            category="6. Between architectures",
            labels={"figure": "by hyperparameter", "task set": "{taskset}"},
        ),
        png=LAYOUT.figure("hyperparameters", False) + ".png",
    log:
        f"{LOGS}/draw_hyperparameters/{{taskset}}.log",
    params:
        script="hyperparameters",
        settings=figure_settings("curricula", "measures", "architectures"),
        code=figure_code("hyperparameters"),
    shell:
        DRAW + " --between {input.between:q} --after {input.after:q} > {log:q} 2>&1"

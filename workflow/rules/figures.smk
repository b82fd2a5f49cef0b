# One rule and one script per figure; each reads tables and small arrays only. On a cluster several are drawn in
# one job (group), because each takes seconds.

DRAW = (
    'python "$WARPLINE_SCRIPTS/figures/{params.script}.py" --settings {params.settings:q}'
    " {params.inputs} --svg {output.svg:q} --png {output.png:q} > {log:q} 2>&1"
)


rule draw_task_trial:
    input:
        trials=lambda w: FILES.shown_trials(w.taskset),
    output:
        svg=report(
            f"{LAYOUT.figure('task_trial', False)}.svg",
            caption="../report/task_trial.rst",
            category="1. Tasks",
            labels={"figure": "a trial of each task", "task set": "{taskset}"},
        ),
        png=f"{LAYOUT.figure('task_trial', False)}.png",
    log:
        f"{LOGS}/draw_task_trial/{{taskset}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="task_trial",
        inputs=as_options,
        settings=figure_settings(),
        code=figure_code("task_trial"),
    shell:
        DRAW


rule draw_learning_curves:
    input:
        pretraining=lambda w: FILES.pretraining_histories(w.taskset, w.architecture),
        training=lambda w: FILES.histories(w.taskset, w.architecture),
    output:
        svg=report(
            f"{LAYOUT.figure('learning_curves', True)}.svg",
            caption="../report/learning_curves.rst",
            category="2. Learning",
            labels={
                "figure": "learning curves",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('learning_curves', True)}.png",
    log:
        f"{LOGS}/draw_learning_curves/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="learning_curves",
        inputs=as_options,
        settings=figure_settings("curricula"),
        code=figure_code("learning_curves"),
    shell:
        DRAW


rule draw_trajectories:
    input:
        trajectories=lambda w: FILES.trajectories_shown(w.taskset, w.architecture),
        trials=lambda w: FILES.evaluation_trials(w.taskset)[:1],
    output:
        svg=report(
            f"{LAYOUT.figure('trajectories', True)}.svg",
            caption="../report/trajectories.rst",
            category="2. Learning",
            labels={
                "figure": "trajectories",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('trajectories', True)}.png",
    log:
        f"{LOGS}/draw_trajectories/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="trajectories",
        inputs=as_options,
        settings=figure_settings(),
        code=figure_code("trajectories"),
    shell:
        DRAW


rule draw_after_learning:
    input:
        after=lambda w: FILES.learning_tables("after", w.taskset, w.architecture),
        summary=LAYOUT.table("summary"),
        controls=LAYOUT.table("controls"),
    output:
        svg=report(
            f"{LAYOUT.figure('after_learning', True)}.svg",
            caption="../report/after_learning.rst",
            category="3. After learning",
            labels={
                "figure": "dissimilarity to the reference",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('after_learning', True)}.png",
    log:
        f"{LOGS}/draw_after_learning/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="after_learning",
        inputs=as_options,
        settings=figure_settings("statistics", "curricula", "measures", reference=FILES.reference),
        code=figure_code("after_learning"),
    shell:
        DRAW


rule draw_curriculum_matrix:
    input:
        summary=LAYOUT.table("summary"),
    output:
        svg=report(
            f"{LAYOUT.figure('curriculum_matrix', True)}.svg",
            caption="../report/curriculum_matrix.rst",
            category="3. After learning",
            labels={
                "figure": "curriculum by curriculum",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('curriculum_matrix', True)}.png",
    log:
        f"{LOGS}/draw_curriculum_matrix/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="curriculum_matrix",
        inputs=as_options,
        settings=lambda w: figure_settings("curricula", "measures", architecture=w.architecture),
        code=figure_code("curriculum_matrix"),
    shell:
        DRAW


rule draw_over_learning:
    input:
        over=lambda w: FILES.learning_tables("over", w.taskset, w.architecture),
    output:
        svg=report(
            f"{LAYOUT.figure('over_learning', True)}.svg",
            caption="../report/over_learning.rst",
            category="4. Over learning",
            labels={
                "figure": "over learning",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('over_learning', True)}.png",
    log:
        f"{LOGS}/draw_over_learning/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="over_learning",
        inputs=as_options,
        settings=figure_settings("statistics", "curricula", "measures", reference=FILES.reference),
        code=figure_code("over_learning"),
    shell:
        DRAW


rule draw_within_learning:
    input:
        within=lambda w: FILES.learning_tables("within", w.taskset, w.architecture),
    output:
        svg=report(
            f"{LAYOUT.figure('within_learning', True)}.svg",
            caption="../report/within_learning.rst",
            category="5. Within learning",
            labels={
                "figure": "within learning",
                "task set": "{taskset}",
                "architecture": "{architecture}",
            },
        ),
        png=f"{LAYOUT.figure('within_learning', True)}.png",
    log:
        f"{LOGS}/draw_within_learning/{{taskset}}/{{architecture}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="within_learning",
        inputs=as_options,
        settings=figure_settings("curricula", "measures"),
        code=figure_code("within_learning"),
    shell:
        DRAW


rule draw_hyperparameters:
    input:
        between=lambda w: FILES.architecture_tables(w.taskset),
        after=lambda w: FILES.learning_tables("after", w.taskset),
    output:
        svg=report(
            f"{LAYOUT.figure('hyperparameters', False)}.svg",
            caption="../report/hyperparameters.rst",
            category="6. Between architectures",
            labels={"figure": "by model and hyperparameter", "task set": "{taskset}"},
        ),
        png=f"{LAYOUT.figure('hyperparameters', False)}.png",
    log:
        f"{LOGS}/draw_hyperparameters/{{taskset}}.log",
    group:
        "figures"
    conda:
        CPU
    resources:
        **resources_of("draw_*"),
    params:
        script="hyperparameters",
        inputs=as_options,
        settings=figure_settings("curricula", "measures", "architectures"),
        code=figure_code("hyperparameters"),
    shell:
        DRAW

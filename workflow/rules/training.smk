# One job per network. Curricula with the same pretraining share one pretrained network.


def all_networks():
    """Return the checkpoints of every network that the configuration trains."""
    return [
        LAYOUT.checkpoints("training").format(**vars(subject), seed=seed)
        for subject in PLAN.subjects
        for seed in PLAN.seeds
    ]


def initial_of(wildcards):
    """Return the pretrained network that a curriculum starts from, if any."""
    pretraining = PLAN.pretraining(wildcards.taskset, wildcards.curriculum)
    if pretraining is None:
        return []
    return LAYOUT.checkpoints("pretraining").format(
        taskset=wildcards.taskset,
        architecture=wildcards.architecture,
        pretraining=pretraining,
        seed=wildcards.seed,
    )


TRAIN = (
    "python {SCRIPTS}/train_network.py --settings {params.settings:q} --code {params.code}"
    " --train {input.train:q} --validation {input.validation:q} {params.initial}"
    " --resume {params.resume:q}"
    " --checkpoints {output.checkpoints:q} --history {output.history:q} > {log:q} 2>&1"
)


rule pretrain:
    input:
        train=lambda w: trials_of(w.taskset, w.pretraining.split("+"), "train"),
        validation=lambda w: trials_of(
            w.taskset, w.pretraining.split("+"), "validation"
        ),
    output:
        checkpoints=LAYOUT.checkpoints("pretraining"),
        history=LAYOUT.history("pretraining"),
    log:
        f"{LOGS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{{seed}}.tsv"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
        gpu=1 if CONFIG.jobs.gpu else 0,
    params:
        settings=lambda w: settings(
            slices.pretraining_slice(
                PLAN, w.taskset, w.architecture, w.pretraining, int(w.seed)
            )
        ),
        code=lambda w: code("train_network.py", model_of(w)),
        resume=lambda w: LAYOUT.resume("pretraining").format(**w),
        initial="",
    shell:
        TRAIN


rule train:
    input:
        train=lambda w: trials_of(
            w.taskset, PLAN.training_tasks(w.taskset, w.curriculum), "train"
        ),
        validation=lambda w: trials_of(
            w.taskset, PLAN.training_tasks(w.taskset, w.curriculum), "validation"
        ),
        initial=initial_of,
    output:
        checkpoints=LAYOUT.checkpoints("training"),
        history=LAYOUT.history("training"),
    log:
        f"{LOGS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seed}}.tsv"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
        gpu=1 if CONFIG.jobs.gpu else 0,
    params:
        settings=lambda w: settings(
            slices.training_slice(PLAN, subject(w), int(w.seed))
        ),
        code=lambda w: code("train_network.py", model_of(w)),
        resume=lambda w: LAYOUT.resume("training").format(**w),
        initial=lambda w, input: (
            f"--initial '{input.initial}'" if input.get("initial") else ""
        ),
    shell:
        TRAIN

# One job per network. Curricula with the same pretraining share one pretrained network.


TRAIN = (
    'python "$WARPLINE_SCRIPTS/train_network.py" --settings {params.settings:q} --code {params.code}'
    " --train {input.train:q} --validation {input.validation:q} {params.initial}"
    " --resume {params.resume:q}"
    " --checkpoints {output.checkpoints:q} --history {output.history:q} > {log:q} 2>&1"
)


rule pretrain:
    input:
        train=lambda w: FILES.trials(w.taskset, w.pretraining.split("+"), "train"),
        validation=lambda w: FILES.trials(w.taskset, w.pretraining.split("+"), "validation"),
    output:
        checkpoints=LAYOUT.checkpoints("pretraining"),
        history=LAYOUT.history("pretraining"),
    log:
        f"{LOGS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{{seed}}.tsv"
    conda:
        GPU if CONFIG.jobs.gpu else CPU
    resources:
        **resources_of("pretrain"),
    params:
        settings=lambda w: settings(
            slices.pretraining_slice(PLAN, w.taskset, w.architecture, w.pretraining, int(w.seed))
        ),
        code=lambda w: code("train_network.py", model_of(w)),
        resume=lambda w: LAYOUT.resume("pretraining").format(**w),
        initial="",
    shell:
        TRAIN


rule train:
    input:
        train=lambda w: FILES.training_trials(w.taskset, w.curriculum, "train"),
        validation=lambda w: FILES.training_trials(w.taskset, w.curriculum, "validation"),
        initial=lambda w: FILES.initial(**w),
    output:
        checkpoints=LAYOUT.checkpoints("training"),
        history=LAYOUT.history("training"),
    log:
        f"{LOGS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seed}}.tsv"
    conda:
        GPU if CONFIG.jobs.gpu else CPU
    resources:
        **resources_of("train"),
    params:
        settings=lambda w: settings(slices.training_slice(PLAN, subject(w), int(w.seed))),
        code=lambda w: code("train_network.py", model_of(w)),
        resume=lambda w: LAYOUT.resume("training").format(**w),
        initial=lambda w, input: (f"--initial '{input.initial}'" if input.get("initial") else ""),
    shell:
        TRAIN

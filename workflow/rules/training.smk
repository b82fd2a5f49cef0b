# One job per network, or per block of seeds. Curricula with the same pretraining share one pretrained network.


TRAIN = (
    'python "$WARPLINE_SCRIPTS/train_network.py" --settings {params.settings:q} --code {params.code}'
    " --train {input.train:q} --validation {input.validation:q} --seeds {params.seeds} {params.initial}"
    " --resume {params.resume:q}"
    " --checkpoints {output.checkpoints:q} --history {output.history:q} > {log:q} 2>&1"
)

# A rule's outputs cannot depend on a wildcard: each block of several seeds has a rule of its own, and all
# seeds that have a job to themselves share the one whose block is empty. Seeds and resume files are derived
# from the outputs: Snakemake does not track such parameters, so that other blocks re-run no network. The
# exception is a curriculum with pretraining, whose input files are those of the whole block.
BLOCKS = [block for block in PLAN.training_blocks if len(block) > 1]
SINGLE = (
    r"\d+"
    if not BLOCKS
    else alternatives(str(block[0]) for block in PLAN.training_blocks if len(block) == 1)
)


for BLOCK in [(), *BLOCKS]:

    rule:
        name:
            share_settings("pretrain", "_".join(["pretrain", *map(str, BLOCK)]))
        input:
            train=lambda w: FILES.trials(w.taskset, w.pretraining.split("+"), "train"),
            validation=lambda w: FILES.trials(w.taskset, w.pretraining.split("+"), "validation"),
        output:
            checkpoints=of_block(LAYOUT.checkpoints("pretraining"), BLOCK),
            history=of_block(LAYOUT.history("pretraining"), BLOCK),
        log:
            f"{LOGS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{block_name(BLOCK)}.log",
        benchmark:
            f"{BENCHMARKS}/pretrain/{{taskset}}/{{architecture}}/{{pretraining}}/seed~{block_name(BLOCK)}.tsv"
        wildcard_constraints:
            seed=SINGLE,
        conda:
            GPU if CONFIG.jobs.gpu else CPU
        resources:
            **resources_of("pretrain", n_seeds=max(1, len(BLOCK))),
        params:
            settings=lambda w: settings(
                slices.pretraining_slice(PLAN, w.taskset, w.architecture, w.pretraining)
            ),
            code=lambda w: code("train_network.py", model_of(w)),
            seeds=lambda w, output: seeds_of_files(output.checkpoints),
            resume=lambda w, output: resume_files("pretraining", w, output.checkpoints),
            initial="",
        shell:
            TRAIN

    rule:
        name:
            share_settings("train", "_".join(["train", *map(str, BLOCK)]))
        input:
            train=lambda w: FILES.training_trials(w.taskset, w.curriculum, "train"),
            validation=lambda w: FILES.training_trials(w.taskset, w.curriculum, "validation"),
            initial=lambda w, block=BLOCK: [
                path
                for seed in seeds_of_block(w, block)
                for path in FILES.initial(w.taskset, w.architecture, w.curriculum, seed)
            ],
        output:
            checkpoints=of_block(LAYOUT.checkpoints("training"), BLOCK),
            history=of_block(LAYOUT.history("training"), BLOCK),
        log:
            f"{LOGS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{block_name(BLOCK)}.log",
        benchmark:
            f"{BENCHMARKS}/train/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{block_name(BLOCK)}.tsv"
        wildcard_constraints:
            seed=SINGLE,
        conda:
            GPU if CONFIG.jobs.gpu else CPU
        resources:
            **resources_of("train", n_seeds=max(1, len(BLOCK))),
        params:
            settings=lambda w: settings(slices.training_slice(PLAN, subject(w))),
            code=lambda w: code("train_network.py", model_of(w)),
            seeds=lambda w, output: seeds_of_files(output.checkpoints),
            resume=lambda w, output: resume_files("training", w, output.checkpoints),
            initial=lambda w, input: (
                f"--initial {shlex.join(input.initial)}" if input.get("initial") else ""
            ),
        shell:
            TRAIN

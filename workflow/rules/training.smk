# One job per network, or per block of seeds. Curricula with the same pretraining share one pretrained network.

# A rule's outputs cannot depend on a wildcard: each block of several seeds has a rule of its own, and all
# seeds that have a job to themselves share the rule without a block. Pretraining and training differ in what
# their stages say alone.
for STAGE in [
    *PIPELINE.pretraining.blocks(),
    *PIPELINE.training.blocks(),
    *AUDIT.training_stages(),
]:

    rule:
        """A training or pretraining run: a network, or a block of seeds."""
        name:
            share_settings(STAGE.profile_rule, STAGE.rule_name)
        input:
            unpack(STAGE.inputs),
        output:
            checkpoints=STAGE.block_patterns("checkpoints"),
            history=STAGE.block_patterns("history"),
        log:
            STAGE.log,
        benchmark:
            STAGE.benchmark
        wildcard_constraints:
            seed=STAGE.single_seeds,
            architecture=STAGE.architectures,
        conda:
            GPU if CONFIG.jobs.gpu else CPU
        resources:
            **STAGE.resources,
        params:
            settings=STAGE.settings,
            code=STAGE.code,
            together=STAGE.together,
            seeds=STAGE.seeds,
            resume=STAGE.resume,
            resume_every=STAGE.resume_every,
            initial=STAGE.initial,
            gpu=STAGE.gpu_option,
        shell:
            'python "$WARPLINE_SCRIPTS/train_network.py" --settings {params.settings:q} --code {params.code}'
            " --train {input.train:q} --validation {input.validation:q} --seeds {params.seeds} {params.initial}"
            " --resume {params.resume:q} --resume-every {params.resume_every} {params.gpu}"
            " --checkpoints {output.checkpoints:q} --history {output.history:q} > {log:q} 2>&1"


# A network whose weights a file holds, evaluated and kept as a run of one checkpoint. The file is no input: its
# SHA-256 stands in the settings, so that a time stamp re-runs nothing.
GIVEN = PIPELINE.given


rule import_network:
    """A network whose weights a file holds, evaluated."""
    input:
        unpack(GIVEN.inputs),
    output:
        **GIVEN.patterns,
    log:
        GIVEN.log,
    benchmark:
        GIVEN.benchmark
    wildcard_constraints:
        architecture=GIVEN.architectures,
    conda:
        CPU
    resources:
        **GIVEN.resources,
    params:
        settings=GIVEN.settings,
        code=GIVEN.code,
    shell:
        'python "$WARPLINE_SCRIPTS/import_network.py" --settings {params.settings:q} --code {params.code}'
        " --validation {input.validation:q} --seed {wildcards.seed}"
        " --checkpoints {output.checkpoints:q} --history {output.history:q} > {log:q} 2>&1"

# The audit: networks under several protocols, each one switch from the right or from the published one. The rules
# are those of the stages, with the protocol as a wildcard; training.smk has those of training.


use rule generate_trials as audit_generate_trials with:
    output:
        **AUDIT.trials.patterns,
    log:
        AUDIT.trials.log,
    benchmark:
        AUDIT.trials.benchmark
    params:
        settings=AUDIT.trials.settings,
        code=AUDIT.trials.code,


use rule generate_evaluation_trials as audit_generate_evaluation_trials with:
    output:
        **AUDIT.evaluation_trials.patterns,
    log:
        AUDIT.evaluation_trials.log,
    benchmark:
        AUDIT.evaluation_trials.benchmark
    params:
        settings=AUDIT.evaluation_trials.settings,
        code=AUDIT.evaluation_trials.code,


use rule compute_trajectories as audit_compute_trajectories with:
    input:
        unpack(AUDIT.trajectories.inputs),
    output:
        **AUDIT.trajectories.patterns,
    log:
        AUDIT.trajectories.log,
    benchmark:
        AUDIT.trajectories.benchmark
    params:
        settings=AUDIT.trajectories.settings,
        code=AUDIT.trajectories.code,
        seeds=seeds_of,
        means=AUDIT.trajectories.means_option,


use rule choose_dsa as audit_choose_dsa with:
    input:
        unpack(AUDIT.choice.inputs),
    output:
        **AUDIT.choice.patterns,
    log:
        AUDIT.choice.log,
    benchmark:
        AUDIT.choice.benchmark
    params:
        settings=AUDIT.choice.settings,
        code=AUDIT.choice.code,
        seeds=AUDIT.choice.chosen_seeds,


# Of the four tables of a comparison the one after learning alone: the reference solver takes seconds a pair.
rule audit_compare_networks:
    """Dissimilarities after learning under one protocol."""
    input:
        unpack(AUDIT.comparisons.inputs),
    output:
        AUDIT.comparisons.pattern(),
    log:
        AUDIT.comparisons.log,
    benchmark:
        AUDIT.comparisons.benchmark
    wildcard_constraints:
        measure=alternatives(PLAN.all_measures),
    conda:
        CPU
    resources:
        **AUDIT.comparisons.resources,
    params:
        settings=AUDIT.comparisons.settings,
        code=AUDIT.comparisons.code,
        seeds=seeds_of,
        inputs=as_options,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_networks.py" --settings {params.settings:q} --code {params.code}'
        " {params.inputs} --seeds {params.seeds} --after {output:q} > {log:q} 2>&1"


TABULATE_PROTOCOL = AUDIT.effects
GATHER_AUDIT = AUDIT.table


rule tabulate_protocol:
    """Effects of one protocol: accuracy, dissimilarities, power of the measures."""
    input:
        unpack(TABULATE_PROTOCOL.inputs),
    output:
        **TABULATE_PROTOCOL.patterns,
    log:
        TABULATE_PROTOCOL.log,
    benchmark:
        TABULATE_PROTOCOL.benchmark
    conda:
        CPU
    resources:
        **TABULATE_PROTOCOL.resources,
    params:
        settings=TABULATE_PROTOCOL.settings,
        code=TABULATE_PROTOCOL.code,
    shell:
        'python "$WARPLINE_SCRIPTS/tabulate_protocol.py" --settings {params.settings:q} --code {params.code}'
        " --after %<(printf '%s\\n' {input.after:q}) --trajectories %<(printf '%s\\n' {input.trajectories:q})"
        " --output {output:q} > {log:q} 2>&1"


rule gather_audit:
    """The effects of all protocols in one table."""
    input:
        unpack(GATHER_AUDIT.inputs),
    output:
        **GATHER_AUDIT.patterns,
    log:
        GATHER_AUDIT.log,
    benchmark:
        GATHER_AUDIT.benchmark
    conda:
        CPU
    resources:
        **GATHER_AUDIT.resources,
    params:
        settings=GATHER_AUDIT.settings,
        code=GATHER_AUDIT.code,
    shell:
        'python "$WARPLINE_SCRIPTS/gather_audit.py" --settings {params.settings:q} --code {params.code}'
        " --effects {input.effects:q} --output {output:q} > {log:q} 2>&1"

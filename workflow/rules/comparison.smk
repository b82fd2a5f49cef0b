# Dissimilarities. One job per measure, architecture and block of seeds makes all its matrices, because
# they share what the measure fits to each network.


rule compare_networks:
    input:
        trajectories=lambda w: FILES.trajectories_up_to(w.taskset, w.architecture, w.seeds),
    output:
        **{kind: LAYOUT.comparison(kind) for kind in COMPARISON_TABLES},
    log:
        f"{LOGS}/compare_networks/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_networks/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.tsv"
    conda:
        CPU
    resources:
        **resources_of("compare_networks"),
    params:
        settings=lambda w: settings(slices.comparison_slice(PLAN, w.measure)),
        code=lambda w: code("compare_networks.py", measure_of(w)),
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_networks.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
        " --after {output.after:q} --over {output.over:q} --within {output.within:q}"
        " --controls {output.controls:q} > {log:q} 2>&1"


rule compare_architectures:
    input:
        trajectories=lambda w: FILES.trajectories_between(w.taskset, w.seeds),
    output:
        LAYOUT.architectures,
    log:
        f"{LOGS}/compare_architectures/{{measure}}/{{taskset}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_architectures/{{measure}}/{{taskset}}/seed~{{seeds}}.tsv"
    conda:
        CPU
    resources:
        **resources_of("compare_architectures"),
    params:
        settings=lambda w: settings(slices.architectures_slice(PLAN, w.measure)),
        code=lambda w: code("compare_architectures.py", measure_of(w)),
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/compare_architectures.py" --settings {params.settings:q} --code {params.code}'
        " --trajectories {input.trajectories:q} --seeds {params.seeds}"
        " --output {output:q} > {log:q} 2>&1"

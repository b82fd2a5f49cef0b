# Metric warping: each analysis of a block of networks is a job; then numbers over seeds, and figures.

from warpline.pipeline import warping_slices
from warpline.pipeline.warping_files import Warping

WARPING = Warping(FILES)


rule analyse_warping:
    input:
        lambda w: WARPING.networks(w.analysis, w.seeds),
    output:
        arrays=LAYOUT.warping("nc"),
        numbers=LAYOUT.warping("csv"),
    log:
        f"{LOGS}/analyse_warping/{{analysis}}/seed~{{seeds}}.log",
    benchmark:
        f"{BENCHMARKS}/analyse_warping/{{analysis}}/seed~{{seeds}}.tsv"
    wildcard_constraints:
        analysis=alternatives(WARPING.analyses),
    conda:
        CPU
    resources:
        **resources_of("analyse_warping"),
    params:
        settings=lambda w: settings(warping_slices.analysis_slice(PLAN, w.analysis)),
        code=analysis_code,
        seeds=seeds_of,
    shell:
        'python "$WARPLINE_SCRIPTS/analyse_warping.py" --settings {params.settings:q} --code {params.code}'
        " --checkpoints {input:q} --seeds {params.seeds}"
        " --arrays {output.arrays:q} --numbers {output.numbers:q} > {log:q} 2>&1"


rule summarise_warping:
    input:
        lambda w: WARPING.numbers(w.analysis),
    output:
        WARPING.summary("{analysis}"),
    log:
        f"{LOGS}/summarise_warping/{{analysis}}.log",
    benchmark:
        f"{BENCHMARKS}/summarise_warping/{{analysis}}.tsv"
    wildcard_constraints:
        analysis=alternatives(WARPING.analyses),
    conda:
        CPU
    resources:
        **resources_of("summarise_warping"),
    params:
        settings=settings(warping_slices.summary_slice(PLAN)),
        code=code("summarise_warping.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/summarise_warping.py" --settings {params.settings:q}'
        " --code {params.code} --numbers {input:q} --output {output:q} > {log:q} 2>&1"


rule relate_learning:
    input:
        numbers=lambda w: WARPING.numbers(w.analysis),
        over=lambda w: WARPING.dissimilarities(w.analysis),
    output:
        WARPING.relations("{analysis}"),
    log:
        f"{LOGS}/relate_learning/{{analysis}}.log",
    benchmark:
        f"{BENCHMARKS}/relate_learning/{{analysis}}.tsv"
    wildcard_constraints:
        analysis=alternatives(WARPING.analyses),
    conda:
        CPU
    resources:
        **resources_of("relate_learning"),
    params:
        settings=lambda w: settings(
            {
                **warping_slices.summary_slice(PLAN),
                "curriculum": WARPING.analyses[w.analysis].curriculum,
            }
        ),
        code=code("relate_learning.py"),
    shell:
        'python "$WARPLINE_SCRIPTS/relate_learning.py" --settings {params.settings:q}'
        " --code {params.code} --numbers {input.numbers:q} --over {input.over:q}"
        " --output {output:q} > {log:q} 2>&1"


# A rule per figure, alike but for what they read.
for figure in WARPING.figures():

    rule:
        name:
            f"draw_warping_{figure.analysis}_{figure.script}"
        input:
            **figure.inputs,
        output:
            svg=report(
                f"{WARPING.path(figure)}.svg",
                caption=f"../report/warping_{figure.script}.rst",
                category="7. Metric warping",
                labels={"figure": figure.shows, "analysis": figure.analysis},
            ),
            png=f"{WARPING.path(figure)}.png",
        log:
            f"{LOGS}/draw_warping/{figure.analysis}/{figure.script}.log",
        group:
            "figures"
        conda:
            CPU
        resources:
            **resources_of("draw_warping_*"),
        params:
            script=f"warping_{figure.script}",
            inputs=as_options,
            settings=settings(warping_slices.figure_slice(PLAN, figure.analysis)),
            code=figure_code(f"warping_{figure.script}"),
        shell:
            DRAW

# One rule and one script per figure, alike but for what they read: warpline.pipeline.stages says what. On a
# cluster several are drawn in one job (group), because each takes seconds.

DRAWINGS = {**PIPELINE.drawings, "audit": AUDIT.drawing}

for PART, FIGURES in {**PIPELINE.figures_by_part, "audit": list(AUDIT.figures())}.items():
    for FIGURE in FIGURES:

        rule:
            name:
                FIGURE.rule
            input:
                unpack(FIGURE.inputs),
            output:
                svg=report(
                    f"{PLAN.results.at(FIGURE.output)}.svg",
                    caption=f"../report/{FIGURE.caption}",
                    category=FIGURE.category,
                    labels=dict(FIGURE.labels),
                ),
                png=f"{PLAN.results.at(FIGURE.output)}.png",
                pdf=f"{PLAN.results.at(FIGURE.output)}.pdf",
            log:
                f"logs/{CONFIG.name}/{FIGURE.log}.log",
            group:
                figures_group
            conda:
                CPU
            resources:
                **DRAWINGS[PART].resources,
            params:
                script=FIGURE.command,
                inputs=as_options,
                settings=FIGURE.settings_json,
                code=FIGURE.code(),
            shell:
                "python {params.script} --settings {params.settings:q} --code {params.code}"
                " {params.inputs} --svg {output.svg:q} --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"

        # A docstring in a rule cannot depend on a variable: what `snakemake --list` says of each figure.
        if rules.has(FIGURE.rule):
            getattr(rules, FIGURE.rule).rule.docstring = (
                f"Figure: {dict(FIGURE.labels)['figure']}."
            )

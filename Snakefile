# Run from this folder: snakemake --cores 2 --configfile config/demo.yaml
include: "workflow/Snakefile"


# Here and not in workflow/Snakefile: an included file cannot set the default target.
rule all:
    default_target: True
    input:
        FILES.all_tables(),
        FILES.all_figures(),
        WARPING.all_warping(),
        BENCH.all_attractors() if CONFIG.run.attractors else [],
    localrule: True

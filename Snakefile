# Run from this folder: snakemake --cores 2 --configfile config/demo.yaml
include: "workflow/Snakefile"


# Here and not in workflow/Snakefile: an included file cannot set the default target.
rule all:
    default_target: True
    input:
        PIPELINE.statistics.all_tables(),
        PIPELINE.drawings["figures"].files(),
        PIPELINE.all_warping(),
        PIPELINE.all_datasets(),
        PIPELINE.all_attractors() if CONFIG.run.attractors else [],
        PIPELINE.claims.all_outputs(),
        PIPELINE.explorer.files(),
    localrule: True

# Run from this folder: snakemake --cores 2 --configfile config/demo.yaml
include: "workflow/Snakefile"


# Snakemake takes no default target from a file that is included.
workflow.default_target = "all"

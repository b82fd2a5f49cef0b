# Means, intervals and tests over networks, and a row for every run.

from warpline.core.table_names import STATISTICS_TABLES
from warpline.pipeline import report_order

STATISTICS = PIPELINE.statistics


rule compute_statistics:
    """Means, intervals and tests over networks of a task set, and a row for every run."""
    input:
        unpack(STATISTICS.inputs),
    output:
        **{table: STATISTICS.pattern(table) for table in STATISTICS_TABLES},
        page=report(
            STATISTICS.pattern("page"),
            caption="../report/tables.rst",
            category=report_order.TABLES,
            labels={"table": "runs, dissimilarities, tests, controls", "task set": "{taskset}"},
        ),
    log:
        STATISTICS.log,
    benchmark:
        STATISTICS.benchmark
    conda:
        CPU
    resources:
        **STATISTICS.resources,
    params:
        settings=STATISTICS.settings,
        code=STATISTICS.code,
    shell:
        'python "$WARPLINE_SCRIPTS/compute_statistics.py" --settings {params.settings:q} --code {params.code}'
        " --history %<(printf '%s\\n' {input.history:q}) --after %<(printf '%s\\n' {input.after:q}) --over %<(printf '%s\\n' {input.over:q})"
        " --control-rows %<(printf '%s\\n' {input.controls:q})"
        " --runs {output.runs:q} --summary {output.summary:q} --tests {output.tests:q}"
        " --controls {output.controls:q} --learning {output.learning:q}"
        " --page {output.page:q} > {log:q} 2>&1"

# The claims of the two papers, judged on all tables of the run.

from warpline.pipeline import report_order

# Those of the audit, too, where the configuration asks for them.
CLAIMS = AUDIT.claims


rule judge_claims:
    """Verdicts on the claims of both papers, from all tables of the run."""
    input:
        unpack(CLAIMS.inputs),
    output:
        claims=CLAIMS.pattern("claims"),
        published=CLAIMS.pattern("published"),
        page=report(
            CLAIMS.pattern("page"),
            caption="../report/claims.rst",
            category=report_order.CLAIMS,
            labels={"table": "claims of the papers, and verdicts"},
        ),
    log:
        CLAIMS.log,
    benchmark:
        CLAIMS.benchmark
    conda:
        CPU
    resources:
        **CLAIMS.resources,
    params:
        inputs=CLAIMS.options,
        settings=CLAIMS.settings,
        code=CLAIMS.code,
    shell:
        'python "$WARPLINE_SCRIPTS/judge_claims.py" --settings {params.settings:q} --code {params.code}'
        ' {params.inputs} --means "$WARPLINE_SCRIPTS/../config/published_rnn_pdm.csv" --claims {output.claims:q}'
        " --published {output.published:q} --page {output.page:q} > {log:q} 2>&1"

rule record_config:
    output:
        "<run>/config.json",
    log:
        "<run>/logs/record_config.log",
    localrule: True
    conda:
        "../../envs/run.yaml"
    params:
        cfg=lambda w: json.dumps(config, indent=1),  # may hold what looks like wildcards
    shell:
        "printf '%s' {params.cfg:q} > {output:q} 2> {log:q}"


use rule step from local as report with:
    input:
        shown=[*REPORTED, *REPORTED_COMPARISON],
        disjoint=["<run>/data/disjoint.json", *DISJOINT_COMPARISON],
        config="<run>/config.json",
    output:
        "<run>/report.html",
    pathvars:
        per="all",
    params:
        command=report_command,


use rule step from local as report_two_branch with:
    input:
        shown=REPORTED_COMPARISON,
        disjoint=DISJOINT_COMPARISON,
        config="<run>/config.json",
    output:
        "<comparison>/report.html",
    pathvars:
        per="all",
    params:
        command=report_command,


rule two_branch:
    input:
        comparison_report,

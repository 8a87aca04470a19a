rule record_config:
    output:
        f"{RUN}/config.json",
    log:
        f"{RUN}/logs/record_config.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        cfg=lambda w: json.dumps(config, indent=1),  # may hold what looks like wildcards
    shell:
        "printf '%s' {params.cfg:q} > {output:q} 2> {log:q}"


# the report is made by a second Snakemake, which reads the same workflow under the same config;
# the first one holds the lock meanwhile
rule report:
    input:
        FIGURES,
        TABLES,
        COMPARED_PHOTOGRAPHS,
        [f"{COMPARISON}/data/disjoint.json"] if SETTINGS else [],
        config=f"{RUN}/config.json",
    output:
        f"{RUN}/report.html",
    log:
        f"{RUN}/logs/report.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        snakefile=os.path.relpath(HOME / "workflow/Snakefile"),
        targets=[*FIGURES, *TABLES],
    shell:
        "snakemake {params.targets:q} --snakefile {params.snakefile:q}"
        " --configfile {input.config:q} --report {output:q} --nolock > {log:q} 2>&1"


use rule report as report_two_branch with:
    input:
        **TWO_BRANCH_TARGETS,
        disjoint=f"{COMPARISON}/data/disjoint.json",
        config=f"{RUN}/config.json",
    output:
        f"{COMPARISON}/report.html",
    log:
        f"{RUN}/logs/report_two_branch.log",
    params:
        snakefile=os.path.relpath(HOME / "workflow/Snakefile"),
        targets=sum(TWO_BRANCH_TARGETS.values(), []),


rule two_branch:
    input:
        two_branch_report,

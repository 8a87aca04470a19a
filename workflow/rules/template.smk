# what is the same for all steps: common.smk makes of it what they use, here or on a cluster. This
# file is read for each of them
STEP = workflow.modifier.modify_rulename("step")


rule step:
    log:
        f"<run>/logs/{STEP}/<per>.log",
    benchmark:
        f"<run>/usage/{STEP}/<per>.tsv"
    localrule: config["local"]
    conda:
        "../../envs/run.yaml"
    threads: config["threads"]
    resources:
        **config["resources"],
    shell:
        "{params.command} > {log:q} 2>&1"


# below the rule, or they would not reach wildcards within pathvars
wildcard_constraints:
    **config["constraints"],

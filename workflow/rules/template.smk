# what is the same for all steps: common.smk makes of it what they use, here or on a cluster. This
# file is read for each of them
STEP = workflow.modifier.modify_rulename("step")

# `localrule:` in the rule would be lost where it is used: `with:` sets what it does not name to False
if config["local"]:
    workflow.localrules(STEP)


rule step:
    log:
        f"<run>/logs/{STEP}/<per>.log",
    benchmark:
        f"<run>/usage/{STEP}/<per>.tsv"
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

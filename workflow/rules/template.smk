# what is the same for all steps: common.smk makes of it what they use, here or on a cluster
wildcard_constraints:
    **config["constraints"],


rule step:
    log:
        "<run>/logs/<step>/<per>.log",
    benchmark:
        "<run>/usage/<step>/<per>.tsv"
    localrule: config["local"]
    conda:
        "../../envs/run.yaml"
    threads: config["threads"]
    resources:
        **config["resources"],
    shell:
        "{params.command} > {log:q} 2>&1"

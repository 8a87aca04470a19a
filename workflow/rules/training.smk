# stages whose weights the user gives, by network; all others are trained
GIVEN = {
    (name, stage): network[stage]
    for name, network in config["networks"].items()
    for stage in STAGES
    if network[stage]
}


def trained(stage):
    """Networks of which this stage is trained."""
    return names(name for name in NETWORKS if (name, stage) not in GIVEN)


rule import_checkpoint:
    input:
        code=network_code("import_checkpoint"),
        checkpoint=lambda w: GIVEN[w.network, w.stage],
    output:
        MODEL + "/{stage}.safetensors",
    log:
        RUN + "/logs/import_checkpoint/{network}.{seed}.{stage}.log",
    benchmark:
        RUN + "/benchmarks/import_checkpoint/{network}.{seed}.{stage}.tsv"
    conda:
        ENVIRONMENT
    params:
        cfg=lambda w: section.imported(w.network),
    shell:
        "python {SCRIPTS}/import_checkpoint.py --config {params.cfg:q}"
        " --checkpoint {input.checkpoint:q} --output {output:q} > {log:q} 2>&1"


rule export_checkpoint:
    input:
        code=code("export_checkpoint"),
        weights=MODEL + "/{stage}.safetensors",
    output:
        MODEL + "/{stage}.pth",
    log:
        RUN + "/logs/export_checkpoint/{network}.{seed}.{stage}.log",
    benchmark:
        RUN + "/benchmarks/export_checkpoint/{network}.{seed}.{stage}.tsv"
    conda:
        ENVIRONMENT
    shell:
        "python {SCRIPTS}/export_checkpoint.py --weights {input.weights:q}"
        " --output {output:q} > {log:q} 2>&1"


rule train_baseline:
    input:
        code=network_code("train"),
        data=f"{RUN}/data/{config['data']['train']}.h5",
        validation=f"{RUN}/data/{config['data']['validation']}.h5",
    output:
        weights=MODEL + "/baseline.safetensors",
        history=MODEL + "/baseline_history.parquet",
    log:
        RUN + "/logs/train_baseline/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/train_baseline/{network}.{seed}.tsv"
    wildcard_constraints:
        network=trained("baseline"),
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.training(w.network, w.seed, "baseline"),
    shell:
        "python {SCRIPTS}/train.py --config {params.cfg:q} --threads {threads}"
        " --data {input.data:q} --validation {input.validation:q}"
        " --output {output.weights:q} --history {output.history:q} > {log:q} 2>&1"


rule train_target:
    input:
        code=network_code("train"),
        data=f"{RUN}/data/{config['data']['train']}.h5",
        validation=f"{RUN}/data/{config['data']['validation']}.h5",
        baseline=MODEL + "/baseline.safetensors",
    output:
        weights=MODEL + "/target.safetensors",
        history=MODEL + "/target_history.parquet",
    log:
        RUN + "/logs/train_target/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/train_target/{network}.{seed}.tsv"
    wildcard_constraints:
        network=trained("target"),
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.training(w.network, w.seed, "target"),
    shell:
        "python {SCRIPTS}/train.py --config {params.cfg:q} --threads {threads}"
        " --data {input.data:q} --validation {input.validation:q}"
        " --start {input.baseline:q}"
        " --output {output.weights:q} --history {output.history:q} > {log:q} 2>&1"


ruleorder: train_baseline > train_target > import_checkpoint

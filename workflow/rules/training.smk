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

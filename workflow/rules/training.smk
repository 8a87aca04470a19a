rule import_checkpoint:
    input:
        checkpoint=lambda w: GIVEN.get((w.network, w.stage), []),
    output:
        f"{MODEL}/{{stage}}.safetensors",
    log:
        f"{RUN}/logs/import_checkpoint/{{network}}.{{seed}}.{{stage}}.log",
    benchmark:
        f"{RUN}/benchmarks/import_checkpoint/{{network}}.{{seed}}.{{stage}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **network_program("import_checkpoint"),
        cfg=lambda w: section.imported(w.network),
    shell:
        "python {params.script:q} --config {params.cfg:q}"
        " --checkpoint {input.checkpoint:q} --output {output:q} > {log:q} 2>&1"


rule export_checkpoint:
    input:
        weights=f"{MODEL}/{{stage}}.safetensors",
    output:
        f"{MODEL}/{{stage}}.pth",
    log:
        f"{RUN}/logs/export_checkpoint/{{network}}.{{seed}}.{{stage}}.log",
    benchmark:
        f"{RUN}/benchmarks/export_checkpoint/{{network}}.{{seed}}.{{stage}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **network_program("export_checkpoint"),
    shell:
        "python {params.script:q} --weights {input.weights:q}"
        " --output {output:q} > {log:q} 2>&1"


rule train_baseline:
    input:
        data=f"{RUN}/data/{config['data']['train']}.h5",
        validation=f"{RUN}/data/{config['data']['validation']}.h5",
    output:
        weights=f"{MODEL}/baseline.safetensors",
        history=f"{MODEL}/baseline_history.parquet",
    log:
        f"{RUN}/logs/train_baseline/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/train_baseline/{{network}}.{{seed}}.tsv"
    wildcard_constraints:
        network=trained("baseline"),
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("train_baseline"),
        gpu=GPU,
    params:
        **network_program("train"),
        cfg=lambda w: section.training(w.network, w.seed, "baseline"),
        cache=CACHE,
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --data {input.data:q} --validation {input.validation:q}"
        " --output {output.weights:q} --history {output.history:q}"
        " --cache {params.cache:q} --code {params.code} > {log:q} 2>&1"


rule train_target:
    input:
        data=f"{RUN}/data/{config['data']['train']}.h5",
        validation=f"{RUN}/data/{config['data']['validation']}.h5",
        baseline=f"{MODEL}/baseline.safetensors",
    output:
        weights=f"{MODEL}/target.safetensors",
        history=f"{MODEL}/target_history.parquet",
    log:
        f"{RUN}/logs/train_target/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/train_target/{{network}}.{{seed}}.tsv"
    wildcard_constraints:
        network=trained("target"),
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("train_target"),
        gpu=GPU,
    params:
        **network_program("train"),
        cfg=lambda w: section.training(w.network, w.seed, "target"),
        cache=CACHE,
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --data {input.data:q} --validation {input.validation:q}"
        " --start {input.baseline:q}"
        " --output {output.weights:q} --history {output.history:q}"
        " --cache {params.cache:q} --code {params.code} > {log:q} 2>&1"


ruleorder: train_baseline > train_target > import_checkpoint

rule evaluate:
    input:
        **PAIR,
        data=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{RUN}/ablation/{{network}}/seed{{seed}}/reference.parquet",
    log:
        f"{RUN}/logs/evaluate/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate/{{network}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("evaluate"),
        gpu=GPU,
    params:
        **network_program("evaluate"),
        cfg=lambda w: section.evaluation(w.network),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"


rule mask:
    input:
        **PAIR,
        rankings=expand(
            f"{RUN}/ranking/{{network}}/seed{{seed}}/{{method}}.parquet",
            method=RANKINGS,
            allow_missing=True,
        ),
        data=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{RUN}/ablation/{{network}}/seed{{seed}}/mask.parquet",
    log:
        f"{RUN}/logs/mask/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/mask/{{network}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("mask"),
        gpu=GPU,
    params:
        **network_program("mask"),
        cfg=lambda w: section.masking(w.network),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --rankings {input.rankings:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule retrain:
    input:
        baseline=PAIR["baseline"],
        ranking=f"{RUN}/ranking/{{network}}/seed{{seed}}/{{method}}.parquet",
        data=f"{RUN}/data/{config['data']['train']}.h5",
        test=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{RUN}/ablation/{{network}}/seed{{seed}}/retrain/{{method}}.parquet",
    log:
        f"{RUN}/logs/retrain/{{network}}.{{seed}}.{{method}}.log",
    benchmark:
        f"{RUN}/benchmarks/retrain/{{network}}.{{seed}}.{{method}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("retrain"),
        gpu=GPU,
    params:
        **network_program("retrain"),
        cfg=lambda w: section.retraining(w.network, w.seed),
        cache=CACHE,
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --ranking {input.ranking:q}"
        " --data {input.data:q} --test {input.test:q} --output {output:q}"
        " --cache {params.cache:q} --code {params.code} > {log:q} 2>&1"


rule gather_retrained:
    input:
        tables=expand(
            f"{RUN}/ablation/{{network}}/seed{{seed}}/retrain/{{method}}.parquet",
            method=RANKINGS,
            allow_missing=True,
        ),
    output:
        f"{RUN}/ablation/{{network}}/seed{{seed}}/retrain.parquet",
    log:
        f"{RUN}/logs/gather_retrained/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/gather_retrained/{{network}}.{{seed}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("concatenate"),
    shell:
        "python {params.script:q} --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"

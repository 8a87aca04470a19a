rule evaluate:
    input:
        **PAIR,
        script=f"{SCRIPTS}/evaluate.py",
        code=network_code("evaluate"),
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
        cfg=lambda w: section.evaluation(w.network),
    shell:
        "python {input.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"


rule mask:
    input:
        **PAIR,
        script=f"{SCRIPTS}/mask.py",
        code=network_code("mask"),
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
        cfg=lambda w: section.masking(w.network),
    shell:
        "python {input.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --rankings {input.rankings:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule retrain:
    input:
        script=f"{SCRIPTS}/retrain.py",
        code=network_code("retrain"),
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
        cfg=lambda w: section.retraining(w.network, w.seed),
        cache=CACHE,
    shell:
        "python {input.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --ranking {input.ranking:q}"
        " --data {input.data:q} --test {input.test:q} --output {output:q}"
        " --cache {params.cache:q} --code {input.code:q} > {log:q} 2>&1"


rule gather_retrained:
    input:
        script=f"{SCRIPTS}/concatenate.py",
        code=code("concatenate"),
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
    shell:
        "python {input.script:q} --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"

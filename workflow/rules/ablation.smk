rule evaluate:
    input:
        **PAIR,
        code=network_code("evaluate"),
        data=expand(RUN + "/data/{dataset}.h5", dataset=TESTS),
    output:
        RUN + "/ablation/{network}/seed{seed}/reference.parquet",
    log:
        RUN + "/logs/evaluate/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/evaluate/{network}.{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.evaluation(w.network),
    shell:
        "python {SCRIPTS}/evaluate.py --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"


rule mask:
    input:
        **PAIR,
        code=network_code("mask"),
        rankings=expand(
            RUN + "/ranking/{network}/seed{seed}/{method}.parquet",
            method=RANKINGS,
            allow_missing=True,
        ),
        data=expand(RUN + "/data/{dataset}.h5", dataset=TESTS),
    output:
        RUN + "/ablation/{network}/seed{seed}/mask.parquet",
    log:
        RUN + "/logs/mask/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/mask/{network}.{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.masking(w.network),
    shell:
        "python {SCRIPTS}/mask.py --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --rankings {input.rankings:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule retrain:
    input:
        code=network_code("retrain"),
        baseline=PAIR["baseline"],
        ranking=RUN + "/ranking/{network}/seed{seed}/{method}.parquet",
        data=f"{RUN}/data/{config['data']['train']}.h5",
        test=expand(RUN + "/data/{dataset}.h5", dataset=TESTS),
    output:
        RUN + "/ablation/{network}/seed{seed}/retrain/{method}.parquet",
    log:
        RUN + "/logs/retrain/{network}.{seed}.{method}.log",
    benchmark:
        RUN + "/benchmarks/retrain/{network}.{seed}.{method}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.retraining(w.network, w.seed),
    shell:
        "python {SCRIPTS}/retrain.py --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --ranking {input.ranking:q}"
        " --data {input.data:q} --test {input.test:q}"
        " --output {output:q} > {log:q} 2>&1"


rule gather_retrained:
    input:
        code=code("concatenate"),
        tables=expand(
            RUN + "/ablation/{network}/seed{seed}/retrain/{method}.parquet",
            method=RANKINGS,
            allow_missing=True,
        ),
    output:
        RUN + "/ablation/{network}/seed{seed}/retrain.parquet",
    log:
        RUN + "/logs/gather_retrained/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/gather_retrained/{network}.{seed}.tsv"
    conda:
        ENVIRONMENT
    shell:
        "python {SCRIPTS}/concatenate.py --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"

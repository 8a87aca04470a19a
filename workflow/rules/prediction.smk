rule predict:
    input:
        **PAIR,
        ranking=f"{RUN}/ranking/{{network}}/seed{{seed}}/faig.parquet",
        calibration=f"{RUN}/data/{config['data']['validation']}.h5",
        data=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{RUN}/prediction/{{network}}/seed{{seed}}.parquet",
    log:
        f"{RUN}/logs/predict/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/predict/{{network}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("predict"),
        gpu=GPU,
    params:
        **network_program("predict"),
        cfg=lambda w: section.prediction(w.network),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --ranking {input.ranking:q} --calibration {input.calibration:q}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"

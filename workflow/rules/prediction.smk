rule predict:
    input:
        **PAIR,
        code=network_code("predict"),
        ranking=RUN + "/ranking/{network}/seed{seed}/faig.parquet",
        calibration=f"{RUN}/data/{config['data']['validation']}.h5",
        data=expand(RUN + "/data/{dataset}.h5", dataset=TESTS),
    output:
        RUN + "/prediction/{network}/seed{seed}.parquet",
    log:
        RUN + "/logs/predict/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/predict/{network}.{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.prediction(w.network),
    shell:
        "python {SCRIPTS}/predict.py --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --ranking {input.ranking:q} --calibration {input.calibration:q}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"

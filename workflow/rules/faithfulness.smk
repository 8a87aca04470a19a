rule measure_faithfulness:
    input:
        **PAIR,
        rankings=expand(
            f"{RUN}/ranking/{{network}}/seed{{seed}}/{{method}}.parquet",
            method=RANKINGS,
            allow_missing=True,
        ),
        data=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        sets=f"{FAITHFULNESS}/sets.parquet",
        effects=f"{FAITHFULNESS}/effects.parquet",
        league=f"{FAITHFULNESS}/league.parquet",
    log:
        f"{RUN}/logs/measure_faithfulness/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/measure_faithfulness/{{network}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("measure_faithfulness"),
        gpu=GPU,
    params:
        **network_program("measure_faithfulness"),
        cfg=lambda w: section.faithfulness(w.network, w.seed),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q}"
        " --rankings {input.rankings:q} --data {input.data:q}"
        " --effects {output.effects:q} --league {output.league:q}"
        " --output {output.sets:q} > {log:q} 2>&1"

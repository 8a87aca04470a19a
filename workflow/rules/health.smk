# a minute's look at each pair, before hours of attribution: it goes first where jobs wait
rule check_health:
    input:
        **PAIR,
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
    output:
        f"{RUN}/health/{{network}}/seed{{seed}}.parquet",
    log:
        f"{RUN}/logs/check_health/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/check_health/{{network}}.{{seed}}.tsv"
    priority: 1
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("check_health"),
        gpu=GPU,
    params:
        **network_program("check_health"),
        cfg=lambda w: section.health(w.network),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule health:
    input:
        expand(f"{RUN}/figures/health_{{network}}.png", network=NETWORKS),
        f"{RUN}/tables/health.csv",

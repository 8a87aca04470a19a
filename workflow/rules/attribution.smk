rule attribute:
    input:
        **PAIR,
        code=network_code("attribute"),
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
    output:
        RUN + "/attribution/{network}/seed{seed}/{method}.parquet",
    log:
        RUN + "/logs/attribute/{network}.{seed}.{method}.log",
    benchmark:
        RUN + "/benchmarks/attribute/{network}.{seed}.{method}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.attribution(w.network, w.seed, w.method),
    shell:
        "python {SCRIPTS}/attribute.py --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule rank:
    input:
        code=code("rank"),
        scores=RUN + "/attribution/{network}/seed{seed}/{method}.parquet",
    output:
        RUN + "/ranking/{network}/seed{seed}/{method}.parquet",
    log:
        RUN + "/logs/rank/{network}.{seed}.{method}.log",
    benchmark:
        RUN + "/benchmarks/rank/{network}.{seed}.{method}.tsv"
    conda:
        ENVIRONMENT
    shell:
        "python {SCRIPTS}/rank.py --scores {input.scores:q}"
        " --output {output:q} > {log:q} 2>&1"


rule match_random:
    input:
        code=code("match_random"),
        ranking=RUN + "/ranking/{network}/seed{seed}/faig.parquet",
    output:
        RUN + "/ranking/{network}/seed{seed}/matched_random.parquet",
    log:
        RUN + "/logs/match_random/{network}.{seed}.log",
    benchmark:
        RUN + "/benchmarks/match_random/{network}.{seed}.tsv"
    conda:
        ENVIRONMENT
    params:
        cfg=lambda w: section.matched_random(w.seed),
    shell:
        "python {SCRIPTS}/match_random.py --config {params.cfg:q}"
        " --ranking {input.ranking:q} --output {output:q} > {log:q} 2>&1"


ruleorder: match_random > rank

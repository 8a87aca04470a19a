rule attribute:
    input:
        **PAIR,
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
    output:
        f"{RUN}/attribution/{{network}}/seed{{seed}}/{{method}}.parquet",
    log:
        f"{RUN}/logs/attribute/{{network}}.{{seed}}.{{method}}.log",
    benchmark:
        f"{RUN}/benchmarks/attribute/{{network}}.{{seed}}.{{method}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("attribute"),
        gpu=GPU,
    params:
        **network_program("attribute"),
        cfg=lambda w: section.attribution(w.network, w.seed, w.method),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule rank:
    input:
        scores=f"{RUN}/attribution/{{network}}/seed{{seed}}/{{method}}.parquet",
    output:
        f"{RUN}/ranking/{{network}}/seed{{seed}}/{{method}}.parquet",
    log:
        f"{RUN}/logs/rank/{{network}}.{{seed}}.{{method}}.log",
    benchmark:
        f"{RUN}/benchmarks/rank/{{network}}.{{seed}}.{{method}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("rank"),
    shell:
        "python {params.script:q} --scores {input.scores:q}"
        " --output {output:q} > {log:q} 2>&1"


rule match_random:
    input:
        ranking=f"{RUN}/ranking/{{network}}/seed{{seed}}/faig.parquet",
    output:
        f"{RUN}/ranking/{{network}}/seed{{seed}}/matched_random.parquet",
    log:
        f"{RUN}/logs/match_random/{{network}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/match_random/{{network}}.{{seed}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("match_random"),
        cfg=lambda w: section.matched_random(w.seed),
    shell:
        "python {params.script:q} --config {params.cfg:q}"
        " --ranking {input.ranking:q} --output {output:q} > {log:q} 2>&1"


ruleorder: match_random > rank

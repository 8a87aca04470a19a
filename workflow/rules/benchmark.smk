BENCHMARK = f"{RUN}/benchmark"
# the figures of the benchmark, with the tables that they are made of; the exactness of the
# quadrature belongs to every run, the costs of attribution and training are measured on demand
BENCHMARK_SOURCES = {
    "quadrature": ("6 Exactness", ["quadrature"]),
    "benchmark": ("7 Benchmark", ["attribution", "quadrature"]),
    "training_benchmark": ("7 Benchmark", ["training"]),
}
FIGURES += expand(f"{RUN}/figures/quadrature_{{network}}.png", network=NETWORKS)


rule measure_quadrature:
    input:
        **{stage: first_seed(path)[0] for stage, path in PAIR.items()},
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
    output:
        f"{BENCHMARK}/{{network}}/quadrature.parquet",
    log:
        f"{RUN}/logs/measure_quadrature/{{network}}.log",
    benchmark:
        f"{RUN}/benchmarks/measure_quadrature/{{network}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("measure_quadrature"),
        gpu=GPU,
    params:
        **network_program("measure_quadrature"),
        cfg=lambda w: section.quadrature(w.network),
    shell:
        "python {params.script:q} {wildcards.network:q}"
        " --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule measure_attribution:
    input:
        **{stage: first_seed(path)[0] for stage, path in PAIR.items()},
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
        quadrature=f"{BENCHMARK}/{{network}}/quadrature.parquet",
    output:
        f"{BENCHMARK}/{{network}}/attribution.parquet",
    log:
        f"{RUN}/logs/measure_attribution/{{network}}.log",
    benchmark:
        f"{RUN}/benchmarks/measure_attribution/{{network}}.tsv"
    conda:
        ENVIRONMENT
    # all there are: nothing may run beside a timing
    threads: CORES
    resources:
        **request.resources("measure_attribution"),
        gpu=GPU,
    params:
        **network_program("benchmark_attribution"),
        cfg=lambda w: section.benchmark(w.network),
    shell:
        "python {params.script:q} {wildcards.network:q}"
        " --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --quadrature {input.quadrature:q} --output {output:q} > {log:q} 2>&1"


rule measure_training:
    input:
        data=f"{RUN}/data/{config['data']['train']}.h5",
    output:
        f"{BENCHMARK}/{{network}}/training.parquet",
    log:
        f"{RUN}/logs/measure_training/{{network}}.log",
    benchmark:
        f"{RUN}/benchmarks/measure_training/{{network}}.tsv"
    conda:
        ENVIRONMENT
    # all there are: nothing may run beside a timing
    threads: CORES
    resources:
        **request.resources("measure_training"),
        gpu=GPU,
    params:
        **network_program("benchmark_training"),
        cfg=lambda w: section.training_benchmark(w.network),
    shell:
        "python {params.script:q} {wildcards.network:q}"
        " --config {params.cfg:q} --threads {threads}"
        " --data {input.data:q} --output {output:q} > {log:q} 2>&1"


rule gather_measured:
    input:
        tables=expand(
            f"{BENCHMARK}/{{network}}/{{table}}.parquet",
            network=NETWORKS,
            allow_missing=True,
        ),
    output:
        f"{BENCHMARK}/{{table}}.parquet",
    log:
        f"{RUN}/logs/gather_measured/{{table}}.log",
    benchmark:
        f"{RUN}/benchmarks/gather_measured/{{table}}.tsv"
    wildcard_constraints:
        table="attribution|quadrature|training",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("concatenate"),
    shell:
        "python {params.script:q} --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"


for FIGURE, (CATEGORY, SOURCES) in BENCHMARK_SOURCES.items():

    rule:
        name:
            f"plot_{FIGURE}"
        input:
            **{name: [f"{BENCHMARK}/{{network}}/{name}.parquet"] for name in SOURCES},
        output:
            png=report(
                f"{RUN}/figures/{FIGURE}_{{network}}.png",
                caption=f"../report/{FIGURE}.rst",
                category=CATEGORY,
                labels=labels(FIGURE, "{network}"),
            ),
            pdf=f"{RUN}/figures/{FIGURE}_{{network}}.pdf",
        log:
            f"{RUN}/logs/plot_{FIGURE}/{{network}}.log",
        benchmark:
            f"{RUN}/benchmarks/plot_{FIGURE}/{{network}}.tsv"
        wildcard_constraints:
            network=names(NETWORKS),
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **program("plot"),
            figure=FIGURE,
            cfg=section.figures(),
            tables=lambda w, input: table_options(input, [w.network], SEEDS[:1]),
        shell:
            "python {params.script:q} {params.figure} --config {params.cfg:q} {params.tables}"
            " --output {output:q} > {log:q} 2>&1"


rule benchmark:
    input:
        expand(
            f"{BENCHMARK}/{{table}}.parquet",
            table=["attribution", "quadrature", "training"],
        ),
        expand(
            f"{RUN}/figures/{{figure}}_{{network}}.png",
            figure=BENCHMARK_SOURCES,
            network=NETWORKS,
        ),

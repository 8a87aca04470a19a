BENCHMARK = f"{RUN}/benchmark"
BENCHMARKED = ["attribution", "quadrature"]  # tables, and figures made of both


rule measure:
    input:
        **{stage: first_seed(path)[0] for stage, path in PAIR.items()},
        script=f"{SCRIPTS}/benchmark_attribution.py",
        code=network_code("benchmark_attribution"),
        data=f"{RUN}/data/{config['data']['attribution']}.h5",
    output:
        attribution=f"{BENCHMARK}/{{network}}/attribution.parquet",
        quadrature=f"{BENCHMARK}/{{network}}/quadrature.parquet",
    log:
        f"{RUN}/logs/measure/{{network}}.log",
    benchmark:
        f"{RUN}/benchmarks/measure/{{network}}.tsv"
    conda:
        ENVIRONMENT
    # all there are: nothing may run beside a timing
    threads: workflow.resource_settings.cores or 2
    resources:
        gpu=1,
    params:
        cfg=lambda w: section.benchmark(w.network),
    shell:
        "python {input.script:q} {wildcards.network:q}"
        " --config {params.cfg:q} --threads {threads}"
        " --baseline {input.baseline:q} --target {input.target:q} --data {input.data:q}"
        " --attribution {output.attribution:q} --quadrature {output.quadrature:q}"
        " > {log:q} 2>&1"


rule gather_measured:
    input:
        script=f"{SCRIPTS}/concatenate.py",
        code=code("concatenate"),
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
        table="|".join(BENCHMARKED),
    conda:
        ENVIRONMENT
    shell:
        "python {input.script:q} --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"


for FIGURE in BENCHMARKED:

    rule:
        name:
            f"plot_benchmark_{FIGURE}"
        input:
            script=f"{SCRIPTS}/plot_benchmark.py",
            code=code("plot_benchmark"),
            attribution=f"{BENCHMARK}/attribution.parquet",
            quadrature=f"{BENCHMARK}/quadrature.parquet",
        output:
            png=report(
                f"{RUN}/figures/benchmark_{FIGURE}_{{network}}.png",
                caption=f"../report/benchmark_{FIGURE}.rst",
                category="7 Benchmark",
                labels=labels(f"benchmark of {FIGURE}", "{network}"),
            ),
            pdf=f"{RUN}/figures/benchmark_{FIGURE}_{{network}}.pdf",
        log:
            f"{RUN}/logs/plot_benchmark_{FIGURE}/{{network}}.log",
        benchmark:
            f"{RUN}/benchmarks/plot_benchmark_{FIGURE}/{{network}}.tsv"
        wildcard_constraints:
            network="|".join(NETWORKS),
        conda:
            ENVIRONMENT
        params:
            figure=FIGURE,
            cfg=section.figures(),
        shell:
            "python {input.script:q} {params.figure} {wildcards.network:q}"
            " --config {params.cfg:q} --attribution {input.attribution:q}"
            " --quadrature {input.quadrature:q} --output {output:q} > {log:q} 2>&1"


rule benchmark:
    input:
        expand(f"{BENCHMARK}/{{table}}.parquet", table=BENCHMARKED),
        expand(
            f"{RUN}/figures/benchmark_{{figure}}_{{network}}.png",
            figure=BENCHMARKED,
            network=NETWORKS,
        ),

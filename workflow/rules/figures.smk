ABLATION = f"{RUN}/ablation/{{network}}/seed{{seed}}"
REFERENCE = {"reference": f"{ABLATION}/reference.parquet"}
MASKED = {"masked": f"{ABLATION}/mask.parquet"}
RETRAINED = {"retrained": f"{ABLATION}/retrain.parquet"}
PREDICTED = {"predicted": f"{RUN}/prediction/{{network}}/seed{{seed}}.parquet"}
HEALTH = {"health": f"{RUN}/health/{{network}}/seed{{seed}}.parquet"}
SETS = {"sets": f"{FAITHFULNESS}/sets.parquet"}
LEAGUE = {"league": f"{FAITHFULNESS}/league.parquet"}
ERRORS = {"errors": f"{RUN}/attribution/{{network}}/seed{{seed}}/faig.parquet"}
HISTORIES = {stage: f"{MODEL}/{stage}_history.parquet" for stage in STAGES}
RANKING = f"{RUN}/ranking/{{{{network}}}}/seed{{{{seed}}}}/{{method}}.parquet"
RANKED = {method: RANKING.format(method=method) for method in RANKINGS}
FAIG = {"faig": RANKED["faig"]}

# where the report shows a figure (one file per network) or table (one for all networks), and
# the tables that it is made of, under the names by which plot.py and make_table.py know them
FIGURE_SOURCES = {
    "training": ("1 Networks", HISTORIES),
    "health": ("1 Networks", HEALTH),
    "masking": ("2 Masking", MASKED),
    "masking_psnr": ("2 Masking", MASKED | REFERENCE),
    "faithfulness": ("2 Masking", SETS),
    "league": ("2 Masking", LEAGUE),
    "retraining": ("3 Re-training", RETRAINED | REFERENCE),
    "locations": ("4 Locations", RANKED),
    "locations_map": ("4 Locations", FAIG),
    "prediction": ("5 Prediction", PREDICTED),
}
TABLE_SOURCES = {
    "networks": ("1 Networks", FAIG | REFERENCE),
    "health": ("1 Networks", HEALTH),
    "masking": ("2 Masking", MASKED | REFERENCE),
    "league": ("2 Masking", LEAGUE),
    "retraining": ("3 Re-training", RETRAINED | REFERENCE),
    "locations": ("4 Locations", RANKED),
    "prediction": ("5 Prediction", PREDICTED),
    "completeness": ("6 Exactness", ERRORS),
}

# there are no training curves of a network whose weights the user gives
FIGURES = [
    f"{RUN}/figures/{figure}_{network}.png"
    for figure, network in product([*FIGURE_SOURCES, "grid"], NETWORKS)
    if figure != "training" or not {(network, stage) for stage in STAGES} & set(GIVEN)
]
TABLES = [
    *expand(f"{RUN}/tables/{{table}}.csv", table=TABLE_SOURCES),
    f"{RUN}/tables/summary.txt",
]


for FIGURE, (CATEGORY, SOURCES) in FIGURE_SOURCES.items():

    rule:
        name:
            f"plot_{FIGURE}"
        input:
            **{name: all_seeds(pattern) for name, pattern in SOURCES.items()},
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
            tables=lambda w, input: table_options(input, [w.network]),
        shell:
            "python {params.script:q} {params.figure} --config {params.cfg:q} {params.tables}"
            " --output {output:q} > {log:q} 2>&1"


rule plot_grid:
    input:
        **{name: first_seed(pattern) for name, pattern in (PAIR | FAIG).items()},
        data=f"{RUN}/data/{TESTS[0]}.h5",
    output:
        png=report(
            f"{RUN}/figures/grid_{{network}}.png",
            caption="../report/grid.rst",
            category="2 Masking",
            labels=labels("grid", "{network}"),
        ),
        pdf=f"{RUN}/figures/grid_{{network}}.pdf",
    log:
        f"{RUN}/logs/plot_grid/{{network}}.log",
    benchmark:
        f"{RUN}/benchmarks/plot_grid/{{network}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("plot_grid"),
        gpu=GPU,
    params:
        **network_program("plot_grid"),
        cfg=lambda w: section.grid(w.network),
    shell:
        "python {params.script:q} {wildcards.network:q} --config {params.cfg:q}"
        " --threads {threads} --baseline {input.baseline:q} --target {input.target:q}"
        " --ranking {input.faig:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


for TABLE, (CATEGORY, SOURCES) in TABLE_SOURCES.items():

    rule:
        name:
            f"table_{TABLE}"
        input:
            **{name: per_seed(pattern) for name, pattern in SOURCES.items()},
        output:
            report(
                f"{RUN}/tables/{TABLE}.csv",
                caption=f"../report/table_{TABLE}.rst",
                category=CATEGORY,
                labels=labels(f"table of {TABLE}", "all"),
            ),
        log:
            f"{RUN}/logs/table/{TABLE}.log",
        benchmark:
            f"{RUN}/benchmarks/table/{TABLE}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **program("make_table"),
            table=TABLE,
            tables=lambda w, input: table_options(input, NETWORKS),
        shell:
            "python {params.script:q} {params.table} {params.tables}"
            " --output {output:q} > {log:q} 2>&1"


rule summarize:
    input:
        tables=expand(f"{RUN}/tables/{{table}}.csv", table=TABLE_SOURCES),
    output:
        report(
            f"{RUN}/tables/summary.txt",
            caption="../report/summary.rst",
            category="0 Summary",
            labels=labels("summary", "all"),
        ),
    log:
        f"{RUN}/logs/summarize.log",
    benchmark:
        f"{RUN}/benchmarks/summarize.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("summarize"),
    shell:
        "python {params.script:q} --tables {input.tables:q}"
        " --output {output:q} > {log:q} 2>&1"

TWO_BRANCH_FIGURES = {
    "two_branch": ["evaluated"],
    "two_branch_sigma": ["evaluated"],
    "two_branch_knowledge": ["evaluated", "probed", "predicted"],
    "two_branch_training": VARIANTS,
}
TWO_BRANCH_TABLES = {
    "two_branch": ["evaluated"],
    "two_branch_knowledge": ["evaluated", "probed", "predicted"],
}
TWO_BRANCH_TARGETS = {
    "figures": expand(
        f"{RUN}/figures/{{figure}}_{{setting}}.png",
        figure=TWO_BRANCH_FIGURES,
        setting=SETTINGS,
    ),
    "tables": expand(
        f"{RUN}/tables/{{table}}_{{setting}}.csv",
        table=TWO_BRANCH_TABLES,
        setting=SETTINGS,
    ),
    "summary": [f"{COMPARISON}/summary.txt"] if SETTINGS else [],
}
FIGURES += TWO_BRANCH_TARGETS["figures"]
TABLES += TWO_BRANCH_TARGETS["tables"] + TWO_BRANCH_TARGETS["summary"]


wildcard_constraints:
    system=names(SYSTEMS),
    setting=names(SETTINGS),
    variant="|".join(VARIANTS),


use rule synthesize as synthesize_two_branch with:
    output:
        f"{COMPARISON}/data/{{dataset}}.h5",
    log:
        f"{RUN}/logs/synthesize_two_branch/{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/synthesize_two_branch/{{dataset}}.tsv"
    params:
        **program("synthesize"),
        cfg=lambda w: section.two_branch_synthesis(w.dataset),
        folder=dataset_folder,
        digest=dataset_digest,


use rule compare_photographs as compare_photographs_two_branch with:
    input:
        data=expand(
            f"{COMPARISON}/data/{{dataset}}.h5",
            dataset=dict.fromkeys([*TRAINING_DATA, *TESTS]),
        ),
    output:
        f"{COMPARISON}/data/disjoint.json",
    log:
        f"{RUN}/logs/compare_photographs_two_branch.log",
    params:
        **program("compare_photographs"),
        cfg=section.two_branch_disjoint(),


rule make_kernel_code:
    output:
        f"{COMPARISON}/kernel_code.safetensors",
    log:
        f"{RUN}/logs/make_kernel_code.log",
    benchmark:
        f"{RUN}/benchmarks/make_kernel_code.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("make_kernel_code"),
        cfg=lambda w: section.kernel_code(),
    shell:
        "python {params.script:q} --config {params.cfg:q} --output {output:q} > {log:q} 2>&1"


rule match_controls:
    output:
        all_variants(SPEC),
    log:
        f"{RUN}/logs/match_controls/{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/match_controls/{{system}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **compared_program("match_controls"),
        cfg=lambda w: section.match(w.system),
    shell:
        "python {params.script:q} --config {params.cfg:q} --output {output:q} > {log:q} 2>&1"


rule train_two_branch:
    input:
        network=SPEC,
        kernel_code=branch(
            lambda w: w.variant == VARIANTS[0],
            then=f"{COMPARISON}/kernel_code.safetensors",
        ),
        data=f"{COMPARISON}/data/{config['data']['train']}.h5",
        validation=f"{COMPARISON}/data/{config['data']['validation']}.h5",
    output:
        weights=f"{COMPARED}/{{variant}}.safetensors",
        history=f"{COMPARED}/{{variant}}_history.parquet",
    log:
        f"{RUN}/logs/train_two_branch/{{setting}}.{{system}}.{{seed}}.{{variant}}.log",
    benchmark:
        f"{RUN}/benchmarks/train_two_branch/{{setting}}.{{system}}.{{seed}}.{{variant}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("train_two_branch"),
        gpu=GPU,
    params:
        **compared_program("train"),
        cfg=lambda w: section.two_branch_training(w.setting, w.seed),
        kernel_code=lambda w, input: (
            f"--kernel-code {shlex.quote(input.kernel_code)}"
            if w.variant == VARIANTS[0]
            else ""
        ),
        cache=CACHE,
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --network {input.network:q} {params.kernel_code}"
        " --data {input.data:q} --validation {input.validation:q}"
        " --output {output.weights:q} --history {output.history:q}"
        " --cache {params.cache:q} --code {params.code} > {log:q} 2>&1"


rule evaluate_two_branch:
    input:
        specs=all_variants(SPEC),
        weights=all_variants(f"{COMPARED}/{{variant}}.safetensors"),
        calibration=f"{COMPARISON}/data/{config['data']['validation']}.h5",
        data=expand(f"{COMPARISON}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{COMPARED}/evaluation.parquet",
    log:
        f"{RUN}/logs/evaluate_two_branch/{{setting}}.{{system}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate_two_branch/{{setting}}.{{system}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("evaluate_two_branch"),
        gpu=GPU,
    params:
        **compared_program("evaluate_two_branch"),
        cfg=lambda w: section.two_branch_evaluation(w.setting),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --specs {input.specs:q} --weights {input.weights:q}"
        " --calibration {input.calibration:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


rule probe_two_branch:
    input:
        spec=SPEC.replace("{variant}", VARIANTS[0]),
        weights=f"{COMPARED}/{VARIANTS[0]}.safetensors",
        calibration=f"{RUN}/data/{config['data']['validation']}.h5",
        data=expand(f"{RUN}/data/{{dataset}}.h5", dataset=TESTS),
    output:
        f"{COMPARED}/probe.parquet",
    log:
        f"{RUN}/logs/probe_two_branch/{{setting}}.{{system}}.{{seed}}.log",
    benchmark:
        f"{RUN}/benchmarks/probe_two_branch/{{setting}}.{{system}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        **request.resources("probe_two_branch"),
        gpu=GPU,
    params:
        **compared_program("probe_two_branch"),
        cfg=lambda w: section.two_branch_probe(),
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " --spec {input.spec:q} --weights {input.weights:q}"
        " --calibration {input.calibration:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"


for FIGURE, SOURCES in TWO_BRANCH_FIGURES.items():

    rule:
        name:
            f"plot_{FIGURE}"
        input:
            **comparison_tables(SOURCES),
        output:
            png=report(
                f"{RUN}/figures/{FIGURE}_{{setting}}.png",
                caption=f"../report/{FIGURE}.rst",
                category="8 Two branches or one",
                labels=labels(FIGURE, "{setting}"),
            ),
            pdf=f"{RUN}/figures/{FIGURE}_{{setting}}.pdf",
        log:
            f"{RUN}/logs/plot_{FIGURE}/{{setting}}.log",
        benchmark:
            f"{RUN}/benchmarks/plot_{FIGURE}/{{setting}}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **program("plot"),
            figure=FIGURE,
            cfg=section.figures(),
            tables=lambda w, input: comparison_options(input),
        shell:
            "python {params.script:q} {params.figure} --config {params.cfg:q} {params.tables}"
            " --output {output:q} > {log:q} 2>&1"


for TABLE, SOURCES in TWO_BRANCH_TABLES.items():

    rule:
        name:
            f"table_{TABLE}"
        input:
            **comparison_tables(SOURCES),
        output:
            report(
                f"{RUN}/tables/{TABLE}_{{setting}}.csv",
                caption=f"../report/table_{TABLE}.rst",
                category="8 Two branches or one",
                labels=labels(f"table of {TABLE}", "{setting}"),
            ),
        log:
            f"{RUN}/logs/table_{TABLE}/{{setting}}.log",
        benchmark:
            f"{RUN}/benchmarks/table_{TABLE}/{{setting}}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **program("make_table"),
            table=TABLE,
            tables=lambda w, input: comparison_options(input),
        shell:
            "python {params.script:q} {params.table} {params.tables}"
            " --output {output:q} > {log:q} 2>&1"


rule summarize_two_branch:
    input:
        compared=expand(f"{RUN}/tables/two_branch_{{setting}}.csv", setting=SETTINGS),
        knowledge=expand(
            f"{RUN}/tables/two_branch_knowledge_{{setting}}.csv", setting=SETTINGS
        ),
    output:
        report(
            f"{COMPARISON}/summary.txt",
            caption="../report/two_branch_summary.rst",
            category="8 Two branches or one",
            labels=labels("summary", "all"),
        ),
    log:
        f"{RUN}/logs/summarize_two_branch.log",
    benchmark:
        f"{RUN}/benchmarks/summarize_two_branch.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("summarize_two_branch"),
    shell:
        "python {params.script:q} --compared {input.compared:q}"
        " --knowledge {input.knowledge:q} --output {output:q} > {log:q} 2>&1"

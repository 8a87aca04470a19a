rule download:
    input:
        local=local_mirrors,
    output:
        directory("results/archives/{dataset}-{mirrors}"),
    log:
        "results/archives/{dataset}-{mirrors}.log",
    wildcard_constraints:
        mirrors="[0-9a-f]{8}",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("download"),
        cfg=lambda w: section.download(w.dataset),
    shell:
        "python {params.script:q} --config {params.cfg:q}"
        " --downloads results/archives/downloaded-files --output {output:q} > {log:q} 2>&1"


# the user's own photographs are no inputs: their digest tells better than dates whether they are
# others, and their names may hold what Snakemake takes for wildcards
rule synthesize:
    input:
        archive=dataset_archive,
    output:
        f"{RUN}/data/{{dataset}}.h5",
    log:
        f"{RUN}/logs/synthesize/{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/synthesize/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: dataset_threads
    resources:
        **request.resources("synthesize"),
    params:
        **program("synthesize"),
        cfg=lambda w: section.synthesis(w.dataset),
        folder=dataset_folder,
        digest=dataset_digest,
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " {params.folder} --output {output:q} > {log:q} 2>&1"


# the same photograph under another name is known by its pixels, as soon as all are stored
rule compare_photographs:
    input:
        data=expand(
            f"{RUN}/data/{{dataset}}.h5",
            dataset=dict.fromkeys(
                [*TRAINING_DATA, config["data"]["attribution"], *TESTS]
            ),
        ),
    output:
        COMPARED_PHOTOGRAPHS,
    log:
        f"{RUN}/logs/compare_photographs.log",
    # as soon as it can be
    priority: 100
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("compare_photographs"),
        cfg=section.disjoint(),
    shell:
        "python {params.script:q} --config {params.cfg:q} --data {input.data:q}"
        " --output {output:q} > {log:q} 2>&1"

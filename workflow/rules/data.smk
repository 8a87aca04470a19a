rule download:
    input:
        local=lambda w: [
            mirror["path"]
            for mirror in config["datasets"][w.dataset]["mirrors"]
            if "path" in mirror
        ],
    output:
        directory("results/archives/{dataset}"),
    log:
        "results/archives/{dataset}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **program("download"),
        cfg=lambda w: section.download(w.dataset),
    shell:
        "python {params.script:q} --config {params.cfg:q}"
        " --downloads results/archives/downloaded-files --output {output:q} > {log:q} 2>&1"


rule synthesize:
    input:
        images=dataset_files,
        archive=branch(
            lambda w: config["datasets"][w.dataset]["source"] == "archive",
            then="results/archives/{dataset}",
        ),
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
    shell:
        "python {params.script:q} --config {params.cfg:q} --threads {threads}"
        " {params.folder} --output {output:q} > {log:q} 2>&1"

def dataset_files(wildcards):
    """Image files that a dataset is made of, where they are the user's own."""
    dataset = config["datasets"][wildcards.dataset]
    if dataset["source"] != "folder":
        return []
    try:
        return [str(path) for path in folder_files(dataset["path"]).values()]
    except InputError as error:
        raise WorkflowError(f"datasets.{wildcards.dataset}.path: {error}") from None


def dataset_folder(wildcards):
    """Option that tells the script where the images lie."""
    dataset = config["datasets"][wildcards.dataset]
    where = {
        "packaged": None,
        "folder": dataset.get("path"),
        "archive": f"results/archives/{wildcards.dataset}",
    }[dataset["source"]]
    return f"--folder {shlex.quote(where)}" if where else ""


rule download:
    input:
        code=code("download"),
        local=lambda w: config["datasets"][w.dataset].get("path") or [],
    output:
        directory("results/archives/{dataset}"),
    log:
        "results/archives/{dataset}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        cfg=lambda w: section.download(w.dataset),
    shell:
        "python {SCRIPTS}/download.py --config {params.cfg:q} --output {output:q}"
        " > {log:q} 2>&1"


rule synthesize:
    input:
        code=code("synthesize"),
        images=dataset_files,
        archive=branch(
            lambda w: config["datasets"][w.dataset]["source"] == "archive",
            then="results/archives/{dataset}",
        ),
    output:
        RUN + "/data/{dataset}.h5",
    log:
        RUN + "/logs/synthesize/{dataset}.log",
    benchmark:
        RUN + "/benchmarks/synthesize/{dataset}.tsv"
    conda:
        ENVIRONMENT
    params:
        cfg=lambda w: section.synthesis(w.dataset),
        folder=dataset_folder,
    shell:
        "python {SCRIPTS}/synthesize.py --config {params.cfg:q} {params.folder}"
        " --output {output:q} > {log:q} 2>&1"

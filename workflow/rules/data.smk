def dataset_files(wildcards):
    """Image files that a dataset is made of, where they are the user's own."""
    dataset = config["datasets"][wildcards.dataset]
    if dataset["source"] != "folder":
        return []
    try:
        return [str(path) for path in folder_files(dataset["path"]).values()]
    except InputError as error:
        raise WorkflowError(
            f"datasets.{wildcards.dataset}.path: {error}"
        ) from None


def dataset_folder(wildcards):
    """Option that tells the script where the images lie."""
    dataset = config["datasets"][wildcards.dataset]
    where = {
        "packaged": None,
        "folder": dataset.get("path"),
        "archive": f"results/archives/{wildcards.dataset}",
    }[dataset["source"]]
    return f"--folder {shlex.quote(where)}" if where else ""


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
    params:
        cfg=lambda w: section.synthesis(w.dataset),
        folder=dataset_folder,
    conda:
        ENVIRONMENT
    shell:
        "python {SCRIPTS}/synthesize.py --config {params.cfg:q} {params.folder}"
        " --output {output:q} > {log:q} 2>&1"

# all images are stored and compared before anything is computed from them: what is wrong with them
# is told at once
FIRST = 100


# the log and the images belong to all runs
use rule step from local as download with:
    input:
        local_mirrors,
    output:
        directory("results/archives/{dataset}-{mirrors}"),
    log:
        "results/archives/{dataset}-{mirrors}.log",
    benchmark:
        "results/archives/{dataset}-{mirrors}.tsv"
    wildcard_constraints:
        mirrors="[0-9a-f]{8}",
    priority: FIRST
    params:
        **step(
            "download",
            section.download,
            inputs=lambda w, input: [
                "--downloads",
                "results/archives/downloaded-files",
            ],
        ),


# the user's own photographs are no inputs: their digest tells better than dates whether they are
# others, and their names may hold what Snakemake takes for wildcards
use rule step from compute as synthesize with:
    input:
        dataset_archive,
    output:
        "<run>/data/{dataset}.h5",
    pathvars:
        per="{dataset}",
    priority: FIRST
    threads: dataset_threads
    resources:
        **request.large() | {"gpu": 0},
    params:
        **step("synthesize", section.synthesis, inputs=dataset_folder),
        digest=dataset_digest,


# the same photograph under another name is known by its pixels, as soon as all are stored. What
# says that no photograph is in two datasets stops the report and stands beside the first training,
# not before it: as an input of trainings, other test images would train a network again
use rule step from local as compare_photographs with:
    input:
        data=stored("<run>", [*TRAINING_DATA, config["data"]["attribution"], *TESTS]),
    output:
        "<run>/data/disjoint.json",
    pathvars:
        per="all",
    priority: FIRST
    params:
        **step("compare_photographs", section.disjoint),

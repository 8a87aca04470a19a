def dataset_files(dataset):
    """Image files that a dataset is made of, where they are the user's own.

    Raises:
        InputError: its folder is not there, holds none, or something else.
    """
    settings = config["datasets"][dataset]
    if settings["source"] != "folder":
        return []
    return [str(path) for path in folder_files(settings["path"]).values()]


def dataset_digest(wildcards):
    """What tells a photograph replaced by another, even by one with an older date."""
    try:
        return photographs.digest(dataset_files(wildcards.dataset))
    except InputError as error:
        raise WorkflowError(f"datasets.{wildcards.dataset}: {error}") from None


def archive_folder(dataset):
    """Where an archive's images lie: for other mirrors, in another run, somewhere else."""
    source = canonical_json(section.download(dataset))
    return f"results/archives/{dataset}-{checksum(source)[:8]}"


def require_stored(dataset, problem, folder):
    """See `require_made`, of images that would be stored from a folder."""
    made = [f"{where}/data/{dataset}.h5" for where in (RUN, f"{RUN}/two_branch")]
    require_made(f"datasets.{dataset}.{problem}", f"--folder={folder}", *made)


# input functions, unlike those of parameters, are called before the first job
def dataset_archive(wildcards):
    """The folder that an archive is unpacked to; a bad folder of the user's own stops here."""
    dataset, settings = wildcards.dataset, config["datasets"][wildcards.dataset]
    if settings["source"] == "archive":
        return archive_folder(dataset)
    try:
        dataset_files(dataset)
    except InputError as error:
        require_stored(dataset, f"path: {error}", settings["path"])
        return settings["path"]
    return []


def local_mirrors(wildcards):
    """None of them as an input: checksums tell what they hold. All missing, they stop here."""
    mirrors = config["datasets"][wildcards.dataset]["mirrors"]
    absent = [
        m["path"] for m in mirrors if "path" in m and not Path(m["path"]).exists()
    ]
    folder = archive_folder(wildcards.dataset)
    if len(absent) == len(mirrors) and not Path(folder).exists():
        problem = f"mirrors: no such file: {', '.join(absent)}"
        require_stored(wildcards.dataset, problem, folder)
        return absent
    return []


def dataset_folder(wildcards, input):
    """Option that tells the script where the images lie."""
    dataset = config["datasets"][wildcards.dataset]
    where = dataset_archive(wildcards) or dataset.get("path")
    # with an equals sign a name may begin with a hyphen
    return [f"--folder={where}"] if where else []


def dataset_threads(wildcards):
    """Threads that degrade a dataset: packaged ones are small, all else waits for training images.

    Others have no more than other jobs, or they would wait, first as they are, until none runs.
    """
    if config["datasets"][wildcards.dataset]["source"] == "packaged":
        return 1
    return CORES if wildcards.dataset == config["data"]["train"] else THREADS

# folder and terminal are another workflow's where that uses this one as a module
MAIN = workflow.is_main_process and ALONE
RUNS = MAIN and not workflow.output_settings.dryrun


# the folder's lock, as long as this process lives
LOCKS = []


def look_for_jobs_when_one_ends():
    """Lift Snakemake's default limit of 100 jobs a second, which means nothing to a few cores.

    With it each job that starts makes the scheduler look for jobs once a second more until the
    run's end, which takes a tenth of two cores.
    """
    settings = workflow.scheduling_settings
    limit = settings.max_jobs_per_timespan
    if limit and limit.max_jobs >= 100 * limit.timespan:
        settings.max_jobs_per_timespan = None


def start_of_run():
    """Take the folder and the terminal, when jobs are about to be planned."""
    try:
        LOCKS.append(guard.hold(Path.cwd()))
    except (guard.AlreadyRunning, guard.Unusable) as error:
        raise WorkflowError(str(error)) from None
    interrupt.install()
    if LOCAL:
        look_for_jobs_when_one_ends()
    if not (workflow.output_settings.quiet or workflow.output_settings.verbose):
        display.install(logger)


# `onstart:` would be too late: Snakemake looks for a lock that a killed process left before it
if RUNS:
    display.when_started(logger, start_of_run)


CHECKS = expand(f"{RUN}/checks/{{network}}.txt", network=NETWORKS)
# rules that a run ends with: texts that answer its question, and its report
ENDS = {
    "report": ([f"{RUN}/tables/summary.txt"], f"{RUN}/report.html"),
    "report_two_branch": (
        [f"{RUN}/two_branch/summary.txt"],
        f"{RUN}/two_branch/report.html",
    ),
    "check": (CHECKS, None),
}


def planned_ends():
    """Those of `ENDS` that this run has."""
    return ENDS.keys() & {job.rule.name for job in workflow.dag.jobs}


def planned_outputs():
    """All outputs of this run if it leads to a report; nothing if it has another target."""
    if not any(report for _, report in map(ENDS.get, planned_ends())):
        return set()
    return {str(path) for job in workflow.dag.jobs for path in job.output}


def print_summary():
    """Show the answer of the run, and where the rest of it lies."""
    for texts, report in map(ENDS.get, planned_ends()):
        if all(Path(path).exists() for path in [*texts, *filter(None, [report])]):
            print(*(Path(path).read_text(encoding="utf-8") for path in texts), sep="\n")
            if report:
                print(f"report: {report}")


def made_files():
    """Path, rule and modification time of all outputs that are there, as Snakemake noted them."""
    workflow.persistence.deactivate_cache()  # it lacks the job that ended last
    for folder in (RUN, "results/archives"):
        for path in map(str, Path(folder).rglob("*")):
            noted = workflow.persistence.metadata(IOFile(path))
            if noted and noted.endtime:
                yield path, noted.rule, noted.endtime


# files are read as soon as a run ends, or before the next one where it was killed: damage between
# two runs is never recorded as the truth
def record_checksums(needed=()):
    """Bring the checksums up to date with what was made."""
    verified = "verify" in {job.rule.name for job in workflow.dag.jobs}
    if verified and not Path(CHECKSUMS).exists():
        return  # what is verified must not be recorded just before
    try:
        manifest.record(Path(CHECKSUMS), made_files(), needed)
    except (DiskFull, OSError) as error:  # the results themselves are safe
        print(
            f"warning: {CHECKSUMS} is not up to date ({error}); the next run makes up for it"
        )
    except InputError as error:
        raise WorkflowError(str(error)) from None

# the tables that figures and tables of the report are made of, by the names that plot.py and
# make_table.py know them by
HISTORIES = {s: f"{folder}/{s}_history.parquet" for s, folder in MODELS.items()}
HEALTH = {"health": f"<run>/health/{PER_PAIR}.parquet"}
STABILITY, SANITY = (
    {name: f"<run>/stability/{PER_PAIR}/{name}.parquet"}
    for name in ("stability", "sanity")
)
STABILITY |= {"seeds": path for path in AGREED}
TRUST = {"trust": f"<run>/trust/{PER_PAIR}.parquet"}
ERRORS = {"errors": f"<run>/attribution/{PER_PAIR}/faig.parquet"}
RANKED = {m: f"<run>/ranking/{PER_PAIR}/{m}.parquet" for m in RANKINGS}
FAIG = {"faig": RANKED["faig"]}
REFERENCE = {"reference": f"<run>/ablation/{PER_PAIR}/reference.parquet"}
MASKED = {"masked": f"<run>/ablation/{PER_PAIR}/mask.parquet"}
RETRAINED = {"retrained": f"<run>/ablation/{PER_PAIR}/retrain.parquet"}
SETS = {"sets": f"<run>/faithfulness/{PER_PAIR}/sets.parquet"}
LEAGUE = {"league": f"<run>/faithfulness/{PER_PAIR}/league.parquet"}
MODULATED = {"modulated": f"<run>/modulation/{PER_PAIR}.parquet"}
TRANSPLANTED = {"transplanted": f"<run>/transplant/{PER_PAIR}.parquet"}
EFFECTS = {"effects": f"<run>/faithfulness/{PER_PAIR}/effects.parquet"}
PREDICTED = {"predicted": f"<run>/prediction/{PER_PAIR}.parquet"}
QUADRATURE, COST, SPEED = (
    {name: f"<benchmark>/{{network}}/{name}.parquet"}
    for name in ("quadrature", "attribution", "training")
)
EVALUATED = {"evaluated": f"{COMPARED}/evaluation.parquet"}
KNOWN = EVALUATED | {"probed": f"{COMPARED}/probe.parquet"} | PREDICTED
LEARNED = {v: f"{COMPARED}/{v}_history.parquet" for v in VARIANTS}

# of the first seed, what every filter is told by
EXPLORED = {
    name: path.replace("{seed}", str(SEEDS[0]))
    for name, path in (RANKED | EFFECTS | HEALTH).items()
} | {"strip": "<run>/modulation/{network}/strip.parquet"}

# tables that there are only where the config asks for a stage
OF_STAGES = {
    "masking": MASKED,
    "retraining": RETRAINED,
    "prediction": PREDICTED,
    "transplant": TRANSPLANTED,
    "exactness": QUADRATURE | COST,
    "speed": SPEED,
}
NOT_MADE = {
    name
    for stage, sources in OF_STAGES.items()
    for name in sources
    if stage not in ASKED
}
JUDGED = {
    name: path
    for name, path in (
        FAIG | MASKED | RETRAINED | PREDICTED | SETS | HEALTH | MODULATED
    ).items()
    if name not in NOT_MADE
}

# what a report can show, by category: rules that draw a figure of each network or make one table for
# all, and their sources, of figures and tables of rankings the pair's health too; where these are of a
# setting, there is one of each setting
ON_DEMAND, COMPARING = "7 Benchmark", "8 Two branches or one"
SHOWABLE = {
    "0 Summary": {
        "plot_trust": TRUST,
        "table_trust": TRUST,
        "table_findings": JUDGED,
    },
    "1 Networks": {
        "plot_training": HISTORIES,
        "plot_health": HEALTH,
        "plot_stability": STABILITY,
        "table_networks": FAIG | REFERENCE,
        "table_health": HEALTH,
        "table_stability": STABILITY | HEALTH,
        "table_sanity": SANITY | HEALTH,
    },
    "2 Masking": {
        "plot_masking": MASKED | HEALTH,
        "plot_masking_psnr": MASKED | REFERENCE | HEALTH,
        "plot_faithfulness": SETS | HEALTH,
        "plot_specificity": SETS | HEALTH,
        "plot_league": LEAGUE | HEALTH,
        "plot_modulation": MODULATED | HEALTH,
        "plot_transplant": TRANSPLANTED | HEALTH,
        "table_masking": MASKED | REFERENCE | HEALTH,
        "table_league": LEAGUE | HEALTH,
        "table_transplant": TRANSPLANTED | HEALTH,
    },
    "3 Re-training": {
        "plot_retraining": RETRAINED | REFERENCE | HEALTH,
        "table_retraining": RETRAINED | REFERENCE | HEALTH,
        "table_localisation": RETRAINED | REFERENCE | HEALTH,
    },
    "4 Locations": {
        "plot_locations": RANKED | HEALTH,
        "plot_locations_map": FAIG | HEALTH,
        "table_locations": RANKED | HEALTH,
    },
    "5 Prediction": {
        "plot_prediction": PREDICTED | HEALTH,
        "plot_confusion": PREDICTED | HEALTH,
        "table_prediction": PREDICTED | HEALTH,
    },
    "6 Exactness": {
        "plot_quadrature": QUADRATURE,
        "table_completeness": ERRORS | HEALTH,
    },
    ON_DEMAND: {
        "plot_benchmark": COST | QUADRATURE,
        "plot_training_benchmark": SPEED,
    },
    COMPARING: {
        "plot_two_branch": EVALUATED,
        "plot_two_branch_sigma": EVALUATED,
        "plot_two_branch_knowledge": KNOWN,
        "plot_two_branch_training": LEARNED,
        "table_two_branch": EVALUATED,
        "table_two_branch_knowledge": KNOWN,
        "table_two_branch_findings": EVALUATED,
    },
}


SHOWN = {
    category: {
        item: sources
        for item, sources in entries.items()
        if NOT_MADE.isdisjoint(sources)
    }
    for category, entries in SHOWABLE.items()
}


def shown(path, caption, category, one):
    """A file that the report shows.

    Args:
        path: of the file.
        caption: name of its file in workflow/report, without suffix.
        category: where the report shows it.
        one: which network or setting it is about, or all.
    """
    name = caption.replace("table_", "table of ").replace("_", " ")
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=category,
        labels={"figure": name, "network": one},
    )


def figure(name, category, one="{network}"):
    """Both files of a figure."""
    path = f"<run>/figures/{name}_{one}"
    return [shown(f"{path}.png", name, category, one), f"{path}.pdf"]


def table(name, category, one="all"):
    """The file of a table."""
    which = "" if one == "all" else f"_{one}"
    path = f"<run>/tables/{name}{which}.csv"
    return [shown(path, f"table_{name}", category, one)]


def one_of(item, sources):
    """What there is one file of each of, as a wildcard; `all` if there is one."""
    if any("{setting}" in path for path in sources.values()):
        return "{setting}"
    return "{network}" if item.startswith("plot_") else "all"


def all_of(source, path):
    """The networks that there is a table of."""
    if source in TRANSPLANTED:
        return DONORS
    if source in HISTORIES:  # whose weights the user does not give
        return [network for network in NETWORKS if (network, source) not in GIVEN]
    return SYSTEMS if "{system}" in path else NETWORKS


def shows(sources, network):
    """Whether a figure has something to show of a network; its health alone is, if that is all."""
    told = {n: path for n, path in sources.items() if n not in HEALTH} or sources
    return any(network in all_of(name, path) for name, path in told.items())


def spread(sources, one):
    """Inputs of a figure or table: of all networks that are not its own, and all seeds."""

    def files(name, path):
        networks = all_of(name, path)
        free = {"{network}": networks, "{system}": networks, "{seed}": SEEDS}
        over = {k[1:-1]: v for k, v in free.items() if k in path and k != one}
        found = expand(path, **over, allow_missing=True)
        if one == "{network}" and len(networks) < len(NETWORKS):
            return lambda w: expand(found, **w) if w.network in networks else []
        return found

    return {name: files(name, path) for name, path in sources.items()}


def named_tables(before, sources):
    """Function of a job's inputs: some words, and what tells a script which table is what."""

    def words(wildcards, input):
        found = [*before]
        for source, path in sources.items():
            networks = all_of(source, path)
            if "network" in wildcards.keys() and "{system}" not in path:
                networks = [n for n in networks if n == wildcards.network]
            runs = product(networks, SEEDS if "{seed}" in path else SEEDS[:1])
            for (network, seed), file in zip(runs, input[source], strict=True):
                found += ["--table", source, network, str(seed), file]
        return found

    return words


# script of each kind, with what that takes from the config, and files
KINDS = {
    "plot": (["plot", section.figures], figure),
    "table": (["make_table"], table),
}


def targets(*categories):
    """Figures and tables of some categories."""
    for category in categories:
        for item, sources in SHOWN[category].items():
            kind, name = item.split("_", 1)
            one = one_of(item, sources)
            path = KINDS[kind][1](name, category, one)[0]
            networks = [n for n in NETWORKS if shows(sources, n)]
            for which in {"{network}": networks, "{setting}": SETTINGS}.get(one, [""]):
                yield str(path).replace(one, which)


SUMMARIZED = [
    path for path in targets(*(c for c in SHOWN if c != COMPARING)) if ".csv" in path
]
GRIDS = expand(
    "<run>/figures/{kind}_{network}.png", kind=["grid", "strip"], network=NETWORKS
)
# what a report ends with
REPORTED = [
    *targets(*(c for c in SHOWN if c not in (ON_DEMAND, COMPARING))),
    *GRIDS,
    "<run>/explorer.html",
    "<run>/tables/summary.txt",
]
QUADRATURES = [path for path in targets("6 Exactness") if path.endswith(".png")]
# of the comparison: nothing, if the config asks for none
REPORTED_COMPARISON = [
    *targets(COMPARING),
    *(["<comparison>/summary.txt"] if SETTINGS else []),
]
DISJOINT_COMPARISON = ["<comparison>/data/disjoint.json"] if SETTINGS else []


def with_left_out(wildcards, input):
    """Options of the summary: its tables, and the stages that it says were left out."""
    found = stages.left_out(config)
    return [*commands.words(input), *(["--left-out", *found] if found else [])]


def report_command(wildcards, input, output):
    """Let a second Snakemake read the same workflow and config; the first holds the lock."""
    snakefile, scripts = (
        os.path.relpath(HOME / "workflow" / name)
        for name in ("Snakefile", "report/scripts.html")
    )
    options = ["--snakefile", snakefile, "--configfile", input.config, "--nolock"]
    made = shlex.join(["snakemake", *input.shown, *options, "--report", *output])
    return f"{{ {made} && cat {shlex.quote(scripts)} >> {shlex.quote(output[0])}; }}"


def comparison_report(wildcards):
    """The report of the comparison, if the config asks for one."""
    if not SETTINGS:
        raise WorkflowError(
            "two_branch: the config has no section of that name; "
            "config/two-branch.yaml shows one, config/README.md explains it"
        )
    return "<comparison>/report.html"

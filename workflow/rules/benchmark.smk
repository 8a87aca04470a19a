# long, and nothing but its figure waits for it: it would be alone at the end
use rule step from compute as measure_quadrature with:
    input:
        **FIRST_PAIR,
        data="<run>/<attribution>",
        released=released,
    output:
        "<benchmark>/{network}/quadrature.parquet",
    pathvars:
        per="{network}",
    priority: 1
    params:
        **step("measure_quadrature", section.quadrature, its_network, tells="network"),


use rule step from compute as measure_attribution with:
    input:
        **FIRST_PAIR,
        data="<run>/<attribution>",
        quadrature="<benchmark>/{network}/quadrature.parquet",
        released=released,
    output:
        "<benchmark>/{network}/attribution.parquet",
    pathvars:
        per="{network}",
    # all there are: nothing may run beside a timing
    threads: CORES
    params:
        **step("measure_attribution", section.benchmark, its_network, tells="network"),


use rule step from compute as measure_training with:
    input:
        data="<run>/<train>",
    output:
        "<benchmark>/{network}/training.parquet",
    pathvars:
        per="{network}",
    # all there are: nothing may run beside a timing
    threads: CORES
    params:
        **step(
            "measure_training",
            section.training_benchmark,
            its_network,
            tells="network",
        ),


use rule step from local as gather_measured with:
    input:
        tables=expand(
            "<benchmark>/{network}/{table}.parquet",
            network=NETWORKS,
            allow_missing=True,
        ),
    output:
        "<benchmark>/{table}.parquet",
    pathvars:
        per="{table}",
    wildcard_constraints:
        table=names(MEASURED),
    params:
        **step("gather"),

use rule step from compute as check_pair with:
    input:
        **FIRST_PAIR,
        data="<run>/<attribution>",
    output:
        "<run>/checks/{network}.txt",
    pathvars:
        per="{network}",
    params:
        **step("check_pair", section.check, its_network, tells="network"),


# a minute's look at each pair, before hours of attribution: it goes first where jobs wait
use rule step from compute as check_health with:
    input:
        **PAIR,
        data="<run>/<attribution>",
    output:
        "<run>/health/{network}/seed{seed}.parquet",
    priority: 1
    params:
        **step("check_health", section.health, its_network),


use rule step from compute as measure_stability with:
    input:
        **PAIR,
        **WITH_NULL,
        data="<run>/<attribution>",
    output:
        "<stability>/stability.parquet",
        sanity="<stability>/sanity.parquet",
    params:
        **step("measure_stability", section.stability, its_network),


use rule step from local as compare_seeds with:
    input:
        rankings=expand(
            "<run>/ranking/{{network}}/seed{seed}/{method}.parquet",
            seed=SEEDS,
            method=METHODS,
        ),
    output:
        "<run>/stability/{network}/seeds.parquet",
    pathvars:
        per="{network}",
    params:
        **step("compare_seeds"),


use rule step from compute as attribute with:
    input:
        **PAIR,
        data="<run>/<attribution>",
    output:
        "<run>/attribution/{network}/seed{seed}/{method}.parquet",
    pathvars:
        per="{network}.{seed}.{method}",
    params:
        **step("attribute", section.attribution, its_method),


# not a second output of `attribute`: a run that asks for signed scores later keeps FAIG's
if section.one_pass():

    use rule step from local as take_signed with:
        input:
            scores="<run>/attribution/{network}/seed{seed}/faig.parquet",
        output:
            "<run>/attribution/{network}/seed{seed}/signed.parquet",
        params:
            **step("take_signed"),

    ruleorder: take_signed > attribute


use rule step from compute as rank with:
    input:
        **PAIR,
        data="<run>/<choosing>",
        scores="<run>/attribution/{network}/seed{seed}/{method}.parquet",
    output:
        "<rankings>/{method}.parquet",
    pathvars:
        per="{network}.{seed}.{method}",
    params:
        **step("rank", section.ranking, its_network),


use rule step from local as match_random with:
    input:
        ranking="<rankings>/faig.parquet",
    output:
        "<rankings>/matched_random.parquet",
    params:
        **step("match_random", section.matched_random),


ruleorder: match_random > rank

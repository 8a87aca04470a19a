HERE = "local"
for CATEGORY, RULES in SHOWN.items():
    for RULE, SOURCES in RULES.items():
        KIND, NAME = RULE.split("_", 1)
        ONE = one_of(RULE, SOURCES)

        use rule step from HERE as RULE with:
            input:
                **spread(SOURCES, ONE),
            output:
                *KINDS[KIND][1](NAME, CATEGORY, ONE),
            pathvars:
                per=ONE,
            params:
                **step(*KINDS[KIND][0], inputs=named_tables([NAME], SOURCES)),


# of figures that show the first test image as the first seed's networks restore it
RESTORED = {
    **FIRST_PAIR,
    "ranking": f"<run>/ranking/{{network}}/seed{SEEDS[0]}/faig.parquet",
    "health": f"<run>/health/{{network}}/seed{SEEDS[0]}.parquet",
    "data": f"<run>/data/{TESTS[0]}.h5",
}


use rule step from compute as plot_grid with:
    input:
        **RESTORED,
    output:
        *figure("grid", "2 Masking"),
    pathvars:
        per="{network}",
    params:
        **step("plot_grid", section.grid, its_network, tells="network"),


use rule step from compute as plot_strip with:
    input:
        **RESTORED,
    output:
        *figure("strip", "2 Masking"),
        images="<run>/modulation/{network}/strip.parquet",
    pathvars:
        per="{network}",
    params:
        **step("plot_strip", section.strip, its_network, tells="network"),


use rule step from local as explore with:
    input:
        **spread(EXPLORED, "all"),
    output:
        shown("<run>/explorer.html", "explorer", "0 Summary", "all"),
    pathvars:
        per="all",
    params:
        **step("explore", inputs=named_tables([], EXPLORED)),


use rule step from local as summarize with:
    input:
        tables=SUMMARIZED,
    output:
        shown("<run>/tables/summary.txt", "summary", "0 Summary", "all"),
    pathvars:
        per="all",
    params:
        **step("summarize", section.summary, inputs=with_left_out),


use rule step from local as summarize_two_branch with:
    input:
        compared=expand("<run>/tables/two_branch_{setting}.csv", setting=SETTINGS),
        knowledge=expand(
            "<run>/tables/two_branch_knowledge_{setting}.csv", setting=SETTINGS
        ),
    output:
        shown("<comparison>/summary.txt", "two_branch_summary", COMPARING, "all"),
    pathvars:
        per="all",
    params:
        **step("summarize_two_branch"),

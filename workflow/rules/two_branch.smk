use rule step from compute as synthesize_two_branch with:
    input:
        dataset_archive,
    output:
        "<comparison>/data/{dataset}.h5",
    pathvars:
        per="{dataset}",
    priority: FIRST
    threads: dataset_threads
    resources:
        **request.large() | {"gpu": 0},
    params:
        **step("synthesize", section.two_branch_synthesis, inputs=dataset_folder),
        digest=dataset_digest,


use rule step from local as compare_photographs_two_branch with:
    input:
        data=stored("<comparison>", [*TRAINING_DATA, *TESTS]),
    output:
        "<comparison>/data/disjoint.json",
    pathvars:
        per="all",
    priority: FIRST
    params:
        **step("compare_photographs", section.two_branch_disjoint),


use rule step from local as make_kernel_code with:
    output:
        "<comparison>/kernel_code.safetensors",
    pathvars:
        per="all",
    params:
        **step("make_kernel_code", section.kernel_code),


use rule step from local as match_controls with:
    output:
        expand(SPEC, variant=VARIANTS, allow_missing=True),
    pathvars:
        per="{system}",
    params:
        **step("match_controls", section.match, compared_networks),


use rule step from compute as train_two_branch with:
    input:
        network=SPEC,
        kernel_code=branch(
            lambda w: w.variant == VARIANTS[0],
            then="<comparison>/kernel_code.safetensors",
        ),
        data="<comparison>/<train>",
        validation="<comparison>/<validation>",
    output:
        "<compared>/{variant}.safetensors",
        history="<compared>/{variant}_history.parquet",
    pathvars:
        per="{setting}.{system}.{seed}.{variant}",
    resources:
        **request.training(TWO_BRANCH.get("iterations", 0), TIMES_TWO_BRANCH),
    params:
        **step("train", section.two_branch_training, compared_networks, cache=CACHE),


use rule step from compute as evaluate_two_branch with:
    input:
        specs=expand(SPEC, variant=VARIANTS, allow_missing=True),
        weights=expand(
            "<compared>/{variant}.safetensors", variant=VARIANTS, allow_missing=True
        ),
        calibration="<comparison>/<validation>",
        data=stored("<comparison>", TESTS),
    output:
        "<compared>/evaluation.parquet",
    pathvars:
        per="{setting}.{system}.{seed}",
    resources:
        **request.large(),
    params:
        **step("evaluate_two_branch", section.two_branch_evaluation, compared_networks),


use rule step from compute as probe_two_branch with:
    input:
        spec=SPEC.format(system="{system}", variant=VARIANTS[0]),
        weights=f"<compared>/{VARIANTS[0]}.safetensors",
        calibration="<run>/<validation>",
        data=TEST_DATA,
    output:
        "<compared>/probe.parquet",
    pathvars:
        per="{setting}.{system}.{seed}",
    params:
        **step("probe_two_branch", section.two_branch_probe, compared_networks),

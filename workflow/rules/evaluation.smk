use rule step from compute as evaluate with:
    input:
        **PAIR,
        data=TEST_DATA,
    output:
        "<ablation>/reference.parquet",
    params:
        **step("evaluate", section.evaluation, its_network),


if "masking" in ASKED:
    REFIT = config["masking"]["refit_biases"]
    REFITTED_ON = {"attribution": "<run>/<attribution>"} if REFIT else {}

    use rule step from compute as mask with:
        input:
            **PAIR,
            **REFITTED_ON,
            rankings=ALL_RANKINGS,
            data=TEST_DATA,
        output:
            "<ablation>/mask.parquet",
        resources:
            **request.large(),
        params:
            **step("mask", section.masking, its_network),


if "retraining" in ASKED:

    use rule step from compute as retrain with:
        input:
            baseline=PAIR["baseline"],
            ranking="<rankings>/{method}.parquet",
            data="<run>/<train>",
            test=TEST_DATA,
        output:
            "<ablation>/retrain/{method}.parquet",
        pathvars:
            per="{network}.{seed}.{method}",
        resources:
            **request.training(
                config["retraining"]["iterations"],
                len(config["attribution"]["degradations"])
                * len(config["retraining"]["proportions"])
                * (2 if config["retraining"]["rest"] else 1),
            ),
        params:
            **step("retrain", section.retraining, its_network, cache=CACHE),

    use rule step from local as gather_retrained with:
        input:
            tables=expand(
                "<ablation>/retrain/{method}.parquet",
                method=config["retraining"]["methods"],
                allow_missing=True,
            ),
        output:
            "<ablation>/retrain.parquet",
        params:
            **step("gather"),


# the longest of a pair's steps, and alone at the end if it started last: before re-training
use rule step from compute as measure_faithfulness with:
    input:
        **PAIR,
        rankings=ALL_RANKINGS,
        data=TEST_DATA,
    output:
        "<faithfulness>/sets.parquet",
        effects="<faithfulness>/effects.parquet",
        league="<faithfulness>/league.parquet",
    priority: 1
    resources:
        **request.large(),
    params:
        **step("measure_faithfulness", section.faithfulness, its_network),


use rule step from compute as modulate with:
    input:
        **PAIR,
        rankings=expand(
            "<rankings>/{method}.parquet",
            method=config["modulation"]["methods"],
            allow_missing=True,
        ),
        data=TEST_DATA,
    output:
        "<run>/modulation/{network}/seed{seed}.parquet",
    params:
        **step("modulate", section.modulation, its_network),


if "transplant" in ASKED:

    use rule step from compute as transplant with:
        input:
            **PAIR,
            receivers=receivers,
            receiver_baselines=baselines_of_receivers,
            rankings=expand(
                "<rankings>/{method}.parquet",
                method=config["transplant"]["methods"],
                allow_missing=True,
            ),
            data=TEST_DATA,
        output:
            "<run>/transplant/{network}/seed{seed}.parquet",
        params:
            **step("transplant", section.transplant, its_network),


use rule step from local as export_modulated with:
    input:
        **FIRST_PAIR,
        ranking=f"<run>/ranking/{{network}}/seed{SEEDS[0]}/{{method}}.parquet",
    output:
        "<run>/export/{network}/{method}.{degradation}.{strength}.{format}",
    pathvars:
        per="{network}.{method}.{degradation}.{strength}.{format}",
    wildcard_constraints:
        degradation=names(config["attribution"]["degradations"]),
        strength=r"-?\d[\d.e+-]*",
        format="pth|safetensors",
    params:
        **step("export_modulated", section.export, its_network),


use rule step from local as judge_trust with:
    input:
        health="<run>/health/{network}/seed{seed}.parquet",
        stability=["<stability>/stability.parquet", *AGREED],
        sanity="<stability>/sanity.parquet",
        league="<faithfulness>/league.parquet",
    output:
        "<run>/trust/{network}/seed{seed}.parquet",
    params:
        **step("judge_trust", section.trust),


if "prediction" in ASKED:

    use rule step from compute as predict with:
        input:
            **PAIR,
            ranking="<rankings>/faig.parquet",
            calibration="<run>/<validation>",
            data=TEST_DATA,
        output:
            "<run>/prediction/{network}/seed{seed}.parquet",
        resources:
            **request.large(),
        params:
            **step("predict", section.prediction, its_network),

use rule step from local as import_checkpoint with:
    input:
        given_numbers,
        checkpoint=given_checkpoint,
        towards=target_checkpoint,
    output:
        "<model>/{stage}.safetensors",
    pathvars:
        per="{network}.{seed}.{stage}",
    params:
        **step("import_checkpoint", section.imported, its_network),


use rule step from local as export_checkpoint with:
    input:
        weights="<model>/{stage}.safetensors",
    output:
        "<model>/{stage}.pth",
    pathvars:
        per="{network}.{seed}.{stage}",
    params:
        **step("export_checkpoint"),


if "baseline" in ASKED:

    use rule step from compute as train_baseline with:
        input:
            data="<run>/<train>",
            validation="<run>/<validation>",
        output:
            "<model>/baseline.safetensors",
            history="<model>/baseline_history.parquet",
        wildcard_constraints:
            network=trained("baseline"),
        resources:
            **request.training(config["training"]["baseline"]["iterations"]),
        params:
            **training("baseline"),

    ruleorder: train_baseline > import_checkpoint


if "target" in ASKED:

    use rule step from compute as train_target with:
        input:
            start=PAIR["baseline"],
            data="<run>/<train>",
            validation="<run>/<validation>",
        output:
            "<model>/target.safetensors",
            history="<model>/target_history.parquet",
        wildcard_constraints:
            network=trained("target"),
        resources:
            **request.training(config["training"]["target"]["iterations"]),
        params:
            **training("target"),

    ruleorder: train_target > import_checkpoint


if WITH_NULL:

    # a target that learns nothing new, for the sanity of rankings
    use rule step from compute as train_null with:
        input:
            start="<model>/baseline.safetensors",
            data="<run>/<train>",
            validation="<run>/<validation>",
        output:
            "<model>/null.safetensors",
            history="<model>/null_history.parquet",
        resources:
            **request.training(config["training"]["target"]["iterations"]),
        params:
            **training("null"),

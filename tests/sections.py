"""What each step takes from a config, by step and wildcards."""

from faig.base.provenance import canonical_json
from faig_workflow import config as configuration
from faig_workflow.sections import Sections


def all_sections(config: dict) -> dict[str, str]:
    """Every rule's text, by rule and wildcards."""
    config = configuration.load(config)
    section, seed = Sections(config), "0"
    texts = {f"synthesis/{name}": section.synthesis(name) for name in config["datasets"]}
    texts["trust"], texts["summary"] = section.trust(), section.summary()
    texts["figures"], texts["matched_random"] = section.figures(), section.matched_random(seed)
    for network in config["networks"]:
        for stage in ("baseline", "target"):
            texts[f"training/{network}/{stage}"] = section.training(network, seed, stage)
        for method in config["attribution"]["methods"]:
            texts[f"attribution/{network}/{method}"] = section.attribution(network, seed, method)
        texts[f"health/{network}"] = section.health(network)
        texts[f"stability/{network}"] = section.stability(network, seed)
        texts[f"evaluation/{network}"] = section.evaluation(network)
        texts[f"faithfulness/{network}"] = section.faithfulness(network, seed)
        texts[f"ranking/{network}"] = section.ranking(network)
        texts[f"masking/{network}"] = section.masking(network)
        texts[f"retraining/{network}"] = section.retraining(network, seed, "faig")
        texts[f"modulation/{network}"] = section.modulation(network)
        texts[f"export/{network}"] = section.export(network, "blur", "0.5")
        texts[f"prediction/{network}"] = section.prediction(network)
        texts[f"quadrature/{network}"] = section.quadrature(network)
        texts[f"benchmark/{network}"] = section.benchmark(network)
        texts[f"training_benchmark/{network}"] = section.training_benchmark(network)
    if config["two_branch"]:
        texts |= comparison_sections(config, section)
    return {name: canonical_json(told) for name, told in texts.items()}


def comparison_sections(config: dict, section: Sections) -> dict[str, dict]:
    """The same for the comparison of two-branch networks with one-branch ones."""
    two_branch = config["two_branch"]
    texts = {f"images/{name}": section.two_branch_synthesis(name) for name in config["datasets"]}
    texts |= {f"match/{system}": section.match(system) for system in two_branch["networks"]}
    for setting in two_branch["settings"]:
        texts[f"comparison/{setting}"] = section.two_branch_evaluation(setting)
        texts[f"learning/{setting}"] = section.two_branch_training(setting, "0")
    return texts | {"code": section.kernel_code(), "probe": section.two_branch_probe()}

"""What each rule takes from the config: exactly the keys that change its result.

Snakemake re-runs a rule whose parameters changed. `commands.params` makes one canonical JSON text
of each section: key order does not matter, every value does, and nothing else is seen.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations, product

from faig_workflow.config import beyond, blurs_at_random, contains
from faig_workflow.config.attribution import LOCALISING
from faig_workflow.config.networks import RECOGNISED
from faig_workflow.config.stages import used_for_training
from faig_workflow.config.transplant import receivers
from faig_workflow.packages import given_file


class Sections:
    """The sections of one checked config (`faig_workflow.config.load`), by rule.

    Every method returns what the rule's script takes as `--config`.
    """

    def __init__(self, config: Mapping):
        self.config = config

    def _degradations(self, names: Iterable[str]) -> dict:
        return {name: self.config["degradations"][name] for name in names}

    def _compute(self) -> dict:
        return {key: self.config[key] for key in ("device", "precision")}

    def _network(self, network: str) -> dict:
        settings = self.config["networks"][network]
        return {
            "architecture": settings["architecture"],
            "parameters": _recognised(settings) or settings["parameters"],
            "scale": self.config["scale"],
        }

    def _units(self) -> dict:
        """What is attributed, masked and re-trained."""
        settings = self.config["attribution"]
        return {"units": {key: settings[key] for key in ("units", "biases")}}

    def _batches(self) -> dict:
        return {key: self.config["training"][key] for key in ("patch", "batch", "sub_images")}

    def _schedule(self, stage: Mapping) -> dict:
        """A schedule with its lengths multiplied by `training.scale`."""

        def scaled(length):
            return length and max(1, round(length * self.config["training"]["scale"]))

        lengths = {key: scaled(stage[key]) for key in ("iterations", "period")}
        rates = {key: stage[key] for key in ("learning_rate", "minimum_learning_rate")}
        return {**lengths, **rates}

    def _conditions(self) -> dict[str, list[str]]:
        """Per true degradation those whose filters are ranked and that it contains."""
        found = beyond(self.config["degradations"], self.config["clean"])
        ranked = self.config["attribution"]["degradations"]
        return {
            true: [name for name in ranked if contains(operators, found[name])]
            for true, operators in found.items()
        }

    def download(self, dataset: str) -> dict:
        """Where an archive comes from."""
        return {"mirrors": self.config["datasets"][dataset]["mirrors"]}

    def _disjoint(self, others: Iterable[str], more: Iterable[tuple[str, str]] = ()) -> dict:
        for_training = used_for_training(self.config)
        pairs = [*combinations(for_training, 2), *product(for_training, others), *more]
        # one dataset in two roles is judged where the config is read
        apart = {pair for pair in pairs if len(set(pair)) == 2}
        return {"disjoint": sorted(apart)}

    def disjoint(self) -> dict:
        """Datasets that must not share a photograph, in pairs."""
        data = self.config["data"]
        search, tests = data["attribution"], data["test"]
        # the released code searches for filters on the images that it tests them on
        apart = [(search, test) for test in tests] if self.config["protocol"] == "paper" else []
        return self._disjoint([search, *tests], apart)

    def two_branch_disjoint(self) -> dict:
        """The same for the comparison, which searches for no filters."""
        return self._disjoint(self.config["data"]["test"])

    def _synthesis(self, dataset: str, in_training: Mapping, else_: Mapping) -> dict:
        """A dataset's source, and what it is degraded by."""
        training = dataset == self.config["data"]["train"]
        return {
            "dataset": self.config["datasets"][dataset],
            "degradations": in_training if training else else_,
            "deterministic": training,
            "scale": self.config["scale"],
            "seed": self.config["noise_seed"],
        }

    def synthesis(self, dataset: str) -> dict:
        """The source, and the degradations that the dataset is needed in."""
        settings = self.config["training"] or {}
        stages = filter(None, (settings.get("baseline"), settings.get("target")))
        used = dict.fromkeys(name for stage in stages for name in stage["degradations"])
        if self.config["stability"]["null_target"]:
            used[self.config["clean"]] = None
        return self._synthesis(dataset, self._degradations(used), self.config["degradations"])

    def training(self, network: str, seed: str, stage: str) -> dict:
        """One stage of training: `baseline`, `target`, or `null`, a target of clean images."""
        settings = self.config["training"]["target" if stage == "null" else stage]
        inputs = [self.config["clean"]] if stage == "null" else settings["degradations"]
        return {
            "stage": stage,
            "network": self._network(network),
            "seed": int(seed),
            "batches": self._batches(),
            "degradations": self._degradations(inputs),
            "schedule": self._schedule(settings),
            "validations": self.config["training"]["validations"],
            "validation_images": self.config["training"]["validation_images"],
            "validation_degradations": sorted(self.config["degradations"]),
            **self._compute(),
        }

    def _fixed(self, setting: str) -> dict[str, float]:
        """Sigmas by name of the degradation that has it in place of a setting's random one."""
        return {f"{setting}_{sigma:g}": sigma for sigma in self.config["two_branch"]["sigmas"]}

    def two_branch_synthesis(self, dataset: str) -> dict:
        """The source; random blurs for training, fixed ones for all else."""
        settings = self.config["two_branch"]["settings"]
        fixed = {
            name: [_with_sigma(spec, sigma) for spec in operators]
            for setting, operators in settings.items()
            for name, sigma in self._fixed(setting).items()
        }
        return self._synthesis(dataset, settings, fixed)

    def kernel_code(self) -> dict:
        """Range of the blurs' sigmas, over all settings."""
        operators = [spec for ops in self.config["two_branch"]["settings"].values() for spec in ops]
        lows, highs = zip(
            *(spec["sigma"] for spec in filter(blurs_at_random, operators)), strict=True
        )
        return {"low": min(lows), "high": max(highs)}

    def match(self, system: str) -> dict:
        """A two-branch network, and what its one-branch controls are like."""
        two_branch = self.config["two_branch"]
        network = {**two_branch["networks"][system], "scale": self.config["scale"]}
        return {"network": network, **two_branch["control"]}

    def two_branch_training(self, setting: str, seed: str) -> dict:
        """Training of a two-branch network or of a control; they tell themselves what they are."""
        two_branch = self.config["two_branch"]
        return {
            "stage": "two_branch",
            "seed": int(seed),
            "batches": self._batches(),
            "degradations": {setting: two_branch["settings"][setting]},
            "schedule": self._schedule(two_branch),
            "validations": self.config["training"]["validations"],
            "validation_images": self.config["training"]["validation_images"],
            "validation_degradations": list(self._fixed(setting)),
            **self._compute(),
        }

    def _crops(self) -> dict:
        """The crops whose degradation is asked for."""
        return {key: self.config["prediction"][key] for key in ("crop", "crops_per_image")}

    def two_branch_evaluation(self, setting: str) -> dict:
        """Two-branch network and controls in one setting."""
        facts = {"setting": setting, "sigmas": self._fixed(setting)}
        return {**facts, **self._crops(), **self._compute()}

    def two_branch_probe(self) -> dict:
        """What a code tells, on the crops of the prediction by filters."""
        facts = {
            "conditions": self._conditions(),
            "degradations": self.config["attribution"]["degradations"],
        }
        return {**self._crops(), **facts, **self._compute()}

    def imported(self, network: str, stage: str) -> dict:
        """Weights of the user's own, and how names in the file are read, where they are not."""
        settings = self.config["networks"][network]
        given = (
            {"names": stage, "names_towards": "target"} if settings["align"] else {"names": stage}
        )
        names = {key: _names(settings[which]) for key, which in given.items() if settings[which]}
        read = {key: value for key, value in names.items() if value}
        return {"network": self._network(network), **read}

    def _pair(self, network: str) -> dict:
        """A pair of networks, what of them has a score, and what computes."""
        return {"network": self._network(network), **self._units(), **self._compute()}

    def _attributed(self, network: str) -> dict:
        """A pair, and the degradations whose filters are searched for."""
        return {
            **self._pair(network),
            "degradations": self.config["attribution"]["degradations"],
            "clean": self.config["clean"],
        }

    def attribution(self, network: str, seed: str, method: str) -> dict:
        """One attribution method."""
        settings = self.config["attribution"]
        parameters = dict(settings["methods"][method] or {})
        return {
            **self._attributed(network),
            "seed": int(seed),
            "method": parameters.pop("function", method),
            "parameters": parameters,
            # what tells when images are enough
            "agreement": settings["agreement"] if settings["images"] == "auto" else None,
            "contrast": settings["contrast"] if settings["images"] == "auto" else {},
        }

    def one_pass(self) -> bool:
        """Whether FAIG's pass is that of `signed`, too: they integrate alike, over all images."""
        settings = self.config["attribution"]
        faig, signed = (settings["methods"].get(name, 0) for name in ("faig", "signed"))
        # images that are taken until rankings agree are others for other scores
        return settings["images"] == "all" and signed != 0 and (faig or {}) == (signed or {})

    def health(self, network: str) -> dict:
        """Whether a pair can be attributed."""
        return {
            **self._attributed(network),
            **self.config["health"],
        }

    def stability(self, network: str, seed: str) -> dict:
        """What a pair's rankings depend on, and how much."""
        ranked = self.config["attribution"]["degradations"]
        return {
            **self._attributed(network),
            "seed": int(seed),
            "operators": self._degradations(ranked),
            "contrast": self.config["attribution"]["contrast"],
            **self.config["stability"],
        }

    def check(self, network: str) -> dict:
        """A first look at a pair, on the crops that its health is measured on."""
        return {
            **self._attributed(network),
            **{key: self.config["health"][key] for key in ("crop", "crops")},
        }

    def trust(self) -> dict:
        """The limits of the trust card's lights."""
        limits = self.config["trust"]["limits"]
        return {"path": self.config["health"]["limits"], "limits": limits}

    def ranking(self, network: str) -> dict:
        """What degradations are contrasted with, and what is chosen on the validation images."""
        contrast = self.config["attribution"]["contrast"]
        return {**self._pair(network), "contrast": contrast}

    def matched_random(self, seed: str) -> dict:
        """The fair control."""
        return {"seed": int(seed)}

    def evaluation(self, network: str) -> dict:
        """PSNR of baseline and target."""
        return {
            "network": self._network(network),
            "input_degradations": sorted(self.config["degradations"]),
            **self._compute(),
        }

    def masking(self, network: str) -> dict:
        """Masking of all methods, and the crops that biases are refitted on, if they are."""
        masking, health = self.config["masking"], self.config["health"]
        inputs = [*self.config["attribution"]["degradations"], self.config["clean"]]
        crops = {"degradations": inputs, "crop": health["crop"], "crops": health["crops"]}
        return {
            **self.evaluation(network),
            **self._units(),
            "proportions": masking["proportions"],
            "refit": crops if masking["refit_biases"] else None,
            "channel": "blue" if self.config["protocol"] == "released" else "grey",
        }

    def faithfulness(self, network: str, seed: str) -> dict:
        """The bench: what every ranking's top filters carry."""
        ranked, clean = self.config["attribution"]["degradations"], self.config["clean"]
        return {
            **self._pair(network),
            "seed": int(seed),
            "input_degradations": [*ranked, clean],
            "clean": clean,
            "contrast": self.config["attribution"]["contrast"],
            **self.config["faithfulness"],
        }

    def modulation(self, network: str) -> dict:
        """What the strength of the top filters does, on the crops of the bench."""
        return {**self._pair(network), **self._strengths(), **self._bench_crops()}

    def _bench_crops(self) -> dict:
        """The crops of the bench, ranked degradations and clean."""
        ranked = self.config["attribution"]["degradations"]
        crops = {key: self.config["faithfulness"][key] for key in ("crop", "crops_per_image")}
        return {"input_degradations": [*ranked, self.config["clean"]], "crops": crops}

    def transplant(self, network: str, seed: str) -> dict:
        """What receivers gain and lose by a network's top filters, on the same crops."""
        return {
            **self._pair(network),
            **self._bench_crops(),
            "seed": int(seed),
            "donor": network,
            "receivers": receivers(self.config, network),
            "proportions": self.config["transplant"]["proportions"],
            "draws": self.config["faithfulness"]["draws"],
        }

    def _strengths(self) -> dict:
        return {key: self.config["modulation"][key] for key in ("strengths", "proportion")}

    def strip(self, network: str) -> dict:
        """The same as images."""
        style = {"style": self.config["figures"]}
        return {**self._pair(network), **self._strengths(), **style}

    def export(self, network: str, degradation: str, strength: str) -> dict:
        """A checkpoint with a degradation's top filters at a strength."""
        return {
            "network": self._network(network),
            "degradation": degradation,
            "strength": float(strength),
            "proportion": self.config["export"]["proportion"],
            **self._units(),
        }

    def retraining(self, network: str, seed: str, method: str) -> dict:
        """Re-training of one method's filters: as the target is trained, but for the schedule."""
        target, retraining = self.config["training"]["target"], self.config["retraining"]
        return {
            **self.evaluation(network),
            **self._units(),
            "seed": int(seed),
            "batches": self._batches(),
            "degradations": self._degradations(target["degradations"]),
            "proportions": retraining["proportions"],
            "rest": retraining["rest"] and method in LOCALISING,
            "schedule": self._schedule(retraining),
        }

    def _first_image(self, network: str) -> dict:
        return {
            "network": self._network(network),
            "degradations": self.config["attribution"]["degradations"],
            "clean": self.config["clean"],
            "device": self.config["device"],
        }

    def _benchmark(self, *keys: str) -> dict:
        return {key: self.config["benchmark"][key] for key in keys}

    def quadrature(self, network: str) -> dict:
        """Exactness of the quadrature."""
        settings = self._benchmark("nodes", "curve", "reference_size", "reference_nodes")
        return {**self._first_image(network), **settings}

    def benchmark(self, network: str) -> dict:
        """Cost of attribution."""
        settings = self._benchmark("nodes", "sizes", "images", "repetitions", "matrices")
        return {**self._first_image(network), **settings}

    def training_benchmark(self, network: str) -> dict:
        """Speed of training, on the target's degradations."""
        settings = self._benchmark("batch", "repetitions", "matrices")
        scale, patch = self.config["scale"], self.config["benchmark"]["patch"]
        target = self.config["training"]["target"]
        return {
            "network": self._network(network),
            "degradations": self._degradations(target["degradations"]),
            "device": self.config["device"],
            "patch": patch // scale * scale,
            **settings,
        }

    def prediction(self, network: str) -> dict:
        """Degradation prediction."""
        settings = self.config["prediction"]
        return {
            **self._pair(network),
            "clean": self.config["clean"],
            "conditions": self._conditions(),
            "proportion": settings["proportion"],
            **self._crops(),
            "parameters": {key: settings[key] for key in ("quadrature", "nodes")},
        }

    def summary(self) -> dict:
        """What the units are called."""
        return self._units()

    def figures(self) -> dict:
        """Looks of the figures."""
        return {"style": self.config["figures"]}

    def grid(self, network: str) -> dict:
        """The visual grid."""
        style = {"style": self.config["figures"]}
        return {**self.evaluation(network), **self._units(), **style}


def _recognised(network: Mapping) -> dict:
    """By which weights a network is recognised, if it is; see `faig.networks.spandrel`."""
    if network["architecture"] != RECOGNISED:
        return {}
    return {"file": str(given_file(network["baseline"])), **_names(network["baseline"])}


def _names(checkpoint: Mapping) -> dict:
    """How names of tensors are read; empty where they are taken as they are."""
    return {key: checkpoint[key] for key in ("prefix", "rename") if checkpoint[key]}


def _with_sigma(spec: dict, sigma: float) -> dict:
    """An operator, with a random blur made one of this sigma."""
    return {**spec, "sigma": sigma} if blurs_at_random(spec) else spec

"""What is attributed by which methods, and how their rankings are judged."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from .. import codebase
from . import wording
from .names import bad_object
from .parameters import bad_arguments, bad_call, quadrature
from .section import (
    DISTINCT,
    Count,
    LargerSide,
    Name,
    Names,
    Nodes,
    Proportion,
    Proportions,
    Schedule,
    Section,
    Slip,
    Strength,
    refuse,
)

# methods whose filters may be left out of a training, and the control
LOCALISING = ("faig", "signed", "matched_random")
# methods that are re-trained if nothing else is said: the paper's, and ours
RETRAINED = ("faig", "signed", "intinf", "weight_change", "random", "matched_random")

# what rankings and the tables beside them are called that are of no method
TAKEN = ("matched_random", "random_draws", "like_draws", "health", "effects", "strip")


def _with_faig(methods: dict) -> dict:
    if "faig" not in methods:
        refuse([Slip((), "the key 'faig' is missing")])
    return methods


def _bad_function(name: str, function: object, given: Mapping) -> Iterator[Slip]:
    """What is wrong with a method of the user's own, as far as its file tells that is only read.

    Args:
        name: that the config gives it.
        function: where it is.
        given: its parameters.
    """
    if name in (*codebase.methods(), *TAKEN):
        yield Slip(
            (), "found a function of your own, expected a name that the project does not use"
        )
    if slips := list(bad_object(str(function), "function", "function")):
        yield from slips
        return
    file = codebase.named_file(function)
    if file is None and not codebase.elsewhere(function):
        words = "one in a file below scripts/, or in an installed package: there is no such module"
        yield Slip(("function",), wording.wrong(function, words))
    if file is None:
        return
    place = file.relative_to(codebase.SCRIPTS.parent)
    try:
        known = codebase.methods(file)
    except (SyntaxError, ValueError) as error:  # no Python, or not in UTF-8
        yield Slip(("function",), f"{place} cannot be read: {error}")
        return
    function_name = function.partition(":")[2]
    if function_name in known:
        yield from bad_arguments("attribution method", name, given, known[function_name])
    else:
        words = f"a function under @method in {place}, which has {', '.join(known) or 'none'}"
        yield Slip(("function",), wording.wrong(function, words))


def _bad_method(name: str, given: Mapping) -> Iterator[Slip]:
    """What is wrong with a method and its parameters."""
    if "function" in given:
        rest = {key: value for key, value in given.items() if key != "function"}
        return _bad_function(name, given["function"], rest)
    known = codebase.methods()
    return chain(
        bad_call("attribution method", name, given, known),
        quadrature(given, "tolerance" in known.get(name, {})),
    )


class Attribution(Section):
    """Whose filters are searched for, and how."""

    degradations: Annotated[Names, Field(min_length=2)] | None = Field(
        None,
        description="those whose filters are searched for; each is contrasted with the others, so "
        "none may have all operators that another has beyond `clean`; `null` for all but `clean`",
    )
    contrast: dict[Name, Names] = Field(
        {},
        description="which others a degradation is contrasted with, where not with all: `{jpeg: "
        "[noise]}`. Scores count as shares of the gain there, so that the largest loss does not "
        "dominate. A mixture may be contrasted with what it contains: `{blur_noise: [noise]}` "
        "looks for what removes blur under noise; what it contains is then contrasted with all but "
        "the mixture. `greedy` and `learned_gates` search by themselves, and spare all others",
    )
    units: Literal["kernel", "channel", "head", "layer"] = Field(
        "kernel",
        description="what has a score, is ranked, masked and re-trained: the paper's 2-D kernels "
        "of convolutions, and rows of linear layers; output channels, which are the rows of a "
        "linear layer, and of a normalisation the channels with their scales; the same, but of "
        "attention the heads, each with its rows of queries, keys and values, its scores of "
        "offsets and its columns of the projection; or layers. Figures call all of them filters",
    )
    biases: Literal["target", "units"] = Field(
        "target",
        description="where biases are: always the target's, as in the paper; or in the unit of "
        "their channel or layer. Beside kernels each is a unit of its own then, and so is all else "
        "that is no kernel, such as normalisations, by channels",
    )
    images: Literal["all", "auto"] = Field(
        "all",
        description="of `data.attribution`; `auto` takes them in a random order until `agreement` "
        "is reached, and says in the log how many are left",
    )
    agreement: Proportion = Field(
        0.95,
        description="for `auto`: of the top 1 % between rankings from so many images, corrected "
        "for chance and predicted from their halves (Spearman-Brown), for every degradation",
    )
    methods: Annotated[dict[Name, dict[str, Any] | None], AfterValidator(_with_faig)] = Field(
        {name: {} for name in ("faig", "signed", "taylor", "weight_change", "random")},
        json_schema_extra={"required": ["faig"]},
        description="methods by name with their parameters; `faig` must be among them. The control "
        "`matched_random`, random filters but as many per layer as FAIG's, is always added. "
        "`signed` with the parameters of `faig`, on all images, takes no pass of its own. A method "
        "of your own has any name, and its place beside its parameters: `{magnitude: {function: "
        '"package.module:function"}}`',
    )

    def slips(self) -> Iterator[Slip]:
        for name, given in self.methods.items():
            for slip in _bad_method(name, given or {}):
                yield slip._replace(place=("methods", name, *slip.place))


class Masking(Section):
    """Filters of the target that are set back to the baseline's."""

    proportions: Proportions = Field(description="of the filters that are masked")
    refit_biases: bool = Field(
        False,
        description="whether all is measured once more with the biases of changed channels refitted"
        ", so that each keeps its mean response on crops of `data.attribution`, as many and as "
        "large as `health` takes: what is lost then is no shift of colour",
    )


class _Retrained(Section):
    methods: Names | None = Field(
        None,
        description="whose filters are re-trained, of `attribution.methods` and `matched_random`; "
        "`null` for these: " + ", ".join(f"`{name}`" for name in RETRAINED),
    )
    proportions: Proportions = Field(description="of the filters that are re-trained")
    rest: bool = Field(
        False,
        description="whether all filters but the chosen ones are trained, too, of "
        + ", ".join(f"`{name}`" for name in LOCALISING)
        + ": if a skill lies in the chosen ones, less of it is learned. Takes as long again",
    )


class Retraining(Schedule, _Retrained):
    """Training of the chosen filters alone, from the baseline."""


class Prediction(Section):
    """Which degradation an image has, told by the filters that matter for it."""

    proportion: Proportion = Field(0.01, description="of the filters that are compared")
    crop: LargerSide = Field(
        128, description="side of the HR crops whose degradation is predicted, in pixels"
    )
    crops_per_image: Count = Field(12, description="at most")
    quadrature: str = Field("gauss-legendre", description="as for `faig`")
    nodes: Nodes = Field(8, description="of the quadrature")

    def slips(self) -> Iterator[Slip]:
        return quadrature({"quadrature": self.quadrature, "nodes": self.nodes}, adaptive=False)


class Faithfulness(Section):
    """The bench that judges rankings."""

    crop: LargerSide = Field(
        96,
        description="side in HR pixels of the crops of test images on which rankings are judged; "
        "the smallest image's where that is less",
    )
    crops_per_image: Count = Field(2, description="at most")
    draws: Count = Field(
        20,
        description="random choices of filters that rankings are compared with: so many with as "
        "many in each layer as FAIG's, and so many with as many in each decile of the change of a "
        "layer's weights",
    )
    filters: Count = Field(
        200,
        description="about how many filters, of all layers and sizes of change, are deleted one by "
        "one for their exact effects",
    )


class Modulation(Section):
    """The top filters of each degradation at strengths between baseline and target, and beyond."""

    methods: Names = Field(["faig"], description="whose top filters are modulated")
    proportion: Proportion = Field(0.01, description="of the filters")
    strengths: Annotated[list[Strength], Field(min_length=2), *DISTINCT] = Field(
        [-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5],
        description="of these filters, λ: 0 is the baseline, 1 the target, others lie on the line "
        "through both. Whether modulation is continuous is judged at 0, 0.25, 0.5, 0.75 and 1",
    )


class Export(Section):
    """A checkpoint in which the top filters of a degradation have some strength."""

    network: Name | None = Field(None, description="of the run; `null` for the first one")
    degradation: Name | None = Field(
        None, description="whose filters; `null` for the first of `attribution.degradations`"
    )
    method: Name = Field("faig", description="that ranks them")
    strength: Strength = Field(0.5, description="λ, see `modulation.strengths`; six digits count")
    proportion: Proportion = Field(
        0.01,
        description="of the filters. At `1` biases and all else go with them, so that strength 0 "
        "is the baseline itself; else they are the target's",
    )
    format: Literal["pth", "safetensors"] = Field(
        "pth", description="`pth` as BasicSR writes it, keys in the module's own order"
    )

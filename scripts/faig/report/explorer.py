"""The explorer: one page, whole in itself, on which every filter of a run can be looked up.

Its widgets and plots are Bokeh's. The page forbids itself to load anything.
"""

import re
from collections.abc import Iterable, Mapping

from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.events import DocumentReady
from bokeh.layouts import column, row
from bokeh.models import (
    CategoricalSlider,
    ColumnDataSource,
    CustomJS,
    Div,
    FixedTicker,
    GlyphRenderer,
    HoverTool,
    Range1d,
    Select,
    Spinner,
    Widget,
)
from bokeh.plotting import figure
from bokeh.resources import INLINE

from .explored import STEP
from .looks import DEGRADATIONS, input_label, label, looks
from .rankings import LOCATED

LIMIT = 5_000_000  # characters of a page
FRAME = 1_800_000  # of these for Bokeh and the words
ROOM = LIMIT - FRAME
START = "1 %"  # of the filters is shown first
TITLE = "Which filters remove which degradation?"

# Bokeh's names of matplotlib's markers
MARKERS = {
    "o": "circle", "s": "square", "X": "x", "D": "diamond", "v": "inverted_triangle", "P": "cross",
    "<": "triangle_pin", ">": "triangle", "p": "hex", "h": "square_pin", "*": "star",
}  # fmt: skip
UUID = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}")

PAGE = """{% from macros import embed %}
{% block preamble %}
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
 script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:">
<style>
 body { font-family: "DejaVu Sans", Arial, sans-serif; color: black; background: white; }
 main { max-width: 1100px; margin: 0 auto; padding: 0 1em; }
 h1 { font-size: 1.5em; } h2 { font-size: 1.2em; }
</style>
{% endblock %}
{% block contents %}
<main>
<h1>{{ heading }}</h1>
<p>What to look for: do the best filters for a degradation gather in some layers, beyond the black
lines that show where as many filters drawn at random would lie, and are they missed when they are
deleted?</p>
<p>{{ kept }} First seed only. By keyboard: Tab goes from one choice to the next, arrow keys change
it, and any filter can be called by its rank.</p>
{{ embed(roots.filters) }}
<h2>Its filters as a slider</h2>
<p>What to look for: as the strength &lambda; of the top filters goes from 0, the
baseline's weights, to 1, the target's, the restoration grows by degrees.</p>
{{ embed(roots.strip) }}
</main>
{% endblock %}"""

# what all callbacks know: the choices, and how to read what `explored` packed
CHOICE = """
const packed = network.tags[0][network.value]
const lists = packed.lists[method.value]
const chosen = degradation.value
const list = lists[chosen]
const kept = list.row.length
const [layers, first, sizes, width] =
  ["layers", "first", "sizes", "width"].map(name => packed[name])
const [filters, outs, ins] = ["filter", "out_channel", "in_channel"].map(name => packed[name])
const lost = packed.effects.lost
const measured = new Map([...packed.effects.row].map((row, i) => [row, i]))

const number = value => value.toLocaleString("en")
const short = value => Number.isFinite(value) ? value.toPrecision(3) : "-"
const escaped = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;")
const layerOf = row => first.findLastIndex(start => start <= filters[row])
const channel = (name, value) => value < 0 ? "" : `, ${name} channel ${value}`
const address = row =>
  layers[layerOf(row)] + channel("output", outs[row]) + channel("input", ins[row])
const lostBy = (row, name) =>
  measured.has(row) ? short(lost[name][measured.get(row)]) + " dB" : "not measured"
function score(list, rank) {
  const scores = list.score, exact = packed.exact
  if (rank < exact) return short(scores[rank])
  const knot = Math.floor((rank - exact) / step), start = exact + knot * step
  const length = Math.min(step, kept - 1 - start) || 1
  const [a, b] = [scores[exact + knot], scores[exact + knot + 1] ?? scores[exact + knot]]
  return short(a + (b - a) * (rank - start) / length)
}
function place(row) {
  const i = layerOf(row)
  const aside = ins[row] < 0 ? 0 : 0.8 * ((ins[row] + 0.5) / width[i] - 0.5)
  return [100 * (filters[row] - first[i] + 0.5) / sizes[i], i + aside]
}
"""

UPDATE = """
const look = styles[chosen]
for (const drawn of [points, effects]) {
  drawn.glyph.marker = {value: look.marker}
  drawn.glyph.fill_color = drawn.glyph.line_color = {value: look.colour}
}
bars.glyph.fill_color = {value: look.colour}

const top = packed.counts[share.value]
const rows = Array.from({length: top}, (_, rank) => list.row[rank])
const places = rows.map(place)
points.data_source.selected.indices = []
points.data_source.data = {
  x: places.map(([x, y]) => x),
  y: places.map(([x, y]) => y),
  filter: rows.map(address),
  rank: rows.map((_, rank) => number(rank + 1)),
  score: rows.map((_, rank) => score(list, rank)),
  effect: rows.map(row => lostBy(row, chosen)),
}

const counts = layers.map(() => 0)
for (const row of rows) counts[layerOf(row)]++
bars.data_source.data = {
  y: layers.map((_, i) => i),
  low: layers.map((_, i) => i - 0.42),
  high: layers.map((_, i) => i + 0.42),
  share: counts.map(count => 100 * count / top),
  expected: sizes.map(size => 100 * size / packed.filters),
  layer: layers,
  count: counts.map((count, i) => `${number(count)} of ${number(sizes[i])}`),
}
layer_axis.ticker.ticks = packed.labels.map(([place]) => place)
layer_axis.major_label_overrides = new Map(packed.labels)
layer_range.start = layers.length - 0.4
layer_range.end = -0.6

effects.data_source.data = {
  rank: Array.from(list.measured_rank, rank => rank + 1),
  lost: Array.from(lost[chosen]),
  filter: Array.from(packed.effects.row, address),
  score: Array.from(list.measured_score, short),
}

const text = `Shown: the ${number(top)} best of ${number(packed.filters)} filters.`
status.text = `<p role="status">${text} <strong>${escaped(packed.unfit)}</strong></p>`
"""

TELL = """
const row = list.row[Math.min(Math.max(rank.value ?? 1, 1), kept) - 1]
const [x, y] = place(row)
highlight.data = {x: [x], y: [y]}
const names = Object.keys(lists)
const cells = Object.entries(packed.lists).map(([name, byDegradation]) => {
  const found = names.map(degradation => {
    const one = byDegradation[degradation], at = one.row.indexOf(row)
    return at < 0 ? "<td>lower</td>" : `<td>${number(at + 1)} (${score(one, at)})</td>`
  })
  return `<tr><th scope="row">${labels[name]}</th>${found.join("")}</tr>`
})
const without = Object.keys(lost).map(name => `${labels[name]} ${lostBy(row, name)}`)
details.text = `<table><caption>${escaped(address(row))}: rank (score)</caption>
<tr><td></td>${names.map(name => `<th scope="col">${labels[name]}</th>`).join("")}</tr>
${cells.join("")}</table>
<p>PSNR lost without it: ${measured.has(row) ? without.join(", ") : "not measured"}</p>`
"""

SHOW = """
const images = packed.pictures.rows[inputs[chosen]]
const found = images.find(image => image.column == strength.value)
const shown = [images[0], found, images[images.length - 1]].map(image => {
  const text = [image.column, image.text].filter(Boolean).join(": ")
  const drawn = `<img src="${image.src}" alt="${text}">`
  return `<figure>${drawn}<figcaption>${text}</figcaption></figure>`
})
const title = `${packed.pictures.title}, ${escaped(inputs[chosen])}`
picture.text = `<p>${title}</p>${shown.join("")}`
"""

FILTER = [(name, f"@{name}") for name in ("filter", "rank", "score")]  # of tooltips
TABLE = """caption { text-align: left; font-weight: bold; padding: 0.3em 0 }
th, td { text-align: right; padding: 0.1em 0.6em } th[scope=row] { text-align: left }"""
PICTURES = """figure { display: inline-block; margin: 0 1em 0 0 }
img { width: 300px; height: 300px; image-rendering: pixelated } p { margin: 0.5em 0 }"""


def explorer(share: float, networks: Mapping[str, Mapping]) -> str:
    """The page (HTML), the same for the same input.

    Args:
        share, networks: see `explored.explored`.
    """
    words = {"heading": TITLE, "kept": _kept(share)}
    page = file_html(_document(networks), INLINE, TITLE, template=PAGE, template_variables=words)
    return _named_alike(page)


def _kept(share: float) -> str:
    """What the page holds."""
    if share == 1:
        kept = "All filters of every ranking are here."
    else:
        kept = (
            "There are too many filters for one page. Left out are those below the top "
            f"{100 * share:g} % of a ranking; they count in the black lines alone."
        )
    rounded = f"Scores below the top {100 * LOCATED:g} % are interpolated between every {STEP}th."
    return f"{kept} {rounded}" if share > LOCATED else kept


def _named_alike(page: str) -> str:
    """The page with numbers in place of the random names that Bokeh gives its elements."""
    names: dict[str, str] = {}
    return UUID.sub(lambda found: names.setdefault(found[0], f"element-{len(names)}"), page)


def _text(name: str) -> str:
    """What a method or degradation is called, without mathematics."""
    return name.replace("_", " ") if "$" in label(name) else label(name)


def _select(title: str, names: Mapping[str, str] | list[str]) -> Select:
    options = [(name, _text(name)) for name in names]
    return Select(title=title, value=options[0][0], options=options, width=200)


def _choices(packed: Mapping, networks: Iterable[str]) -> dict[str, Widget]:
    """What can be chosen, by its name in the callbacks."""
    names = list(networks)
    tops = list(packed["counts"])[::-1]
    strengths = [image["column"] for image in next(iter(packed["pictures"]["rows"].values()))[1:-1]]
    return {
        "network": Select(title="Network", value=names[0], options=names, width=200),
        "method": _select("Method", packed["lists"]),
        "degradation": _select("Filters for", next(iter(packed["lists"].values()))),
        "share": CategoricalSlider(
            title="Best", categories=tops, value=START if START in tops else tops[-1], width=300
        ),
        "rank": Spinner(title="Tell of the filter with rank", low=1, value=1, step=1, width=200),
        "strength": CategoricalSlider(
            title="Strength", categories=strengths, value=strengths[0], width=400, name="strength"
        ),
    }


def _places() -> tuple[figure, dict[str, object]]:
    """The map of the filters, and its parts by their names in the callbacks."""
    plot = figure(
        width=700, height=560, title="Each filter at its place",
        x_range=(-1, 101), y_range=Range1d(1, 0),
        x_axis_label="position in its layer (%), by output channel",
        y_axis_label="layer, from input to output; within it by input channel",
        tools="pan,box_zoom,wheel_zoom,reset,tap",
    )  # fmt: skip
    points = _scatter(plot, "x", "y", ["filter", "rank", "score", "effect"])
    told = [*FILTER, ("PSNR lost without it", "@effect")]
    plot.add_tools(HoverTool(renderers=[points], tooltips=told, limit=4))
    highlight = ColumnDataSource({"x": [], "y": []})
    plot.scatter(source=highlight, size=18, fill_color=None, line_color="black", line_width=2)
    _by_layer(plot)
    return plot, {
        "points": points, "highlight": highlight,
        "layer_axis": plot.yaxis[0], "layer_range": plot.y_range,
    }  # fmt: skip


def _shares(layers: Range1d) -> tuple[figure, dict[str, object]]:
    """How many filters lie in each layer."""
    plot = figure(
        width=360, height=560, title="Share of them in each layer", y_range=layers,
        x_axis_label="share (%); black: of all filters", tools="",
    )  # fmt: skip
    columns = ["y", "low", "high", "share", "expected", "layer", "count"]
    source = ColumnDataSource({name: [] for name in columns})
    bars = plot.hbar("y", right="share", height=0.7, source=source, line_color=None)
    line = {"color": "black", "line_width": 2}
    plot.segment("expected", "low", "expected", "high", source=source, **line)
    told = [("layer", "@layer"), ("filters", "@count")]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=told))
    plot.x_range.start = 0
    plot.yaxis.visible = False
    _by_layer(plot)
    return plot, {"bars": bars}


def _by_layer(plot: figure) -> None:
    plot.yaxis.ticker = FixedTicker()
    plot.ygrid.visible = False


def _effects() -> tuple[figure, dict[str, object]]:
    """What single filters do, beside their ranks."""
    plot = figure(
        width=560, height=360, title="Exact effect of deleting single filters",
        x_axis_label="rank", y_axis_label="PSNR lost (dB)", tools="pan,box_zoom,reset",
    )  # fmt: skip
    effects = _scatter(plot, "rank", "lost", ["filter", "score"])
    told = [*FILTER, ("PSNR lost without it", "@lost{0.0000} dB")]
    plot.add_tools(HoverTool(renderers=[effects], tooltips=told))
    return plot, {"effects": effects}


def _scatter(plot: figure, x: str, y: str, more: Iterable[str]) -> GlyphRenderer:
    """Points that do not fade when one of them is chosen; none yet."""
    source = ColumnDataSource({name: [] for name in (x, y, *more)})
    points = plot.scatter(x, y, source=source, size=7, alpha=0.8, line_width=1.5)
    points.nonselection_glyph = None
    return points


def _document(networks: Mapping[str, Mapping]) -> Document:
    """Widgets and plots, and what they do to each other."""
    packed = next(iter(networks.values()))
    choices = _choices(packed, networks)
    places, of_places = _places()
    shares, of_shares = _shares(places.y_range)
    effects, of_effects = _effects()
    texts = {
        "status": Div(width=1060),
        "details": Div(width=480, stylesheets=[TABLE]),
        "picture": Div(width=1060, stylesheets=[PICTURES], name="picture"),
    }
    # arguments are copied for each callback, but for models
    choices["network"].tags = [dict(networks)]
    degradations = list(next(iter(packed["lists"].values())))
    facts = {
        "step": STEP,
        "styles": {
            name: {"colour": look.colour, "marker": MARKERS[look.marker]}
            for name, look in looks(degradations, DEGRADATIONS).items()
        },
        "inputs": {name: input_label(name) for name in degradations},
        "labels": {
            name: _text(name)
            for name in [*packed["lists"], *degradations, *packed["effects"]["lost"]]
        },
    }
    arguments = choices | of_places | of_shares | of_effects | texts | facts
    update, tell, show = (CustomJS(args=arguments, code=CHOICE + c) for c in (UPDATE, TELL, SHOW))
    for name, callbacks in {
        "network": [update, tell, show],
        "method": [update, tell],
        "degradation": [update, tell, show],
        "share": [update],
        "rank": [tell],
        "strength": [show],
    }.items():
        choices[name].js_on_change("value", *callbacks)
    tapped = CustomJS(
        args=choices, code="if (cb_obj.indices.length) rank.value = cb_obj.indices[0] + 1"
    )
    of_places["points"].data_source.selected.js_on_change("indices", tapped)
    document = Document()
    document.js_on_event(DocumentReady, update, tell, show)
    top = row(*(choices[name] for name in ("network", "method", "degradation", "share")))
    below = row(effects, column(choices["rank"], texts["details"]))
    page = column(top, texts["status"], row(places, shares), below, name="filters")
    document.add_root(page)
    document.add_root(column(choices["strength"], texts["picture"], name="strip"))
    return document

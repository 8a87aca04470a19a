"""The explorer tells of every filter, keeps to its size, and works in a browser, offline."""

import json
import re
import shutil
import subprocess
from functools import partial

import numpy as np
import pandas as pd
import pytest
from faig.attribution.ranking import number, ranks
from faig.base.tables import write_table
from faig.report import explored as packing
from faig.report.explored import SHARES, affordable, explored, weight
from faig.report.explorer import FRAME, LIMIT, ROOM, explorer
from faig.report.grid import image_table

LAYERS = {"head": (2, 3), "body.0": (4, 2), "tail": (1, 4)}  # output and input channels
INPUTS = ["blur", "noise", "bicubic"]
STRENGTHS = ["λ = 0", "λ = 0.5", "λ = 1"]


def ranking(seed: int, layers: dict = LAYERS) -> pd.DataFrame:
    rng, parts = np.random.default_rng(seed), []
    for degradation in ("blur", "noise"):
        out, into = (
            np.concatenate([np.indices(shape)[axis].ravel() for shape in layers.values()])
            for axis in (0, 1)
        )
        score = rng.standard_normal(len(out))
        address = {
            "filter": np.arange(len(out)),
            "layer": np.repeat(list(layers), [a * b for a, b in layers.values()]),
            "out_channel": out,
            "in_channel": into,
        }
        parts.append(
            pd.DataFrame(
                {**address, "degradation": degradation, "score": score, "rank": ranks(score)}
            )
        )
    return pd.concat(parts, ignore_index=True)


def effects(filters: list[int]) -> pd.DataFrame:
    rows = [(f, name, image) for f in filters for name in INPUTS for image in ("a", "b")]
    table = pd.DataFrame(rows, columns=["filter", "input_degradation", "image"])
    whole = np.where(table["image"] == "a", 0.01, 0.02)
    return table.assign(dataset="s", loss_target=whole, loss=whole * 10 ** (table["filter"] / 100))


def strip() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    cells = ["LR input", *STRENGTHS, "ground truth"]
    rows = {
        f"{name} input": {cell: (rng.random((8, 8, 3)), "30.00 dB") for cell in cells}
        for name in ("blur", "noise")
    }
    return image_table("an <image>, FAIG's top 1 % filters", rows)


def write_tables(folder, verdict: str = "healthy", **rankings: pd.DataFrame) -> list[tuple]:
    """Write the tables of a run, and list them as the script takes them."""
    health = {"input_degradation": ["blur"], "verdict": verdict, "reason": "a barrier"}
    others = {"effects": effects([0, 7]), "strip": strip(), "health": pd.DataFrame(health)}
    for name, table in (rankings | others).items():
        write_table(folder / f"{name}.parquet", table)
    return [(name, "net", "0", str(folder / f"{name}.parquet")) for name in rankings | others]


@pytest.fixture
def tables(tmp_path):
    return partial(write_tables, tmp_path)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """Of two rankings of few filters."""
    listed = write_tables(tmp_path_factory.mktemp("run"), faig=ranking(0), random=ranking(1))
    return explorer(*explored(listed, ROOM))


def addresses(own: dict, rows) -> list[tuple]:
    names = np.repeat(own["layers"], own["sizes"])
    numbers = own["filter"][rows]
    return list(zip(names[numbers], own["out_channel"][rows], own["in_channel"][rows], strict=True))


def test_every_filter_of_every_ranking_is_there_by_its_rank(tables):
    rankings = {"faig": ranking(0), "random": ranking(1)}
    share, networks = explored(tables(**rankings), ROOM)
    own = networks["net"]
    assert share == 1
    assert own["filters"] == 18
    for method, table in rankings.items():
        for degradation, rows in table.groupby("degradation"):
            best = rows.sort_values("rank")
            found = own["lists"][method][degradation]
            columns = [best[name] for name in ("layer", "out_channel", "in_channel")]
            assert addresses(own, found["row"]) == list(zip(*columns, strict=True))
            assert found["score"][0] == pytest.approx(best["score"].iloc[0])
            assert found["score"][-1] == pytest.approx(best["score"].iloc[-1])


def test_scores_between_those_that_are_kept_lie_almost_on_a_line(tables):
    table = ranking(0, {"layer": (60, 60)})
    own = explored(tables(faig=table), ROOM)[1]["net"]
    kept = packing.knots(3600, own["exact"])
    for degradation, rows in table.groupby("degradation"):
        scores = np.sort(rows["score"])[::-1]
        found = np.interp(np.arange(3600), kept, own["lists"]["faig"][degradation]["score"])
        np.testing.assert_allclose(found[: own["exact"]], scores[: own["exact"]], rtol=1e-6)
        assert np.abs(found - scores)[: int(0.95 * 3600)].max() < 0.02
    assert len(kept) < 0.15 * 3600


def test_effects_are_means_over_crops_in_decibel(tables):
    own = explored(tables(faig=ranking(0)), ROOM)[1]["net"]
    assert own["filter"][own["effects"]["row"]].tolist() == [0, 7]
    assert own["effects"]["lost"].keys() == set(INPUTS)
    np.testing.assert_allclose(own["effects"]["lost"]["noise"], [0, 0.7], atol=1e-6)


def test_units_without_channels_have_an_address(tables):
    table = ranking(0).assign(in_channel=-1)
    own = explored(tables(faig=table), ROOM)[1]["net"]
    assert set(own["in_channel"].tolist()) == {-1}


def test_too_many_filters_are_cut_to_the_top_that_fits(tables):
    layers, room = {"first": (100, 100), "second": (3, 100)}, 20_000
    table = ranking(0, layers)
    share, networks = explored(tables(faig=table, random=ranking(1, layers)), room)
    own = networks["net"]
    assert 0 < share < 1
    best = table[(table["degradation"] == "blur") & (table["rank"] < number(10_300, share))]
    best = best.sort_values("rank")
    row = own["lists"]["faig"]["blur"]["row"]
    assert own["filter"][row].tolist() == best["filter"].tolist()
    # the effects of those that are left out, too
    measured = own["lists"]["faig"]["blur"]["measured_rank"].tolist()
    assert measured == table[table["filter"].isin([0, 7])]["rank"].tolist()[:2]
    assert max(measured) >= len(row)
    assert own["sizes"] == [10_000, 300]  # of all filters, for the layers' shares
    page = explorer(share, networks)
    assert len(page) < FRAME + room
    assert f"below the top {100 * share:g} % of a ranking" in page


def test_many_images_are_compressed_until_they_fit():
    images = {"one": strip(), "other": strip()}
    whole, small = (packing.strips(images, room) for room in (100_000, 1_000))
    assert "JPEG" not in whole["one"]["title"]
    assert "(JPEG)" in small["other"]["title"]
    (image,) = {row[0]["src"][:16] for row in small["one"]["rows"].values()}
    assert image == "data:image/jpeg;"


def test_a_million_filters_fit():
    assert affordable([(1_000_000, 16)], ROOM) >= 0.005  # eight rankings for two degradations
    size = (1_000_000, 32)
    share = affordable([size], ROOM)
    assert share >= 0.002
    assert weight(*size, share) <= ROOM
    assert weight(*size, SHARES[SHARES.index(share) - 1]) > ROOM


def test_the_page_of_few_filters_leaves_room_for_many(page):
    assert len(page.encode()) < FRAME < LIMIT == FRAME + ROOM
    assert "All filters of every ranking are here" in page
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-4", page)  # a random name


def test_an_unfit_pair_is_named(tables):
    assert explored(tables(faig=ranking(0)), ROOM)[1]["net"]["unfit"] == ""
    own = explored(tables("unfit", faig=ranking(0)), ROOM)[1]["net"]
    assert "UNFIT PAIR" in own["unfit"]
    assert "a barrier" in own["unfit"]


# in the browser: what a page logs and what it tries to load, the slider moved by its key, the
# filter called by its rank
WATCH = """<script>
const seen = {errors: [], loaded: []}
for (const kind of ["error", "unhandledrejection"])
  addEventListener(kind, event => seen.errors.push(String(event.message ?? event.reason)))
addEventListener("securitypolicyviolation", event => seen.loaded.push(event.blockedURI))
console.error = (...words) => seen.errors.push(words.join(" "))
function* all(root) {
  for (const element of root.querySelectorAll("*")) {
    yield element
    if (element.shadowRoot) yield* all(element.shadowRoot)
  }
}
const find = selector => [...all(document)].filter(element => element.matches(selector))
const wait = ready => new Promise(done => {
  const timer = setInterval(() => { if (ready()) { clearInterval(timer); done() } }, 50)
})
const text = () => find("table, p").map(element => element.innerText).join("\\n")
async function use() {
  await wait(() => find("figure img").length == 3 && find("table").length)
  seen.before = find("figure img").map(image => image.src)
  const handle = find(".noUi-handle").at(-1)
  handle.focus()
  handle.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}))
  await wait(() => find("figure img")[1]?.src != seen.before[1])
  seen.after = find("figure img").map(image => image.src)
  seen.alt = find("figure img")[1].alt
  seen.first = text()
  const rank = find("input[type=text], input[type=number]")[0]
  rank.value = "2"
  for (const kind of ["input", "change"]) rank.dispatchEvent(new Event(kind, {bubbles: true}))
  await wait(() => text() != seen.first)
  seen.second = text()
  seen.loaded.push(...performance.getEntriesByType("resource").map(entry => entry.name))
  document.title = JSON.stringify(seen)
}
addEventListener("load", use)
</script>"""


@pytest.fixture
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip("no chromium on this machine")


def test_the_page_works_in_a_browser_without_a_network(page, chromium, tmp_path):
    table = ranking(0)
    path = tmp_path / "page.html"
    path.write_text(page.replace("<head>", f"<head>{WATCH}", 1), encoding="utf-8")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=60000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", run.stdout)
    assert title, run.stderr[-3000:]
    seen = json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert seen["errors"] == []
    assert [name for name in seen["loaded"] if not name.startswith(("data:", "blob:"))] == []
    assert seen["alt"] == "λ = 0.5: 30.00 dB"
    before, after = seen["before"], seen["after"]
    assert (before[0], before[2]) == (after[0], after[2])
    assert before[1] != after[1]
    for rank, told in enumerate((seen["first"], seen["second"])):
        (best,) = table[(table["degradation"] == "blur") & (table["rank"] == rank)].itertuples()
        place = f"output channel {best.out_channel}, input channel {best.in_channel}"
        assert f"{best.layer}, {place}" in told
        assert f"{rank + 1} ({best.score:.3g}" in told or best.score == 0

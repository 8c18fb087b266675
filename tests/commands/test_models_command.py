import pytest
from bundles import make_bundle

from ecgtool.catalog import Catalog
from ecgtool.catalog.bundle import Origin


def measured(value):
    return {"values": {"macro_auroc": {"value": value, "low": value - 0.05, "high": value + 0.05}}}


@pytest.fixture
def models(tmp_path):
    """toy@1 (champion) and toy@2, of one store; other@1 of another."""
    for name, value, store in (("toy", 0.8, "s1"), ("toy", 0.9, "s1"), ("other", 0.7, "s2")):
        run = Origin(run=f"run-{value}", lineage={"store": store, "store_digest": f"sha256:{store}"})
        bundle = make_bundle(tmp_path / f"made-{value}", metrics=measured(value), run=run)
        Catalog.open().register(bundle, name, aliases=["champion"] if value == 0.8 else [], note=f"note {value}")


def test_the_list_is_empty_at_first_and_says_how_to_fill_it(ecg, home):
    done = ecg("models", "list")
    assert done.code == 0
    assert "No model is registered." in done.out
    assert "ecg register" in done.err
    assert not home.exists()


def test_the_list_has_the_newest_version_first(ecg, models):
    done = ecg("models", "list")
    assert done.out.index("other@1") < done.out.index("toy@2") < done.out.index("toy@1")
    assert "0.900 (0.850–0.950)" in done.out
    assert "champion" in done.out
    found = ecg("models", "list", "toy", "--json").json["models"]
    assert [model["reference"] for model in found] == ["toy@2", "toy@1"]
    assert found[0]["metrics"]["macro_auroc"]["value"] == 0.9


def test_show_tells_origin_metrics_and_digest(ecg, models):
    done = ecg("models", "show", "toy@champion")
    assert done.code == 0
    for said in ("toy@1", "note 0.8", "run-0.8", "sha256:s1", "macro_auroc", "0.75"):
        assert said in done.out
    assert ecg("models", "show", "toy", "--json").json["reference"] == "toy@2"


def test_stats_count_versions_and_bytes(ecg, models):
    data = ecg("models", "stats", "--json").json["models"]
    assert data["toy"]["versions"] == 2
    assert data["toy"]["best"] == 0.9
    assert data["toy"]["bytes"] > 1000


def test_compare_puts_figures_side_by_side_and_warns_where_they_do_not_compare(ecg, models):
    done = ecg("models", "compare", "toy@1", "toy@2")
    assert "0.800 (0.750–0.850)" in done.out
    assert "0.900 (0.850–0.950)" in done.out
    assert "do not compare" not in done.err
    assert "do not compare" in ecg("models", "compare", "toy", "other").err
    assert ecg("models", "compare", "toy").code == 1


def test_an_alias_moves_and_goes(ecg, models):
    assert ecg("models", "alias", "toy@2", "champion", "--json").json["aliases"] == ["champion"]
    assert Catalog.open().resolve("toy@champion").version == 2
    assert ecg("models", "alias", "toy", "champion", "--remove").code == 0
    assert ecg("models", "show", "toy@champion").code == 1


def test_tags_are_set_and_taken_away(ecg, models):
    assert ecg("models", "tag", "toy@1", "site=ward 3", "k=v", "--json").json["tags"] == {"k": "v", "site": "ward 3"}
    assert ecg("models", "tag", "toy@1", "site", "--remove", "--json").json["tags"] == {"k": "v"}
    assert ecg("models", "tag", "toy@1", "novalue").code == 1


def test_verify_finds_the_changed_bundle_and_no_other(ecg, models, home):
    assert ecg("models", "verify").code == 0
    card = home / "bundles" / "toy@1" / "card.md"
    card.write_text(card.read_text() + " ")
    done = ecg("models", "verify", "--json")
    assert done.code == 1
    assert not done.json["fine"]
    assert "card.md was changed" in done.json["models"]["toy@1"]
    assert done.json["models"]["toy@2"] == done.json["models"]["other@1"] == ""
    assert ecg("models", "verify", "toy@2").code == 0


def test_remove_takes_a_version_that_is_named(ecg, models, home):
    assert "takes a version" in ecg("models", "remove", "toy").err
    assert "is champion" in ecg("models", "remove", "toy@1").err
    assert ecg("models", "remove", "toy@1", "--force", "--json").json == {"removed": "toy@1"}
    assert ecg("models", "remove", "toy@2").code == 0
    assert [path.name for path in (home / "bundles").iterdir()] == ["other@1"]


@pytest.mark.parametrize("command", [["list"], ["show"], ["alias", "champion"], ["tag", "a=b"], ["verify"], ["remove"]])
def test_an_unknown_model_gets_a_hint(ecg, models, command):
    name, *rest = command
    done = ecg("models", name, "toi" if name == "list" else "toi@1", *rest)
    assert done.code == 1
    assert "Did you mean 'toy'?" in done.err

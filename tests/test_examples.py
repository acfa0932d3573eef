"""Run the gallery and the worked cases of the user guide, offline and small.

The code of the user guide runs as it stands but for its sizes: random weights and
images take the place of downloads, and training stops after two epochs.
"""

import re
import runpy
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.utils import Bunch

from sktransfer.backbones import _torchvision

from .data import data_folder

plt = pytest.importorskip("matplotlib.pyplot")

_ROOT = Path(__file__).resolve().parents[1]
_GUIDE = _ROOT / "docs" / "user_guide" / "worked_cases.rst"


@pytest.fixture(autouse=True)
def _no_window():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def _run_example(name):
    return runpy.run_path(str(_ROOT / "examples" / f"{name}.py"))


def test_every_example_is_tested():
    names = {path.stem for path in (_ROOT / "examples").glob("*.py")}
    tests = Path(__file__).read_text(encoding="utf8")
    assert names == set(re.findall(r'_run_example\("(\w+)"\)', tests))


def test_few_digits():
    scores = _run_example("plot_few_digits")["scores"]
    assert scores["fine-tuned"] > scores["from scratch"] + 0.01
    assert scores["fine-tuned"] > scores["source only"] + 0.1


def test_domain_adaptation():
    scores = _run_example("plot_domain_adaptation")["scores"]
    assert scores["auto"] > scores["source_only"] + 0.1


def test_sound():
    scores = _run_example("plot_sound")["scores"]
    known, scratch, linear = (np.mean(values) for values in scores.values())
    assert known > max(scratch, linear) + 0.1


def test_images_and_columns():
    pytest.importorskip("pandas")
    scores = _run_example("plot_images_and_columns")["scores"]
    alone = max(scores["numbers only"].mean(), scores["slips only"].mean())
    assert scores["both"].mean() > alone + 0.05


def test_out_of_core():
    scores = _run_example("plot_out_of_core")["scores"]
    assert scores[-1] > max(0.9, scores[0])


def test_search():
    search = _run_example("plot_search")["search"]
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.8


def test_table_transfer():
    margins = _run_example("plot_table_transfer")["margins"]
    assert margins["only the last layer"] > 0.1
    assert margins["all layers"] > 0.1


def test_self_supervised():
    names = _run_example("plot_self_supervised")
    curves, truth = names["curves"], names["X_rest"][:10]
    for other in ("pixels", "random net"):
        gains = np.subtract(curves["pretrained net"], curves[other])
        assert gains[:4].min() > 0.01
    errors = [np.mean((names[which] - truth) ** 2) for which in ("decoded", "noisy")]
    assert errors[0] < 0.8 * errors[1]


def test_distillation():
    names = _run_example("plot_distillation")
    scores, nearness = names["scores"], names["nearness"]
    for method in ("kd", "dist", "fitnet", "rkd"):
        assert scores[method] > scores["labels alone"] + 0.02
    for method in ("fitnet", "rkd"):
        for other in ("labels alone", "kd", "dist"):
            assert nearness[method] > nearness[other] + 0.02


def test_photographs_without_data(monkeypatch, tmp_path, capsys):
    pytest.importorskip("pandas")
    monkeypatch.setenv("SKTRANSFER_DATA", str(tmp_path))
    names = _run_example("plot_photographs")
    assert "No photographs" in capsys.readouterr().out
    assert names["features"].shape == (20, 512)


def test_photographs(monkeypatch):
    folder = data_folder("hymenoptera_data").parent
    data_folder("squeezenet1_1_imagenet.safetensors")
    monkeypatch.setenv("SKTRANSFER_DATA", str(folder))
    with pytest.warns(UserWarning, match="imageNotFound"):
        names = _run_example("plot_photographs")
    model, paths, y = names["model"], names["val_paths"], names["y_val"]
    assert model.weights_ == "squeezenet1_1_imagenet.safetensors"
    assert model.predict_proba(paths[:2]).shape == (2, 2)
    truth = y[names["worst"]]
    assert set(truth) <= {"ants", "bees"}


def test_demo(monkeypatch, tmp_path, capsys):
    from sktransfer import demo

    monkeypatch.setattr(demo, "load_digit_domains", _few_digits)
    monkeypatch.setattr(demo.compare, "__defaults__", (2, print))
    monkeypatch.setattr("sktransfer._training.config.AUTO_EPOCHS", (1, 5))
    demo.main(tmp_path / "demo.png")
    assert re.search(r"fine-tuned\nmean ± sd +0\.\d{3} ± 0\.", capsys.readouterr().out)
    assert Image.open(tmp_path / "demo.png").size == (1350, 540)


def test_demo_draws_labels_of_every_class():
    from sktransfer.demo import labelled_rows

    y = np.random.RandomState(0).randint(3, size=100)
    rows = labelled_rows(y, seed=1)
    assert np.bincount(y[rows]).tolist() == [5, 5, 5]
    assert len(set(rows)) == 15
    assert set(rows) != set(labelled_rows(y, seed=2))


def _few_digits():
    """Return 200 digits of each domain."""
    from sktransfer.datasets import load_digit_domains

    digits = load_digit_domains(n_samples=200)
    return Bunch(**{name: rows[:200] for name, rows in digits.items()})


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Put random weights and images where the guide downloads them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_torchvision, "download_state", _random_state)
    monkeypatch.setattr("torchvision.datasets.CIFAR10", _random_cifar)
    few = _few_digits()
    monkeypatch.setattr("sktransfer.datasets.load_digit_domains", lambda: few)
    rng = np.random.default_rng(0)
    for part, n_images in (("train", 4), ("val", 2)):
        for name in ("ants", "bees"):
            folder = tmp_path / "hymenoptera_data" / part / name
            folder.mkdir(parents=True)
            for number in range(n_images):
                image = rng.integers(256, size=(70, 90, 3), dtype=np.uint8)
                Image.fromarray(image).save(folder / f"{number}.jpg")


def _random_state(name, published):
    """Stand in for the download of the weights of the network `name`."""
    state = _torchvision.get_model_builder(name)(weights=None).state_dict()
    return {key: state[key] for key in state if not key.startswith("classifier")}


def _random_cifar(root, train, download):
    """Stand in for the images of CIFAR-10, as torchvision's class gives them."""
    rng = np.random.default_rng(train)
    return SimpleNamespace(
        data=rng.integers(256, size=(30, 32, 32, 3), dtype=np.uint8),
        targets=list(range(10)) * 3,
    )


def _code_of_case(title):
    """Return the code below a title of the guide, with small sizes."""
    text = _GUIDE.read_text(encoding="utf8")
    section = text.split(f"\n{title}\n---", 1)[1]
    section = re.split(r"\n-{4,}\n", section.partition("\n")[2])[0]
    blocks = re.findall(r"\.\. code-block:: python\n\n((?: {3}.*\n|\n)+)", section)
    code = "".join(textwrap.dedent(block) for block in blocks)
    for name, size in (("max_epochs", 2), ("train_size", 20), ("test_size", 10)):
        code = re.sub(rf"{name}=\d+", f"{name}={size}", code)
    return code


def _run_case(title):
    names = {}
    exec(compile(_code_of_case(title), _GUIDE, "exec"), names)
    return names


def test_frozen_resnet50(offline, capsys):
    names = _run_case("A frozen ResNet-50 on small colour images")
    frozen, scratch = names["models"].values()
    assert (frozen.weights_, scratch.weights_) == ("IMAGENET1K_V2", "random")
    assert frozen.strategy_ == "linear_probe"
    assert frozen.predict_proba(names["X_test"]).shape == (30, 10)
    assert re.search(
        r"from scratch  test loss \d.*accuracy 0\.", capsys.readouterr().out
    )


def test_frozen_vgg16(offline, capsys):
    names = _run_case(
        "A frozen VGG-16 with a hidden layer, on colour and on grey images"
    )
    colour, grey = names["colour"], names["grey"]
    assert colour.net_.module_.head[-1].in_features == 1024
    assert grey.weights_ == "IMAGENET1K_V1"
    before = colour.backbone_.state_dict()
    for key, value in grey.backbone_.state_dict().items():
        assert value.equal(before[key]), key
    assert "grey digits: 0." in capsys.readouterr().out


def test_resnet50_with_sgd(offline):
    model = _run_case("ResNet-50 with a new head, all layers training")["model"]
    (group,) = model.net_.optimizer_.param_groups
    assert (group["momentum"], group["nesterov"]) == (0.9, False)
    assert model.history_[:, "lr"] == [0.001, 0.001]
    assert all(p.requires_grad for p in model.backbone_.parameters())


def test_resnet18_epoch_by_epoch(offline, capsys):
    names = _run_case("ResNet-18 on ants and bees, epoch by epoch")
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("train_acc", "valid_loss"))
    assert len(re.findall(r"^ +\d(  \d+\.\d{3}){4}$", printed, re.M)) == 2
    assert re.search(r"^rmsprop +\d+\.\d{3} \d\.\d{3}$", printed, re.M)
    assert names["model"].optimizer == "sgd"

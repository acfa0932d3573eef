import os
import warnings

import numpy as np
import pytest
from PIL import Image

from sktransfer.datasets import load_image_folder

from ..data import data_folder


def _image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    for name in ("bees/2.png", "bees/10.JPG", "ants/deep/er/a.jpeg", "ants/b.webp"):
        _image(tmp_path / name)
    return tmp_path


def test_paths_are_sorted_and_classes_are_the_folders_on_top(folder):
    images = load_image_folder(folder)
    relative = [path.removeprefix(f"{folder}/") for path in images.data]
    assert relative == [
        "ants/b.webp",
        "ants/deep/er/a.jpeg",
        "bees/10.JPG",
        "bees/2.png",
    ]
    assert images.target.tolist() == ["ants", "ants", "bees", "bees"]
    assert images.skipped == []


def test_return_X_y_gives_arrays_of_str(folder):
    paths, y = load_image_folder(str(folder), return_X_y=True)
    assert paths.dtype.kind == y.dtype.kind == "U"
    assert len(paths) == len(y) == 4


def test_nothing_skipped_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(folder)


def test_everything_left_out_is_listed_and_warned_about_once(folder):
    (folder / "bees" / "notes.txt").write_text("")
    (folder / "README").write_text("")
    (folder / "empty").mkdir()
    (folder / "ants" / "link").symlink_to(folder / "bees")
    hidden = _image(folder / "ants" / ".3.png")
    _image(folder / "ants" / ".thumbs" / "1.png")
    gif = _image(folder / "ants" / "drawing.gif")
    with pytest.warns(UserWarning, match="7 of the files and folders") as caught:
        images = load_image_folder(folder)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    others = ("bees/notes.txt", "README", "empty", "ants/link", "ants/.thumbs")
    assert sorted(images.skipped) == sorted(
        [hidden, gif, *(str(folder / name) for name in others)]
    )
    assert len(images.data) == 4


def test_extensions_choose_what_is_an_image(folder):
    gif = _image(folder / "ants" / "drawing.gif")
    with pytest.warns(UserWarning, match="left out"):
        images = load_image_folder(folder, extensions=("GIF",))
    assert images.data.tolist() == [gif]
    assert str(folder / "bees") in images.skipped


def test_a_class_may_be_a_link(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    _image(elsewhere / "w.png")
    (folder / "wasps").symlink_to(elsewhere)
    assert load_image_folder(folder).target[-1] == "wasps"


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path='.*nowhere': there is no such"):
        load_image_folder(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path):
    with pytest.raises(NotADirectoryError, match="one folder per class"):
        load_image_folder(_image(tmp_path / "a.png"))


def test_images_without_class_folders(tmp_path):
    _image(tmp_path / "a.png")
    with pytest.raises(ValueError, match="Each class needs a folder of its own"):
        load_image_folder(tmp_path)


def test_a_folder_that_cannot_be_read_is_not_passed_over(folder, monkeypatch):
    def scandir(path="."):
        if str(path).endswith("bees"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    original = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="bees"):
        load_image_folder(folder)


def test_extensions_as_one_string(folder):
    with pytest.raises(TypeError, match=r"extensions='.png' must be a tuple"):
        load_image_folder(folder, extensions=".png")


def test_photographs_of_ants_and_bees():
    with pytest.warns(UserWarning, match=r"imageNotFound\.gif"):
        train = load_image_folder(data_folder("hymenoptera_data") / "train")
    val = load_image_folder(data_folder("hymenoptera_data") / "val")
    assert len(train.data) == 244
    assert len(train.skipped) == 1
    assert dict(zip(*np.unique(val.target, return_counts=True), strict=True)) == {
        "ants": 70,
        "bees": 83,
    }

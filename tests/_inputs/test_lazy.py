"""Paths and PIL images: decoded when needed, brought to the size of the crop."""

import os
import pickle
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from sktransfer._inputs import decode, lazy, read_images
from sktransfer._utils.preprocessing import ImagePreprocessing

CROP = ImagePreprocessing(resize=30, crop=(24, 20))


@pytest.fixture
def paths(photo, write):
    sizes = [(56, 40), (30, 70), (10, 10)]
    return [write(photo.resize(size), f"{size[0]}.png") for size in sizes]


@pytest.fixture(params=["paths", "pil"])
def images(request, paths):
    if request.param == "paths":
        return read_images(paths)
    return read_images([Image.open(path) for path in paths])


def test_form(images):
    assert len(images) == 3
    assert images.channels == 3
    assert not images.in_memory
    assert images.kind in ("paths", "pil")


def test_sample_has_its_full_size(images, paths):
    assert images.sample(1).shape == (3, 70, 30)
    assert torch.equal(images.sample(1), decode(paths[1], row=1))


@pytest.mark.parametrize("flexible", [False, True])
def test_batch_has_the_size_of_the_crop(images, flexible):
    preprocessing = ImagePreprocessing(resize=30, crop=(24, 20), flexible=flexible)
    views = images.batch([2, 0], preprocessing, n_views=3)
    assert [tuple(view.shape) for view in views] == [(2, 3, 24, 20)] * 3
    assert torch.equal(views[0][1], CROP.views(images.sample(0))[0])
    assert torch.equal(views[1], views[0].flip(-1))


@pytest.mark.parametrize(
    "indices", [slice(1, 3), np.array([1, 2]), np.array([False, True, True])]
)
def test_indices_of_any_form(images, indices):
    (batch,) = images.batch(indices, CROP)
    assert torch.equal(batch, images.take(indices).batch([0, 1], CROP)[0])
    assert len(images.take(indices)) == 2


def test_errors_name_the_row_of_the_users_X(paths):
    images = read_images([*paths, "gone.jpg"])
    with pytest.raises(FileNotFoundError, match=r"Row 3 of X, 'gone.jpg'"):
        images.take([3, 0]).take([0]).sample(0)


def test_error_of_a_pil_image_names_the_row(photo, write):
    path = write(photo, "a.png")
    with Image.open(path) as closed:
        pass
    with pytest.raises(ValueError, match=r"Row 1 of X, a PIL image .*cannot be read"):
        read_images([photo, closed]).batch([1], CROP)


def test_pickle(images):
    copy = pickle.loads(pickle.dumps(images.take([2, 1])))
    assert torch.equal(copy.sample(0), images.sample(2))


def test_memory_is_that_of_one_photograph(photo, write):
    path = write(photo.resize((1000, 800)), "large.png")
    images = read_images([path] * 12)
    images.batch([0], CROP)
    tracemalloc.start()
    images.batch(range(12), CROP)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # NumPy's own copy of the pixels is traced, 2.4 MB for each photograph.
    assert 2e6 < peak < 6e6


def test_parts_hold_the_files_as_they_are(paths, monkeypatch):
    monkeypatch.setattr(lazy, "_BYTES_AT_ONCE", 2000)
    inputs = read_images(paths * 5).take(slice(1, 14))
    parts = list(inputs.parts())
    assert len(parts) > 2
    assert sum(map(len, parts)) == 13
    digests = [part.digest(i) for part in parts for i in range(len(part))]
    assert digests == [inputs.digest(i) for i in range(13)]
    assert len(set(digests)) == 3
    assert digests[:10] == digests[3:]
    for path in set(paths):
        os.remove(path)
    batches = [part.batch(range(len(part)), CROP)[0] for part in parts]
    assert torch.equal(torch.cat(batches)[:10], torch.cat(batches)[3:])
    some = parts[0].take(np.array([1]))
    assert torch.equal(some.batch([0], CROP)[0], batches[0][1:2])
    assert some.digest(0) == digests[1]


def test_digests_of_pil_images(photo):
    changed = photo.copy()
    changed.putpixel((3, 3), (1, 2, 3))
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    inputs = read_images([photo, photo.copy(), changed, turned])
    (part,) = inputs.parts()
    digests = [part.digest(i) for i in range(4)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("large", [False, True])
def test_content_of_bad_files_is_not_read(large, tmp_path, monkeypatch):
    if large:
        monkeypatch.setattr(sys.modules[decode.__module__], "_LARGE_FILE", 3)
    text = tmp_path / "text.png"
    text.write_text("no image")
    os.mkfifo(tmp_path / "pipe.png")
    missing = read_images([tmp_path / "missing.png"])
    with pytest.raises(FileNotFoundError, match=r"Row 0 .*missing\.png"):
        list(missing.parts())
    with pytest.raises(ValueError, match=r"Row 0 .*pipe\.png"):
        list(read_images([tmp_path / "pipe.png"]).parts())
    with pytest.raises(ValueError, match=r"Row 0 .*text\.png.*cannot be read"):
        next(read_images([text]).parts()).sample(0)

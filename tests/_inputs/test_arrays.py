"""Arrays of images become uint8 or float32 in 0 to 1, channels first."""

import pickle

import numpy as np
import pytest
import torch

from sktransfer._inputs import Table, read_images
from sktransfer._utils.preprocessing import ImagePreprocessing


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), dtype=np.uint8)


def test_channels_last_is_a_view(pixels):
    images = read_images(pixels)
    assert images.images.shape == (6, 3, 8, 9)
    assert np.shares_memory(images.images, pixels)
    assert images.channels == 3
    np.testing.assert_array_equal(images.images, pixels.transpose(0, 3, 1, 2))


def test_channels_first_is_taken_as_it_is(pixels):
    first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    assert np.shares_memory(read_images(first).images, first)
    np.testing.assert_array_equal(read_images(first).images, first)


def test_channels_last_wins_when_both_fit():
    X = np.arange(2 * 3 * 5 * 4, dtype=np.uint8).reshape(2, 3, 5, 4)
    assert read_images(X).images.shape == (2, 4, 3, 5)


def test_grey():
    X = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    assert read_images(X).images.shape == (2, 1, 3, 5)
    assert read_images(X).channels == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_integers_of_any_width_are_uint8(dtype):
    X = np.arange(2 * 3 * 5).reshape(2, 3, 5).astype(dtype)
    images = read_images(X).images
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[:, 0], X)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_are_float32(dtype):
    X = np.linspace(0, 1, 30).reshape(2, 3, 5).astype(dtype)
    images = read_images(X).images
    assert images.dtype == np.float32
    assert images.dtype.isnative
    np.testing.assert_array_equal(images[:, 0], X.astype(np.float32))


def test_floats_may_leave_the_range_by_rounding():
    X = np.full((2, 3, 5), 255, dtype=np.float32) * np.nextafter(
        np.float32(1 / 255), np.float32(1)
    )
    assert X.max() > 1
    assert read_images(X).images.max() == X.max()


def test_true_is_white():
    X = np.eye(4, dtype=bool)[None]
    np.testing.assert_array_equal(read_images(X).images[0, 0], 255 * np.eye(4))


def test_flat_images_are_row_major():
    image = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    images = read_images(image.reshape(1, -1), input_shape=(2, 3, 4)).images
    np.testing.assert_array_equal(images[0], image.transpose(2, 0, 1))


FORMS = {
    "writable": lambda array: array,
    "read-only": lambda array: _read_only(array.copy()),
    "reversed": lambda array: array[::-1, ::-1],
    "every second": lambda array: np.repeat(array, 2, axis=2)[:, :, ::2],
    "Fortran": np.asfortranarray,
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "field of records": lambda array: _field(array),
    "broadcast": lambda array: np.broadcast_to(array[:1], array.shape),
}


def _read_only(array):
    array.flags.writeable = False
    return array


def _field(array):
    records = np.empty(array.shape, dtype=[("value", array.dtype), ("other", "u1")])
    records["value"] = array
    return records["value"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_any_memory_layout(form, dtype):
    X = np.random.default_rng(0).integers(0, 2, (6, 8, 9, 3)).astype(dtype)
    X = form(X)
    images = read_images(X)
    expected = X.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(images.tensor().numpy(), expected)
    np.testing.assert_array_equal(images.sample(2).numpy(), expected[2])
    (batch,) = images.batch([4, 1], ImagePreprocessing(flexible=True))
    np.testing.assert_array_equal(batch.numpy(), expected[[4, 1]])


@pytest.mark.filterwarnings("error")
def test_read_only_memmap(tmp_path, pixels):
    np.save(tmp_path / "X.npy", pixels)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    images = read_images(X)
    assert np.shares_memory(images.images, X)
    (batch,) = images.batch(slice(1, 3), ImagePreprocessing(flexible=True))
    np.testing.assert_array_equal(batch.numpy(), pixels[1:3].transpose(0, 3, 1, 2))
    assert images.tensor().shape == (6, 3, 8, 9)


def test_tensor_shares_writable_memory(pixels):
    tensor = read_images(pixels).tensor()
    assert tensor.data_ptr() == pixels.ctypes.data


def test_sample_is_a_copy(pixels):
    before = pixels.copy()
    read_images(pixels).sample(0).zero_()
    np.testing.assert_array_equal(pixels, before)


def test_take(pixels):
    taken = read_images(pixels).take([3, 0])
    assert len(taken) == 2
    np.testing.assert_array_equal(taken.images, pixels[[3, 0]].transpose(0, 3, 1, 2))


def test_batch_is_resized_and_cropped_in_views(pixels):
    preprocessing = ImagePreprocessing(resize=16, crop=(12, 10))
    views = read_images(pixels).batch([0, 1, 5], preprocessing, n_views=2)
    assert [tuple(view.shape) for view in views] == [(3, 3, 12, 10)] * 2
    assert torch.equal(views[0].flip(-1), views[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_table(dtype):
    array = np.arange(12, dtype=dtype).reshape(4, 3)
    table = Table(array)
    assert (table.kind, table.in_memory, len(table)) == ("table", True, 4)
    assert table.tensor().data_ptr() == array.ctypes.data
    np.testing.assert_array_equal(table.take([2, 0]).tensor().numpy(), array[[2, 0]])
    np.testing.assert_array_equal(Table(array[::-1]).tensor().numpy(), array[::-1])
    assert Table(_read_only(array)).tensor().dtype == table.tensor().dtype


def test_pickle(pixels):
    copy = pickle.loads(pickle.dumps(read_images(pixels)))
    np.testing.assert_array_equal(copy.images, pixels.transpose(0, 3, 1, 2))


def digests(inputs):
    (part,) = inputs.parts()
    return [part.digest(i) for i in range(len(part))]


def test_digests_go_by_pixels_alone(pixels):
    pixels[4] = pixels[1]
    last = digests(read_images(pixels))
    assert len(set(last)) == 5
    assert last[1] == last[4]
    first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    assert digests(read_images(first)) == last
    assert digests(read_images(pixels[::-1])) == last[::-1]
    assert digests(read_images(pixels.astype(np.int64))) == last
    assert not set(digests(read_images(pixels / 255))) & set(last)
    assert not set(digests(read_images(pixels.reshape(6, 9, 8, 3)))) & set(last)


def test_digests_of_a_table():
    X = np.random.default_rng(0).normal(size=(5, 3))
    table = digests(Table(X))
    assert len(set(table)) == 5
    assert digests(Table(np.asfortranarray(X))) == table
    assert digests(Table(X.astype(np.float32))) != table
    X[2, 1] = np.nextafter(X[2, 1], 9)
    changed = digests(Table(X))
    assert [i for i in range(5) if changed[i] != table[i]] == [2]

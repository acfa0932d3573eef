"""Photographs in one folder per class."""

import os
import warnings
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

_EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def load_image_folder(path, *, extensions=_EXTENSIONS, return_X_y=False):
    """Find the images of a folder that holds one folder per class.

    The images themselves are not opened: estimators decode paths batch by batch.

    Parameters
    ----------
    path : str or Path
        Folder whose subfolders are the classes. Images may lie deeper: everything
        below ``path/ants`` is of class ``"ants"``.
    extensions : tuple of str
        Endings of file names, in any case, that are taken for images. GIF is not
        among the default ones, since such files are placeholders, drawings and
        animations rather than photographs; the decoder does read them.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    images : Bunch
        With the attributes

        data : ndarray of str, shape (n_images,)
            Paths, sorted by class and name; relative if `path` is.
        target : ndarray of str, shape (n_images,)
            Name of the class of each image.
        skipped : list of str
            Paths of what was left out: files with another ending, files that lie in
            no class, hidden files and folders, links to folders inside a class, and
            classes without an image.
    (data, target) : tuple
        If `return_X_y`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `path` is not a folder.
    PermissionError
        If a folder below `path` cannot be read.
    ValueError
        If there is no image in a folder of a class.

    Warns
    -----
    UserWarning
        Once, if anything was left out.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sktransfer.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("ants/a.png", "ants/b.png", "bees/c.png"):
    ...         path = Path(folder, name)
    ...         path.parent.mkdir(exist_ok=True)
    ...         Image.new("RGB", (8, 8)).save(path)
    ...     paths, y = load_image_folder(folder, return_X_y=True)
    >>> y.tolist()
    ['ants', 'ants', 'bees']
    """
    root = _check_folder(path)
    classes, skipped = _class_folders(root)
    data, target = [], []
    for folder in classes:
        images, others = _images_below(folder, _lower(extensions))
        data += images
        target += [folder.name] * len(images)
        skipped += others if images else [*others, str(folder)]
    if not data:
        raise ValueError(_no_image(root, extensions))
    if skipped:
        _warn_of_skipped(skipped)
    data, target = np.array(data), np.array(target)
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, skipped=skipped)


def _check_folder(path):
    """Return `path` as a Path if it is a folder."""
    root = Path(path)
    if not root.exists():
        raise FileNotFoundError(f"path={str(path)!r}: there is no such folder.")
    if not root.is_dir():
        raise NotADirectoryError(
            f"path={str(path)!r} is a file. Give the folder that holds one folder "
            "per class."
        )
    return root


def _lower(extensions):
    """Return `extensions` in lower case, each with its dot."""
    if isinstance(extensions, str):
        raise TypeError(
            f"extensions={extensions!r} must be a tuple of endings, such as "
            f"({extensions!r},)."
        )
    return tuple("." + ending.lower().lstrip(".") for ending in extensions)


def _class_folders(root):
    """Return the folders in `root`, and the rest as a list of str."""
    classes, others = [], []
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.name.startswith("."):
            classes.append(entry)
        else:
            others.append(str(entry))
    return classes, others


def _images_below(folder, extensions):
    """Return the sorted paths of the images below `folder`, and the other paths."""
    images, others = [], []
    for parent, folders, files in os.walk(folder, onerror=_raise):
        paths = {name: os.path.join(parent, name) for name in folders + files}
        left_out = [d for d in folders if d.startswith(".") or os.path.islink(paths[d])]
        others += [paths[name] for name in left_out]
        folders[:] = [name for name in folders if name not in left_out]
        for name in files:
            ours = name.lower().endswith(extensions) and not name.startswith(".")
            (images if ours else others).append(paths[name])
    return sorted(images), sorted(others)


def _raise(error):
    """Raise for a folder that cannot be read, which `os.walk` would pass over."""
    raise error


def _no_image(root, extensions):
    """Say what was looked for in vain."""
    return (
        f"path={str(root)!r} holds no folder with an image in it (endings looked for: "
        f"{', '.join(extensions)}). Each class needs a folder of its own: "
        f"{root.name}/ants/1.jpg, {root.name}/bees/2.jpg."
    )


def _warn_of_skipped(skipped):
    """Name the first few of the paths that were left out."""
    first = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
    warnings.warn(
        f"{len(skipped)} of the files and folders were left out, since they hold no "
        f"image with one of the `extensions` ({first}). The Bunch lists them all "
        "as `skipped`.",
        UserWarning,
        stacklevel=3,
    )

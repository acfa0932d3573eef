"""Constraints and docstring paragraphs of the shared parameters, said once."""

from numbers import Integral, Real

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")

BACKBONE_CONSTRAINTS = {
    "backbone": [
        str,
        HasMethods(["forward", "state_dict"]),
        HasMethods(["__fspath__"]),
    ],
    "weights": [str, dict, None, HasMethods(["__fspath__"])],
    "image_size": [_COUNT, tuple, None],
    "input_shape": [tuple, None],
    "n_views": [Interval(Integral, 1, 10, closed="both")],
    "batch_size": [_COUNT],
    "precision": [StrOptions({"auto", "float32", "bf16", "fp16"})],
    "compile": ["boolean"],
    "device": [str, HasMethods(["__reduce__"])],
    "num_workers": [Interval(Integral, 0, None, closed="left"), None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

CACHE_CONSTRAINT = ["boolean", str, HasMethods(["__fspath__"]), None]

TRAINING_CONSTRAINTS = {
    **BACKBONE_CONSTRAINTS,
    "head": [StrOptions({"linear"}), tuple, list],
    "augment": [str, callable, list, tuple, None],
    "max_epochs": [StrOptions({"auto"}), _COUNT],
    "lr": [StrOptions({"auto"}), _POSITIVE],
    "backbone_lr_ratio": [Interval(Real, 0, None, closed="left"), tuple],
    "lr_schedule": [StrOptions({"one_cycle", "cosine", "linear", "constant"})],
    "optimizer": [StrOptions({"adamw", "adam", "sgd", "rmsprop"}), callable],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [_COUNT],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
}

_PARAGRAPHS = {
    "backbone": """
backbone : str, Backbone, torch.nn.Module or path, default="auto"
    The net whose knowledge is used. "auto" goes by the kind of `X`: "mlp" for a
    table, "synthnet" for images; they work without a download. A name of a
    torchvision classification model ("resnet18"), a `Backbone` such as
    ``other.backbone_``, a module that returns features (one whose batch norms never
    saw a row counts as random), or a file written by
    :func:`sktransfer.backbones.save_backbone`. It is copied in `fit`. For texts,
    "text:<name or folder>" of an encoder or "vectors:<file>" of word vectors; see
    :func:`sktransfer.backbones.load_backbone`.
weights : "auto", None, str, path or dict, default="auto"
    "auto": the best published weights of the architecture, downloaded once. A name
    such as "IMAGENET1K_V1": the weights published under it. None: random. A path
    (``.safetensors``, or ``.pth`` without code in it) or a state dict: those.""",
    "images": """
image_size : int, (int, int) or None, default=None
    Height and width in pixels of the images that the net gets. None: what its
    weights were made with.
input_shape : (int, int), (int, int, int) or None, default=None
    Says that the columns of a two-dimensional `X` are the pixels of images of this
    height and width (and channels).""",
    "augment": """
augment : None, "light", "auto", "mixup", "cutmix", v2 transform or list, default=None
    Random changes of the training images. "light": random crops and flips of colour
    images, small shifts and rotations of grey ones. "auto": stronger. A transform of
    ``torchvision.transforms.v2`` gets the decoded images. None: none, which lets a
    frozen backbone run once per image.""",
    "n_views": """
n_views : int, default=1
    Number of views of an image, 1 to 10, whose features are averaged: the centre
    crop, its mirror image, the corners and theirs. 2 often gains half a point at
    twice the time.""",
    "cache": """
cache : bool, str, path or None, default=None
    Where features of a frozen backbone are kept, so that it runs once for each
    distinct row, over folds, candidates and fits. True: in the memory of this process,
    up to 1 GiB. A path: in an SQLite file there, up to 10 GiB, that processes may
    share; on a local disk. Rows are known by their content. None: nowhere. See
    :mod:`sktransfer.cache`.""",
    "training": """
max_epochs : int or "auto", default="auto"
    Passes over the training rows. "auto": as many as make about 300 steps (100 for a
    pretrained image net) if the Notes name no other number, at least 10 and at most
    100.
batch_size : int, default=64
    Rows in a step.
lr : float or "auto", default="auto"
    Peak learning rate of the head. "auto": 0.01 for a table net and for the bundled
    image net, whose backbone may change faster than one that knows photographs; 0.001
    for other nets.
backbone_lr_ratio : float or (float, float), default=0.1
    Learning rate of a pretrained backbone, as a multiple of `lr`; a pair is for its
    first and last stage, with those between spaced geometrically. A backbone from
    random weights learns at `lr`.
lr_schedule : {"one_cycle", "cosine", "linear", "constant"}, default="one_cycle"
    Course of the learning rate over the steps.
optimizer : str, class or partial, default="adamw"
    "adamw", "adam", "sgd" (momentum 0.9, Nesterov), "rmsprop", a class of
    ``torch.optim`` or a `functools.partial` of one.
weight_decay : float or None, default=None
    Not applied to biases and norm layers. None: 0 for a table net, else the default
    of the optimizer (0.01 for "adamw", 0 for the others).
early_stopping : bool, default=False
    Stop when the loss on validation rows no longer falls, and return to the best
    weights. The rows are `X_val` of `fit`, or a part of `X`.
validation_fraction : float, default=0.1
    That part.
n_iter_no_change : int, default=10
    Epochs without an improvement before stopping.""",
    "machine": """
precision : {"auto", "float32", "bf16", "fp16"}, default="auto"
    "auto": bf16 for images on CUDA cards that have it; elsewhere that of the input,
    float32 or, for a table of float64, float64.
compile : bool, default=False
    Compile the backbone with `torch.compile`: pays off on long runs. Features of tables
    and texts are computed without.
device : str or torch.device, default="auto"
    "auto": CUDA, then MPS (which has no float64), then CPU.
num_workers : int or None, default=None
    Processes that decode and augment images in training, threads that decode them in
    prediction. None: up to 8 on CUDA, else no process and one thread.""",
    "end": """
callbacks : list or None, default=None
    Callbacks of skorch or :mod:`sktransfer.callbacks`; copied in `fit`.
warm_start : bool, default=False
    Go on from the fitted net when `fit` is called again, by the training parameters
    as they are then; the classes and `head` stay.
random_state : int, RandomState or None, default=None
    Seeds the initial weights, the order of the rows and the augmentation. The global
    generators stay as they are, but for the one number that None draws from NumPy's.
verbose : int, default=0
    1 prints a line for each epoch.""",
    "backbone_end": """
random_state : int, RandomState or None, default=None
    Seeds random weights and self-supervised training.
verbose : int, default=0
    1 prints the epochs of self-supervised training.""",
}


def with_shared_parameters(cls):
    """Fill the ``{name}`` marks of the docstring of `cls` with shared paragraphs."""
    doc = cls.__doc__
    for name, paragraph in _PARAGRAPHS.items():
        indented = paragraph.strip().replace("\n", "\n    ").replace("\n    \n", "\n\n")
        doc = doc.replace("{" + name + "}", indented)
    cls.__doc__ = doc
    return cls

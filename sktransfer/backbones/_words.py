"""Backbones of texts from word vectors alone."""

from pathlib import Path

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ._text import TextBackbone
from ._vectors import WordVectors

_HIDDEN = 128


class WordEncoder(nn.Module):
    """The vectors of words as their states: there is nothing to train.

    Parameters
    ----------
    width : int
        Length of a vector.
    """

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.words = nn.Identity()
        self.stages = (self.words,)

    def forward(self, vectors):
        """Return states (n, positions, width) and the mask of the words.

        `vectors` (n, positions, width) are NaN where there is no word.
        """
        mask = ~vectors[..., 0].isnan()
        return self.words(vectors.nan_to_num(0)), mask

    def every(self, vectors):
        """Return a list of the states after each stage, and the mask of the words."""
        states, mask = self(vectors)
        return [states], mask


class LSTMEncoder(nn.Module):
    """A long short-term memory over the vectors of words, in both directions.

    Parameters
    ----------
    n_inputs : int
        Length of a vector.
    """

    def __init__(self, n_inputs):
        super().__init__()
        self.words = WordEncoder(n_inputs)
        self.lstm = nn.LSTM(n_inputs, _HIDDEN, batch_first=True, bidirectional=True)
        self.stages = (self.words, self.lstm)
        self.width = 2 * _HIDDEN

    def forward(self, vectors):
        """Return states (n, positions, width) and the mask, as of `WordEncoder`."""
        states, mask = self.every(vectors)
        return states[-1], mask

    def every(self, vectors):
        """Return a list of the states after each stage, and the mask of the words."""
        states, mask = self.words(vectors)
        lengths = mask.sum(1).clamp(min=1).cpu()
        packed = pack_padded_sequence(states, lengths, True, enforce_sorted=False)
        ahead, _ = self.lstm(packed)
        length = states.shape[1]
        last, _ = pad_packed_sequence(ahead, batch_first=True, total_length=length)
        return [states, last], mask


def vectors_backbone(name, weights):
    """Return the backbone "vectors:<file>": the mean of the vectors of the words."""
    vectors = _vectors(name, weights)
    return TextBackbone(
        WordEncoder(vectors.width),
        vectors,
        name=name,
        weights=Path(vectors.path).name,
        pretrained=True,
    )


def lstm_backbone(name, weights):
    """Return the backbone "vectors+lstm:<file>", whose LSTM is yet to be trained.

    Its pooling is the maximum [Conneau et al., EMNLP 2017].
    """
    vectors = _vectors(name, weights)
    return TextBackbone(
        LSTMEncoder(vectors.width),
        vectors,
        name=name,
        own_pooling="max",
        weights=f"{Path(vectors.path).name}, random LSTM",
    )


def _vectors(name, weights):
    if not (isinstance(weights, str) and weights == "auto"):
        raise ValueError(
            f"weights={weights!r}: the knowledge of {name!r} is the word vectors in "
            "its file. Leave weights='auto'."
        )
    return WordVectors.of(name.partition(":")[2])

"""
Images and numbers in one table
===============================

A table of orders: a column has the path of a scanned slip with a handwritten number of
pieces, others have the price of a piece and the weight of the parcel. Which orders are
worth more than 40? Neither the slip nor the price alone can tell. A
``ColumnTransformer`` turns the slips into features of a pretrained network and leaves
the numbers to scikit-learn.
"""

# %%
# The table. Slips are handwritten digits of scikit-learn, saved as files with a margin
# around them.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor
from sktransfer.datasets import load_digit_domains

N_ORDERS = 400
digits = load_digit_domains(n_samples=1000)
folder = tempfile.TemporaryDirectory()
rng = np.random.default_rng(0)
chosen = rng.choice(len(digits.X_target), N_ORDERS, replace=False)

orders = pd.DataFrame(
    {
        "slip": [str(Path(folder.name, f"{row}.png")) for row in chosen],
        "price": rng.uniform(1, 20, N_ORDERS).round(2),
        "weight": rng.uniform(0.1, 5, N_ORDERS).round(2),
    }
)
for path, image in zip(orders["slip"], digits.X_target[chosen], strict=True):
    Image.fromarray(np.pad(image, 1)).resize((36, 36)).save(path)
large = digits.y_target[chosen] * orders["price"] > 40
print(orders.assign(slip=orders["slip"].map(lambda path: Path(path).name)).head())

# %%
# The network has learnt from printed digits; it never saw a slip. A name such as
# ``"resnet18"`` would take its place for photographs. It was trained on images of 16
# pixels, so that is the size it should see: hence ``image_size=16``. Its 128 features
# are reduced to ten, or they would drown the two numbers.

reader = FineTuneClassifier(
    "smallnet", weights=None, augment="light", max_epochs=5, random_state=0
).fit(digits.X_source, digits.y_source)

extractor = PretrainedFeatureExtractor(reader.backbone_, image_size=16)
slips = ("slips", make_pipeline(extractor, PCA(10, random_state=0)), ["slip"])
numbers = ("numbers", "passthrough", ["price", "weight"])
tables = {
    "numbers only": [numbers],
    "slips only": [slips],
    "both": [slips, numbers],
}

# %%
# Each variant is an ordinary pipeline, scored by cross-validation.

scores = {}
for name, transformers in tables.items():
    columns = ColumnTransformer(transformers)
    model = make_pipeline(columns, StandardScaler(), SVC(C=10))
    scores[name] = cross_val_score(model, orders, large)
    print(f"{name:12}  {scores[name].mean():.3f}")

figure, ax = plt.subplots(figsize=(6, 2.2), layout="constrained")
ax.barh(list(scores), [values.mean() for values in scores.values()], color="#b9c0c9")
for place, values in enumerate(scores.values()):
    ax.plot(values, np.full(len(values), place), "o", color="#30343a", ms=4)
ax.set_xlim(0, 1)
ax.set_xlabel("accuracy (dots: the five folds)")
plt.show()

# %%
# The output of the ``ColumnTransformer`` can be a DataFrame, where the columns of the
# network have names too.

columns = ColumnTransformer(tables["both"]).set_output(transform="pandas")
print(columns.fit_transform(orders).iloc[:5, -4:])
folder.cleanup()

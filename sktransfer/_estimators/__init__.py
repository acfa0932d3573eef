"""The estimators: thin scikit-learn faces over the layers below."""

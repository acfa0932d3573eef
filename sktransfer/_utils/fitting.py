"""What `fit` of every estimator promises."""

import functools


def restores_on_failure(fit):
    """Give the estimator its old attributes back if `fit` fails."""

    @functools.wraps(fit)
    def wrapper(self, *args, **kwargs):
        before = dict(self.__dict__)
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return wrapper

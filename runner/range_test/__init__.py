"""The range test: train for a few steps while one hyper-parameter goes up, and read off where to begin.

``python -m runner task=range_test`` is a run of its own (:mod:`.job`); ``optimizer.lr=auto`` does one before
it trains (:mod:`.auto`). The rules that read the losses are in :mod:`runner.suggest`.

Source:
    Smith 2015, arXiv:1506.01186 (section 3.3).
"""

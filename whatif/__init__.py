"""Replay exported logs through the extension's own code, and explain its settings.

``python -m whatif LOGFILE...`` reports which lines and failures many settings would keep, and their cost.
``python -m whatif.explain`` reports the settings in force, and the verdict on given transactions.
Not part of the layer.
"""

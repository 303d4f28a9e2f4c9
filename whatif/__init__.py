"""What would it do? Exported logs, replayed through the extension's own code under many settings; and its settings, explained.

``python -m whatif LOGFILE...`` tells what would have been kept, which failures whole, and what it would have cost.
``python -m whatif.explain`` tells which settings are in force, and what the verdict on given transactions would be.
Not part of the layer.
"""

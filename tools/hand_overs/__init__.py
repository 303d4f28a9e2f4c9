"""Count how often one batch changes hands between the extension's modules.

``python -m tools.hand_overs`` sends a batch of one ``platform.start``, an INFO line, an ERROR line and
``platform.runtimeDone`` through the extension, on real sockets and with the profiler on. The window opens at the
listener's ``recv``. It closes when the main loop has settled the receipt, or where it waits again if nothing was
delivered. An invocation of the same kind comes before it, so that everything is loaded and connected.

Only functions of files in ``extension/`` count. Each call of one counts, and each time that a generator is resumed.
A hand-over is a call whose module is another than that of the call before. A return is a hand-over to a module that
the batch had entered before, so ``hand-overs = modules - 1 + returns``. The calls of a sink's thread come behind all
calls that the main loop made before it waited. Sorted by the clock, the two would mix.

The extension runs from its entry, in a process of its own, so this module names nothing inside it. FLUSH is
``background``, because the calls that decide how long to hold Next are not the batch's.
"""

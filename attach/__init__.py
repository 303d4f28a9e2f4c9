"""Attach the layer to functions that exist, take it off, and tell which functions have it, with the aws command.

Promises: at no moment is a function without the layer while its role may not write to its own log group. A Deny is put
only when Lambda's configuration shows the layer, and the layer is taken off only when IAM says that nothing denies.
"""

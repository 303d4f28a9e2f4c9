"""Build and publish the layers.

`./build.sh layer` runs `python -m layer.function_python.build`, `./build.sh layer --standalone` runs
`python -m layer.standalone.build`, and `./build.sh publish` runs `python -m layer.publish`.
"""

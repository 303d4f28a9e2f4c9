"""How the layer is put together: `python -m layer.function_python.build`, which `./build.sh layer` calls."""

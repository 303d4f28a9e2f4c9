"""How the layer is put together: `python -m layer.build`, which `./build.sh layer` calls."""

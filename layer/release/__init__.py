"""Put a release together: `./build.sh release` runs `python -m layer.release`."""

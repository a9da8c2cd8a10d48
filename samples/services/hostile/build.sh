#!/bin/sh
# Builds every hostile guest beside its source.
set -eu
cd "$(dirname "$0")"
for source in *.c; do
  model=reactor
  [ "$source" = frames.c ] && model=command
  ../sdk/c/cc "$model" "$source" "${1:-.}/${source%.c}.wasm"
done
for source in *.wat; do
  ../sdk/npm/run wasm-as "$source" -o "${1:-.}/${source%.wat}.wasm"
done

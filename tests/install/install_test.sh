#!/bin/sh
# install_test.sh BUILD_DIR SOURCE_DIR
#
# Goal: what `cmake --install` lays down is enough for an outside project. Method: install into a
# temporary prefix, take the prefix elsewhere (an absolute path in the package would break), and
# configure, build and run tests/install against it. Requires: BUILD_DIR is built.
set -eu

build_dir=$1
source_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cache_value() { sed -n "s/^$1:[A-Z]*=//p" "$build_dir/CMakeCache.txt"; }

cmake --install "$build_dir" --prefix "$scratch/first" >"$scratch/install.log" ||
  { cat "$scratch/install.log"; exit 1; }
mv "$scratch/first" "$scratch/prefix"

# A library built with sanitizers needs them in the program too.
sanitize=$(cache_value WEIR_SANITIZE)
cmake -S "$source_dir/tests/install" -B "$scratch/build" \
  -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DCMAKE_CXX_COMPILER="$(cache_value CMAKE_CXX_COMPILER)" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize=$sanitize}"
cmake --build "$scratch/build"
"$scratch/build/outside"

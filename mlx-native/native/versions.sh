# Pinned versions of what the native build brings. MLX and mlx-c must match exactly.
# shellcheck shell=bash disable=SC2034
MLX_VERSION=0.32.2
# The crate mlx-sys of this version carries the source of the mlx-c of the same version.
MLX_C_VERSION=0.7.0
# scipy-openblas32 wheel: OpenBLAS with 32-bit integers (LP64), every symbol prefixed with scipy_.
OPENBLAS_VERSION=0.3.34.481.3
# Rust 1.x that the text library needs.
RUST_MINOR_MIN=87
# The macOS that MLX's wheel with Metal is made for.
MACOS_MIN=14
# Only check-macos.sh needs it.
ZIG_VERSION=0.17.1

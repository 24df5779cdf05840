package dev.langchain4j.mlx.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;

final class NativeLibrary {
    private static final SymbolLookup MLX = SymbolLookup.libraryLookup(
            Path.of(System.getProperty("langchain4j.mlx.native.path")).resolve("libmlxc.so"), Arena.global());

    static SymbolLookup mlx() {
        return MLX;
    }
}

package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.NativeLibraryException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Finds and loads the native libraries: mlx-c, which brings MLX with it, and the text library. Each is loaded at its
 * first use, for the life of the JVM; a failure is remembered and thrown again.
 */
public final class NativeLibrary {
    /** System property naming a folder that holds the libraries. */
    public static final String PATH_PROPERTY = "langchain4j.mlx.native.path";

    /** Environment variable naming such a folder. */
    public static final String PATH_VARIABLE = "LANGCHAIN4J_MLX_NATIVE_PATH";

    /** System property naming the folder that bundles of the class path are unpacked to. */
    public static final String CACHE_PROPERTY = "langchain4j.mlx.native.cache";

    /** Environment variable naming that folder. */
    public static final String CACHE_VARIABLE = "LANGCHAIN4J_MLX_NATIVE_CACHE";

    /** The version of the text library's interface that the classes of this package were written for. */
    private static final int TEXT_ABI_VERSION = 3;

    private static final NativeLibrary MLX = new NativeLibrary("mlxc", NativeLibrary::checkMlx);
    private static final NativeLibrary TEXT =
            new NativeLibrary("langchain4j_mlx_text", NativeLibrary::checkTextVersion);

    private final String name;
    private final Consumer<SymbolLookup> check;
    private Loaded loaded;
    private NativeLibraryException failure;

    private NativeLibrary(String name, Consumer<SymbolLookup> check) {
        this.name = name;
        this.check = check;
    }

    /**
     * The functions of mlx-c.
     *
     * @throws NativeLibraryException if the library is nowhere to be found, or cannot be loaded
     */
    public static SymbolLookup mlx() {
        return MLX.load().symbols();
    }

    /**
     * The functions of the text library: tokenizers, grammars and decoders of pictures.
     *
     * @throws NativeLibraryException if the library is nowhere to be found, or cannot be loaded
     */
    public static SymbolLookup text() {
        return TEXT.load().symbols();
    }

    /** Where the library of {@link #mlx()} was found; throws as that does. */
    public static Location mlxLocation() {
        return MLX.load().location();
    }

    /** Where the library of {@link #text()} was found; throws as that does. */
    public static Location textLocation() {
        return TEXT.load().location();
    }

    private synchronized Loaded load() {
        if (failure != null) {
            throw new NativeLibraryException(failure.getMessage(), failure);
        }
        if (loaded == null) {
            try {
                loaded = NativeSearch.ofThisMachine().find(name, this::open);
            } catch (NativeLibraryException e) {
                failure = e;
                throw e;
            }
        }
        return loaded;
    }

    // Opening by absolute path lets the libraries beside this one be found by its run path.
    private Loaded open(Location location) {
        SymbolLookup symbols;
        try {
            symbols = SymbolLookup.libraryLookup(location.file(), Arena.global());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(reason(location.file(), e), e);
        }
        check.accept(symbols);
        return new Loaded(location, symbols);
    }

    private static void checkMlx(SymbolLookup library) {
        if (library.find("mlx_set_error_handler").isEmpty()) {
            throw new IllegalArgumentException("it is not mlx-c, or it has another version");
        }
        CpuThreads.setDefault(library);
    }

    static void checkTextVersion(SymbolLookup library) {
        if (library.find("text_abi_version").isEmpty()) {
            throw otherVersion("none");
        }
        int version;
        try {
            version = (int) Downcall.link(library, "text_abi_version", ")I").invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("text_abi_version", e);
        }
        if (version != TEXT_ABI_VERSION) {
            throw otherVersion(String.valueOf(version));
        }
    }

    private static IllegalArgumentException otherVersion(String found) {
        return new IllegalArgumentException(
                "natives of another version: the text library has interface version " + found
                        + ", this mlx-native needs " + TEXT_ABI_VERSION
                        + ". The classes and the natives must be of one release, or of one build");
    }

    // SymbolLookup does not say why the system refused the library; System.load does.
    private static String reason(Path file, IllegalArgumentException e) {
        try {
            System.load(file.toString());
            return e.getMessage();
        } catch (UnsatisfiedLinkError refused) {
            return refused.getMessage();
        }
    }

    /**
     * A library's file, and the place of the search that it came from.
     *
     * @param file absolute path
     * @param place for people, such as "system property langchain4j.mlx.native.path"
     */
    public record Location(Path file, String place) {}

    private record Loaded(Location location, SymbolLookup symbols) {}
}

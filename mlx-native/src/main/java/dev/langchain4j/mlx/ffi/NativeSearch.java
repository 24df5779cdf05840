package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.MlxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * The places where a native library may be, in order: system property, environment variable, class path, Homebrew.
 *
 * @param os "linux" or "osx"
 * @param arch "x86_64" or "aarch64"
 * @param property the value of the system property, null if not set
 * @param variable the value of the environment variable, null if not set
 * @param classes whose resources may hold bundles
 * @param cache where bundles are unpacked
 * @param brew folders of Homebrew, or of a hand-made installation
 */
record NativeSearch(
        String os, String arch, String property, String variable, ClassLoader classes, Path cache, List<Path> brew) {

    static NativeSearch ofThisMachine() {
        String name = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String os = name.startsWith("mac") ? "osx" : name.startsWith("linux") ? "linux" : name.replace(' ', '-');
        String arch = System.getProperty("os.arch").equals("amd64") ? "x86_64" : System.getProperty("os.arch");
        return new NativeSearch(
                os,
                arch,
                System.getProperty(NativeLibrary.PATH_PROPERTY),
                System.getenv(NativeLibrary.PATH_VARIABLE),
                NativeSearch.class.getClassLoader(),
                cacheFolder(os),
                List.of(Path.of("/opt/homebrew/lib"), Path.of("/usr/local/lib")));
    }

    private static Path cacheFolder(String os) {
        Path home = Path.of(System.getProperty("user.home"));
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path caches = os.equals("osx")
                ? home.resolve("Library/Caches")
                : xdg == null || xdg.isEmpty() ? home.resolve(".cache") : Path.of(xdg);
        return caches.resolve("langchain4j-mlx/natives");
    }

    /**
     * Opens the library at the first place that has it and where it can be opened.
     *
     * @param name without prefix and suffix
     * @throws MlxException naming every place that was tried, and what helps
     */
    <T> T find(String name, Function<NativeLibrary.Location, T> open) {
        String file = System.mapLibraryName(name);
        List<String> tried = new ArrayList<>();
        List<Throwable> causes = new ArrayList<>();
        for (Place place : places()) {
            Path folder;
            try {
                folder = place.folder();
            } catch (IOException | IllegalArgumentException e) {
                tried.add(place.name() + ": " + e.getMessage());
                causes.add(e);
                continue;
            }
            if (folder == null) {
                tried.add(place.name() + ": " + place.absent());
                continue;
            }
            Path library = folder.resolve(file).toAbsolutePath();
            if (!Files.isRegularFile(library)) {
                tried.add(place.name() + ": no file " + library);
                continue;
            }
            try {
                return open.apply(new NativeLibrary.Location(library, place.name()));
            } catch (IllegalArgumentException e) {
                tried.add(place.name() + ": " + e.getMessage());
                causes.add(e);
            }
        }
        MlxException failure = new MlxException(message(file, tried));
        causes.forEach(failure::addSuppressed);
        throw failure;
    }

    private List<Place> places() {
        List<Place> places = new ArrayList<>();
        places.add(Place.set("system property " + NativeLibrary.PATH_PROPERTY, property));
        places.add(Place.set("environment variable " + NativeLibrary.PATH_VARIABLE, variable));
        // Who adds a CUDA bundle wants it, though the plain one may be there too.
        for (String variant : os.equals("linux") ? List.of("-cuda13", "-cuda12", "") : List.of("")) {
            NativeBundle bundle = new NativeBundle(classes, platform() + variant);
            places.add(new Place("class path " + bundle.folderName(), "not there", () -> bundle.unpack(cache)));
        }
        for (Path folder : brew) {
            places.add(new Place("Homebrew", "", () -> folder));
        }
        return places;
    }

    private String platform() {
        return os + "-" + arch;
    }

    private String message(String file, List<String> tried) {
        boolean known = List.of("linux-x86_64", "linux-aarch64", "osx-aarch64").contains(platform());
        String help = known
                ? "Add the dependency io.github.langchain4j-mlx:mlx-native with classifier natives-" + platform()
                        + ", or run mlx-native/native/build.sh and start Java with -D" + NativeLibrary.PATH_PROPERTY
                        + "=<its output folder, mlx-native/target/natives>"
                : "There is no MLX for " + platform() + ": it needs Linux on x86_64 or aarch64, or macOS on arm64";
        return "could not load " + file + ". Tried, in this order:\n  " + String.join("\n  ", tried) + "\n" + help;
    }

    /** One place of the search; its folder is null where the place does not exist. */
    private record Place(String name, String absent, FolderSource source) {
        static Place set(String name, String value) {
            return new Place(name, "not set", () -> value == null || value.isEmpty() ? null : Path.of(value));
        }

        Path folder() throws IOException {
            return source.folder();
        }
    }

    @FunctionalInterface
    private interface FolderSource {
        Path folder() throws IOException;
    }
}

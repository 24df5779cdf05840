package dev.langchain4j.mlx.ffi;

import dev.langchain4j.mlx.NativeLibraryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.UnaryOperator;

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

    private static final List<String> PLATFORMS = List.of("linux-x86_64", "linux-aarch64", "osx-aarch64");
    private static final List<String> CUDA = List.of("-cuda13", "-cuda12");

    static NativeSearch ofThisMachine() {
        return of(System::getProperty, System::getenv);
    }

    /** With what a machine says of itself. */
    static NativeSearch of(UnaryOperator<String> properties, UnaryOperator<String> variables) {
        String os = os(properties.apply("os.name"));
        return new NativeSearch(
                os,
                arch(properties.apply("os.arch")),
                properties.apply(NativeLibrary.PATH_PROPERTY),
                variables.apply(NativeLibrary.PATH_VARIABLE),
                NativeSearch.class.getClassLoader(),
                cacheFolder(os, properties, variables),
                List.of(Path.of("/opt/homebrew/lib"), Path.of("/usr/local/lib")));
    }

    private static String os(String name) {
        String os = name.toLowerCase(Locale.ROOT);
        return os.startsWith("mac") ? "osx" : os.startsWith("linux") ? "linux" : os.replace(' ', '-');
    }

    private static String arch(String name) {
        return switch (name) {
            case "amd64", "x86-64" -> "x86_64";
            case "arm64" -> "aarch64";
            default -> name;
        };
    }

    private static Path cacheFolder(String os, UnaryOperator<String> properties, UnaryOperator<String> variables) {
        String set = properties.apply(NativeLibrary.CACHE_PROPERTY);
        set = set == null || set.isEmpty() ? variables.apply(NativeLibrary.CACHE_VARIABLE) : set;
        if (set != null && !set.isEmpty()) {
            return Path.of(set);
        }
        Path home = Path.of(properties.apply("user.home"));
        String xdg = variables.apply("XDG_CACHE_HOME");
        Path caches = os.equals("osx")
                ? home.resolve("Library/Caches")
                : xdg == null || xdg.isEmpty() ? home.resolve(".cache") : Path.of(xdg);
        return caches.resolve("langchain4j-mlx/natives");
    }

    /**
     * Opens the library at the first place that has it and where it can be opened.
     *
     * @param name without prefix and suffix
     * @throws NativeLibraryException naming every place that was tried, and what helps
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
        NativeLibraryException failure = new NativeLibraryException(message(file, tried));
        causes.forEach(failure::addSuppressed);
        throw failure;
    }

    private List<Place> places() {
        List<Place> places = new ArrayList<>();
        places.add(Place.set("system property " + NativeLibrary.PATH_PROPERTY, property));
        places.add(Place.set("environment variable " + NativeLibrary.PATH_VARIABLE, variable));
        // Who adds a CUDA bundle wants it, though the plain one may be there too.
        for (NativeBundle bundle : bundles(platform())) {
            places.add(new Place("class path " + bundle.folderName(), "not there", () -> bundle.unpack(cache)));
        }
        for (Path folder : brew) {
            places.add(new Place("Homebrew", "", () -> folder));
        }
        return places;
    }

    private List<NativeBundle> bundles(String platform) {
        List<NativeBundle> bundles = new ArrayList<>();
        if (platform.startsWith("linux")) {
            CUDA.forEach(variant -> bundles.add(new NativeBundle(classes, platform + variant)));
        }
        bundles.add(new NativeBundle(classes, platform));
        return bundles;
    }

    private String platform() {
        return os + "-" + arch;
    }

    private String message(String file, List<String> tried) {
        return "could not load " + file + ". Tried, in this order:\n  " + String.join("\n  ", tried) + "\n" + help()
                + others();
    }

    private String help() {
        if (!PLATFORMS.contains(platform())) {
            String instead = os.startsWith("windows")
                    ? ". On Windows, run Java in WSL 2, which is Linux"
                    : os.equals("osx")
                            ? ". On Apple silicon this Java is one for Intel, which runs under Rosetta: install"
                                    + " a JDK for arm64."
                                    + " On a Mac with an Intel processor, a Linux container or machine runs it"
                            : "";
            return "There is no MLX for " + platform()
                    + ": it needs macOS on arm64 (Apple silicon), or Linux on x86_64 or aarch64" + instead;
        }
        if (bundles(platform()).stream().anyMatch(NativeBundle::exists)) {
            return "The dependency with the natives is there: what it says above is the cause. To unpack it"
                    + " elsewhere, start Java with -D" + NativeLibrary.CACHE_PROPERTY
                    + "=<a folder that may be written to, and from which"
                    + " libraries may be loaded>, or set " + NativeLibrary.CACHE_VARIABLE;
        }
        return "Add the dependency io.github.langchain4j-mlx:mlx-native with classifier natives-" + platform()
                + ", or run mlx-native/native/build.sh and start Java with -D" + NativeLibrary.PATH_PROPERTY
                + "=<its output folder, mlx-native/target/natives>";
    }

    /** What the class path has for other machines, which tells of the wrong classifier. */
    private String others() {
        List<String> found = PLATFORMS.stream()
                .filter(other -> !other.equals(platform()))
                .flatMap(other -> bundles(other).stream())
                .filter(NativeBundle::exists)
                .map(NativeBundle::folderName)
                .toList();
        return found.isEmpty()
                ? ""
                : ". The class path has " + String.join(", ", found) + ", which is for other machines";
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

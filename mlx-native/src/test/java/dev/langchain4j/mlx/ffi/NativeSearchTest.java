package dev.langchain4j.mlx.ffi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.NativeLibraryException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeSearchTest {
    private static final String FILE = System.mapLibraryName("mlxc");

    @TempDir
    private Path temp;

    @Test
    void placesAreTriedInOrder() throws IOException {
        Path property = folderWithLibrary("property");
        Path variable = folderWithLibrary("variable");
        Path classPath = bundle("linux-x86_64", "library");
        Path brew = folderWithLibrary("brew");

        assertThat(found(search(property, variable, classPath, brew))).isEqualTo(property.resolve(FILE));
        assertThat(found(search(null, variable, classPath, brew))).isEqualTo(variable.resolve(FILE));
        assertThat(found(search(null, null, classPath, brew)))
                .startsWith(temp.resolve("cache"))
                .hasFileName(FILE);
        assertThat(found(search(null, null, temp, brew))).isEqualTo(brew.resolve(FILE));
    }

    @Test
    void placeWithoutTheLibraryIsPassedOver() throws IOException {
        Path empty = Files.createDirectory(temp.resolve("empty"));
        Path variable = folderWithLibrary("variable");

        assertThat(found(search(empty, variable, temp, empty))).isEqualTo(variable.resolve(FILE));
    }

    @Test
    void libraryThatCannotBeOpenedIsPassedOver() throws IOException {
        Path broken = folderWithLibrary("broken");
        Path good = folderWithLibrary("good");
        Function<NativeLibrary.Location, Path> open = location -> {
            if (location.file().startsWith(broken)) {
                throw new IllegalArgumentException("wrong ELF class");
            }
            return location.file();
        };

        assertThat(search(broken, good, temp, temp).find("mlxc", open)).isEqualTo(good.resolve(FILE));
        assertThatThrownBy(() -> search(broken, null, temp, temp).find("mlxc", open))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("system property langchain4j.mlx.native.path: wrong ELF class");
    }

    @Test
    void failureNamesEveryPlaceAndWhatHelps() {
        Path missing = temp.resolve("missing");

        assertThatThrownBy(() -> found(search(missing, null, temp, missing)))
                .isInstanceOf(MlxException.class)
                .hasMessage(String.join(
                        "\n",
                        "could not load " + FILE + ". Tried, in this order:",
                        "  system property langchain4j.mlx.native.path: no file " + missing.resolve(FILE),
                        "  environment variable LANGCHAIN4J_MLX_NATIVE_PATH: not set",
                        "  class path META-INF/natives/linux-x86_64-cuda13: not there",
                        "  class path META-INF/natives/linux-x86_64-cuda12: not there",
                        "  class path META-INF/natives/linux-x86_64: not there",
                        "  Homebrew: no file " + missing.resolve(FILE),
                        "Add the dependency io.github.langchain4j-mlx:mlx-native with classifier natives-linux-x86_64,"
                                + " or run mlx-native/native/build.sh and start Java with"
                                + " -Dlangchain4j.mlx.native.path=<its output folder, mlx-native/target/natives>"));
    }

    @Test
    void unsupportedMachineIsSaid() {
        NativeSearch search =
                new NativeSearch("windows-11", "x86_64", null, null, getClass().getClassLoader(), temp, List.of());

        assertThatThrownBy(() -> found(search)).hasMessageContaining("There is no MLX for windows-11-x86_64");
    }

    private NativeSearch machine(String os, String arch, Map<String, String> more) {
        Map<String, String> properties = new HashMap<>(Map.of("os.name", os, "os.arch", arch, "user.home", "/home/me"));
        properties.putAll(more);
        return NativeSearch.of(properties::get, name -> null);
    }

    @Test
    void machinesAreToldByWhatJavaSaysOfThem() {
        assertThat(machine("Linux", "amd64", Map.of())).extracting("os", "arch").containsExactly("linux", "x86_64");
        assertThat(machine("Linux", "aarch64", Map.of()))
                .extracting("os", "arch")
                .containsExactly("linux", "aarch64");
        assertThat(machine("Mac OS X", "aarch64", Map.of()).cache())
                .isEqualTo(Path.of("/home/me/Library/Caches/langchain4j-mlx/natives"));
        assertThat(machine("Windows Server 2022", "amd64", Map.of()))
                .extracting("os", "arch")
                .containsExactly("windows-server-2022", "x86_64");
        assertThat(machine("Linux", "amd64", Map.of(NativeLibrary.CACHE_PROPERTY, "/natives"))
                        .cache())
                .isEqualTo(Path.of("/natives"));
    }

    @Test
    void machinesWithoutMlxAreToldWhereThereIsOne() {
        for (List<String> machine : List.of(
                List.of("Windows 11", "amd64", "windows-11-x86_64", "WSL 2"),
                List.of("Mac OS X", "x86_64", "osx-x86_64", "Intel processor"),
                List.of("Linux", "riscv64", "linux-riscv64", "Linux on x86_64"))) {
            NativeSearch search =
                    machine(machine.get(0), machine.get(1), Map.of(NativeLibrary.PATH_PROPERTY, temp.toString()));
            assertThatThrownBy(() -> search.find("no-such-library", NativeLibrary.Location::file))
                    .isInstanceOf(NativeLibraryException.class)
                    .hasMessageContaining("system property langchain4j.mlx.native.path: no file " + temp)
                    .hasMessageContaining("class path META-INF/natives/" + machine.get(2) + ": not there")
                    .hasMessageContaining("There is no MLX for " + machine.get(2))
                    .hasMessageContaining(machine.get(3));
        }
    }

    @Test
    void nativesOfAnotherMachineAreSaid() throws IOException {
        Path classPath = bundle("osx-aarch64", "library");

        assertThatThrownBy(() -> found(search(null, null, classPath, temp)))
                .hasMessageContaining("classifier natives-linux-x86_64")
                .hasMessageEndingWith("The class path has META-INF/natives/osx-aarch64, which is for other machines");
    }

    @Test
    void bundleGoesToATemporaryFolderWhereTheCacheCannotBeWrittenTo() throws IOException {
        Path classPath = bundle("linux-x86_64", "library");
        Files.writeString(temp.resolve("cache"), "a file where the folder should be");

        Path file = found(search(null, null, classPath, temp));

        assertThat(file).hasContent("library").startsWith(Path.of(System.getProperty("java.io.tmpdir")));
        assertThat(file.startsWith(temp)).isFalse();
    }

    @Test
    void bundleThatCannotBeLoadedIsSaidWithItsCause() throws IOException {
        Path classPath = bundle("linux-x86_64", "library");
        Function<NativeLibrary.Location, Path> open = location -> {
            throw new IllegalArgumentException("failed to map segment: operation not permitted");
        };
        assertThatThrownBy(() -> search(null, null, classPath, temp).find("mlxc", open))
                .hasMessageContaining("operation not permitted")
                .hasMessageContaining("-D" + NativeLibrary.CACHE_PROPERTY)
                .hasMessageNotContaining("Add the dependency");
    }

    @Test
    void bundleOfCudaIsPreferred() throws IOException {
        Path plain = bundle("linux-x86_64", "plain");
        bundle("linux-x86_64-cuda12", "cuda");

        assertThat(found(search(null, null, plain, temp))).hasContent("cuda");
    }

    @Test
    void bundleIsUnpackedOncePerContent() throws IOException {
        Path classPath = bundle("linux-x86_64", "first");
        Path first = found(search(null, null, classPath, temp));
        var time = Files.getLastModifiedTime(first);
        assertThat(found(search(null, null, classPath, temp))).isEqualTo(first);
        assertThat(Files.getLastModifiedTime(first)).isEqualTo(time);

        bundle("linux-x86_64", "second");
        Path second = found(search(null, null, classPath, temp));

        assertThat(second).isNotEqualTo(first).hasContent("second");
        assertThat(first).hasContent("first");
        assertThat(unpacked()).hasSize(2);
    }

    @Test
    void shortenedFileIsUnpackedAgain() throws IOException {
        Path classPath = bundle("linux-x86_64", "library");
        Path file = found(search(null, null, classPath, temp));
        Files.writeString(file, "lib");

        assertThat(found(search(null, null, classPath, temp))).isEqualTo(file).hasContent("library");
    }

    @Test
    void bundleThatIsNotWhatItsIndexSaysIsRefused() throws IOException {
        Path classPath = bundle("linux-x86_64", "library");
        Path file = classPath.resolve("META-INF/natives/linux-x86_64").resolve(FILE);
        Files.writeString(file, "another");
        assertThatThrownBy(() -> found(search(null, null, classPath, temp))).hasMessageContaining("has SHA-256");

        Files.delete(file);
        assertThatThrownBy(() -> found(search(null, null, classPath, temp)))
                .hasMessageContaining("is in the index, but not there");

        Files.writeString(file.resolveSibling("index.txt"), "abc 7 ../escape\n");
        assertThatThrownBy(() -> found(search(null, null, classPath, temp)))
                .hasMessageContaining("index line (abc 7 ../escape)");
        assertThat(unpacked()).isEmpty();
    }

    @Test
    void manyProcessesMayUnpackAtOnce() throws IOException {
        Path classPath = bundle("linux-x86_64", "library".repeat(100_000));
        NativeSearch search = search(null, null, classPath, temp);

        List<CompletableFuture<Path>> finds = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> found(search)))
                .toList();

        assertThat(finds.stream().map(CompletableFuture::join).distinct()).hasSize(1);
        assertThat(unpacked()).hasSize(1);
    }

    private NativeSearch search(Path property, Path variable, Path classPath, Path brew) {
        try {
            // Without a parent: the natives of this build may be on the class path of the test.
            ClassLoader classes =
                    new URLClassLoader(new URL[] {classPath.toUri().toURL()}, null);
            return new NativeSearch(
                    "linux",
                    "x86_64",
                    property == null ? null : property.toString(),
                    variable == null ? null : variable.toString(),
                    classes,
                    temp.resolve("cache"),
                    List.of(brew));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path found(NativeSearch search) {
        return search.find("mlxc", NativeLibrary.Location::file);
    }

    private List<Path> unpacked() throws IOException {
        if (!Files.exists(temp.resolve("cache"))) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(temp.resolve("cache"))) {
            return folders.toList();
        }
    }

    private Path folderWithLibrary(String name) throws IOException {
        Path folder = Files.createDirectory(temp.resolve(name));
        Files.writeString(folder.resolve(FILE), name);
        return folder;
    }

    /** A class path folder with a bundle of one library of this content. */
    private Path bundle(String platform, String content) throws IOException {
        Path root = temp.resolve("classes");
        Path folder = Files.createDirectories(root.resolve("META-INF/natives").resolve(platform));
        Files.writeString(folder.resolve(FILE), content);
        String line = sha256(content) + " " + content.length() + " " + FILE;
        Files.writeString(folder.resolve("index.txt"), "# a comment\n" + line + "\n");
        return root;
    }

    private static String sha256(String content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content.getBytes(UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}

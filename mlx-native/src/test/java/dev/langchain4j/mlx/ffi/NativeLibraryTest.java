package dev.langchain4j.mlx.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NativeLibraryTest {
    @Test
    void bothLibrariesComeFromTheFolderOfTheProperty() {
        Path folder = Path.of(System.getProperty(NativeLibrary.PATH_PROPERTY)).toAbsolutePath();

        for (NativeLibrary.Location location :
                new NativeLibrary.Location[] {NativeLibrary.mlxLocation(), NativeLibrary.textLocation()}) {
            assertThat(location.file()).hasParent(folder);
            assertThat(location.place()).isEqualTo("system property langchain4j.mlx.native.path");
        }
        assertThat(NativeLibrary.mlx().find("mlx_version")).isPresent();
        assertThat(NativeLibrary.text().find("text_encode")).isPresent();
    }

    @Test
    void nativesOfAnotherVersionAreCalledThat() {
        assertThatThrownBy(() -> NativeLibrary.checkTextVersion(name -> Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("natives of another version: ");
    }
}

package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights of the cache are links, of one step or of two where huggingface_hub shares contents among repositories. */
class SharedBlobsTest {
    private static final String COMMIT = "0123456789012345678901234567890123456789";

    @TempDir
    Path cache;

    private Path link(Path from, Path to) throws IOException {
        Files.createDirectories(from.getParent());
        return Files.createSymbolicLink(from, from.getParent().relativize(to));
    }

    private Path contents(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.write(file, new byte[8]);
    }

    @Test
    void weightsMayBeLinksWithinTheCache() throws IOException {
        Path repository = cache.resolve("models--a--b");
        Path snapshot = repository.resolve("snapshots").resolve(COMMIT);
        Path own = contents(repository.resolve("blobs/own"));
        Path shared = link(repository.resolve("blobs/shared"), contents(cache.resolve("blobs/ab/abcd")));
        Path first = link(snapshot.resolve("model-00001.safetensors"), own);
        Path second = link(snapshot.resolve("model-00002.safetensors"), shared);
        assertThat(Safetensors.files(snapshot)).containsExactlyInAnyOrder(first, second);
    }

    @Test
    void weightsMustNotBeLinksElsewhere() throws IOException {
        Path snapshot = cache.resolve("hub/models--a--b/snapshots").resolve(COMMIT);
        link(snapshot.resolve("model.safetensors"), contents(cache.resolve("blobs/secret")));
        assertThatThrownBy(() -> Safetensors.files(snapshot))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("outside of the model folder");
    }
}

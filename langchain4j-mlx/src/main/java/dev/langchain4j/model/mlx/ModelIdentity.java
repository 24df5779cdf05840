package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.Doctor;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.model.mlx.cache.CacheKey;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * What must be equal for keys and values on disk to be those that a model would compute: what it was loaded from, and
 * how it computes. Wherever the files lie.
 */
final class ModelIdentity {
    private static final int HEX_DIGITS = 32;
    /** Changes whenever what is kept of a layer does. */
    private static final int FORMAT = 1;

    private static final List<String> FILES = List.of("config.json", "tokenizer.json", "adapter_config.json");

    private static final List<String> WEIGHTS = List.of("config.json", "adapter_config.json");

    private ModelIdentity() {}

    /**
     * The identity of a loaded model as hexadecimal digits.
     *
     * @param gridTokens the chunk size of prefill where whole chunks are kept only; else 0
     */
    static String of(CacheKey key, MlxThread thread, int gridTokens) {
        MessageDigest digest = sha256();
        add(digest, FORMAT + " " + ByteOrder.nativeOrder() + " " + gridTokens);
        add(digest, thread.device() + " " + Doctor.version() + " " + key.kvFormat());
        addFolder(digest, Path.of(key.model()));
        if (!key.adapter().isEmpty()) {
            addFolder(digest, Path.of(key.adapter()));
        }
        if (key.draftModel().equals(DraftParts.HEAD)) {
            add(digest, DraftParts.HEAD);
        } else if (!key.draftModel().isEmpty()) {
            addFolder(digest, Path.of(key.draftModel()));
        }
        return HexFormat.of().formatHex(digest.digest()).substring(0, HEX_DIGITS);
    }

    /** What the weights of a model or an adapter are, whoever computes with them, as hexadecimal digits. */
    static String ofWeights(Path folder) {
        MessageDigest digest = sha256();
        addFolder(digest, folder, WEIGHTS);
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void addFolder(MessageDigest digest, Path folder) {
        addFolder(digest, folder, FILES);
    }

    /** @param read files that are read whole; weights are beside them */
    private static void addFolder(MessageDigest digest, Path folder, List<String> read) {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                if (read.contains(name)) {
                    add(digest, name);
                    addAll(digest, file);
                } else if (name.endsWith(".safetensors")) {
                    add(digest, name);
                    Safetensors.digest(file, digest);
                }
            }
        } catch (IOException e) {
            throw new ModelNotFoundException("cannot read " + folder + ": " + e.getMessage(), e);
        }
    }

    private static void addAll(MessageDigest digest, Path file) throws IOException {
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(java.io.OutputStream.nullOutputStream());
        }
    }

    private static void add(MessageDigest digest, String text) {
        digest.update((text + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}

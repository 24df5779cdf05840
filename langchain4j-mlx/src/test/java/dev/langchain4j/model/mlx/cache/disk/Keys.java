package dev.langchain4j.model.mlx.cache.disk;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** Keys by name, made from the name itself unless something else is said of it. */
public final class Keys implements Function<byte[], SecretKey> {
    /** The name of what belongs to nobody. */
    public static final String COMMON = "common";

    /** Keys that are others than those of their names. */
    public final Map<String, SecretKey> others = new HashMap<>();
    /** Names whose keys are gone. */
    public final Set<String> gone = new HashSet<>();

    /** What is thrown instead of an answer; null for nothing. */
    public RuntimeException thrown;

    @Override
    public SecretKey apply(byte[] name) {
        if (thrown != null) {
            throw thrown;
        }
        String text = name == null ? COMMON : new String(name, StandardCharsets.UTF_8);
        return gone.contains(text) ? null : others.computeIfAbsent(text, Keys::of);
    }

    /** A key of 32 bytes. */
    public static SecretKey of(String text) {
        return new SecretKeySpec((text + "-".repeat(32)).substring(0, 32).getBytes(StandardCharsets.UTF_8), "AES");
    }
}

package dev.langchain4j.model.mlx.parse;

import java.security.SecureRandom;
import java.util.function.Supplier;

/** IDs for calls of formats that write none: nine letters and digits, the shape that Mistral's templates insist on. */
public final class ToolCallIds {

    private static final String ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private static final int LENGTH = 9;
    private static final SecureRandom RANDOM = new SecureRandom();

    private ToolCallIds() {}

    /** A supply of random IDs; safe for use by several threads. */
    public static Supplier<String> random() {
        return () -> {
            StringBuilder id = new StringBuilder(LENGTH);
            for (int i = 0; i < LENGTH; i++) {
                id.append(ALPHABET.charAt(RANDOM.nextInt(ALPHABET.length())));
            }
            return id.toString();
        };
    }
}

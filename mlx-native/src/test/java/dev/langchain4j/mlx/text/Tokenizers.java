package dev.langchain4j.mlx.text;

import java.net.URISyntaxException;
import java.nio.file.Path;

/** Tokenizer files of the test resources. */
final class Tokenizers {
    /** 2,048 entries that spell bytes, as in GPT-2. */
    static final Path BYTE_LEVEL = file("byte-level.json");

    /** A few words and all single bytes, as SentencePiece spells them; truncates to 4 and pads to 32 tokens. */
    static final Path SENTENCEPIECE = file("sentencepiece.json");

    private Tokenizers() {}

    private static Path file(String name) {
        try {
            return Path.of(Tokenizers.class.getResource("/tokenizers/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}

package dev.langchain4j.model.mlx.prompt;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Chat templates for folders that have none, by the control tokens of their family. They hold the plain format of turns
 * as the families publish it; tools are known to {@link #CHATML} alone.
 */
enum FallbackTemplate {
    /** Qwen, SmolLM, Hermes and many more. */
    CHATML("<|im_start|>", "<|im_end|>"),
    /** Llama 3 and later. */
    LLAMA3("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    /** Gemma to Gemma 3. */
    GEMMA("<start_of_turn>", "<end_of_turn>"),
    /** Granite 3 and 4. */
    GRANITE("<|start_of_role|>", "<|end_of_role|>"),
    /** DeepSeek V2.5 and later. */
    DEEPSEEK("<｜User｜>", "<｜Assistant｜>"),
    /** GLM-4. */
    GLM4("[gMASK]", "<sop>", "<|user|>", "<|assistant|>"),
    /** Phi-3. */
    PHI3("<|user|>", "<|assistant|>", "<|end|>"),
    /** Mistral with control tokens for instructions, that is from version 0.3 on. */
    MISTRAL("[INST]", "[/INST]");

    private final List<String> tokens;

    FallbackTemplate(String... tokens) {
        this.tokens = List.of(tokens);
    }

    /**
     * The family of a tokenizer.
     *
     * @param vocabulary whether a text is a single token
     */
    static Optional<FallbackTemplate> of(Predicate<String> vocabulary) {
        for (FallbackTemplate template : values()) {
            if (template.tokens.stream().allMatch(vocabulary)) {
                return Optional.of(template);
            }
        }
        return Optional.empty();
    }

    String source() {
        String file = name().toLowerCase(java.util.Locale.ROOT) + ".jinja";
        try (InputStream in = FallbackTemplate.class.getResourceAsStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

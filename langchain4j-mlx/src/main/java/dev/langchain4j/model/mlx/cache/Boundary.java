package dev.langchain4j.model.mlx.cache;

import java.util.Objects;

/**
 * A position of a prompt where another prompt is likely to branch off, so that it is worth a state checkpoint: the end
 * of the system message and tools, the end of the last user message, the place before a generation prompt that opens
 * reasoning.
 *
 * @param position number of tokens before it
 * @param tier what ends there
 */
public record Boundary(int position, Tier tier) {
    /** Checks the position. */
    public Boundary {
        if (position < 0) {
            throw new IllegalArgumentException("position (%d) must not be negative".formatted(position));
        }
        Objects.requireNonNull(tier, "tier");
    }
}

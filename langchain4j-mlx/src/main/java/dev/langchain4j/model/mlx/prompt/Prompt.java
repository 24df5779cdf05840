package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.cache.Boundary;
import java.util.List;

/**
 * A rendered request.
 *
 * @param text what the template rendered
 * @param tokens its ids
 * @param boundaries token positions where other prompts are likely to branch off
 */
public record Prompt(String text, int[] tokens, List<Boundary> boundaries) {}

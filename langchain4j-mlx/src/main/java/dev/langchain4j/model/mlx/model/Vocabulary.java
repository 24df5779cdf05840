package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.InvalidRequestException;

/** The token ids that a model has a row of weights for. */
public final class Vocabulary {
    private Vocabulary() {}

    /**
     * Checks what a tokenizer gave, for MLX does not: it reads whatever lies where the row would be.
     *
     * @param size number of token ids that the model has
     * @throws InvalidRequestException if one is not from 0 to {@code size - 1}
     */
    public static void check(int[] ids, int size) {
        for (int id : ids) {
            if (id < 0 || id >= size) {
                throw new InvalidRequestException("the tokenizer gave the id " + id + ", but this model has " + size
                        + " tokens: tokenizer.json belongs to another model");
            }
        }
    }
}

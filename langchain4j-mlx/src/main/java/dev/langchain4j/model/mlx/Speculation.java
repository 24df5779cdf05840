package dev.langchain4j.model.mlx;

/** Whether an answer's probable tokens are checked several at a time; see {@link MlxModel.Builder#speculation}. */
public enum Speculation {
    /** Never. */
    OFF,
    /**
     * Where it is faster, which is measured while a model runs: what a grammar leaves no choice about, and what the prompt
     * says already.
     */
    AUTO
}

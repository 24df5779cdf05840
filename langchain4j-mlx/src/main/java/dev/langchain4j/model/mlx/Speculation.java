package dev.langchain4j.model.mlx;

/** Whether an answer's probable tokens are checked several at a time; see {@link MlxModel.Builder#speculation}. */
public enum Speculation {
    /** Never. */
    OFF,
    /**
     * Drafts where measurements show that it is faster: text that a grammar forces, and text that the prompt contains.
     */
    AUTO
}

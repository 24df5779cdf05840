package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.model.mlx.cache.CacheSession;

/** Hears of a running generation, on the model's thread: to be quick. */
public interface GenerationListener {

    /** So many tokens of the prompt are computed or were cached, of all. */
    default void onPrefill(int done, int all) {}

    /** The next piece of the answer: whole characters, stop sequences and end tokens taken out. */
    void onText(String piece);

    /** Whether the text so far ends inside of the model's reasoning. */
    default boolean isThinking() {
        return false;
    }

    /** A limit ended the answer, not the model; {@link #onEnd} follows. */
    default void onCut() {}

    /**
     * The whole text was given. Says how the conversation goes on, which decides how long its cache is kept.
     *
     * @return {@link CacheSession.Outcome#FINISHED}, or {@link CacheSession.Outcome#TOOL_CALL}
     */
    default CacheSession.Outcome onEnd() {
        return CacheSession.Outcome.FINISHED;
    }
}

package dev.langchain4j.model.mlx.generate;

/** Work that no request waits for, in steps, on the model's thread. */
interface IdleJob {
    /** How many tokens stand before those of the next step. */
    int position();

    /**
     * Takes a step.
     *
     * @param tokens about how many tokens at most; 0 if it is not known how long they take
     * @return whether there are more
     */
    boolean step(int tokens);

    /**
     * It is over: releases what it holds. Called once.
     *
     * @param failure what its step threw; null if nothing was thrown
     */
    void end(Throwable failure);
}

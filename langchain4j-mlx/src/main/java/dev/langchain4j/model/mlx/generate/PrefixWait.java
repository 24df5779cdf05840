package dev.langchain4j.model.mlx.generate;

/**
 * Why a request does not begin: another one is computing a prefix of its prompt.
 *
 * @param source computes it; it runs, and never waits for a prefix itself, so nobody waits in a circle
 * @param restOfSource tokens that the source has left to prefill when the prefix is there
 * @param rest tokens that the request has then left itself
 */
record PrefixWait(ScheduledRequest source, int restOfSource, int rest) {
    /** Whether the prefix is there, or will not be. */
    boolean isOver() {
        return source.ended || source.prefillRemaining() <= restOfSource;
    }

    /** Tokens that are to be prefilled until the request can decode. */
    int tokensLeft() {
        return source.prefillRemaining() - restOfSource + rest;
    }
}

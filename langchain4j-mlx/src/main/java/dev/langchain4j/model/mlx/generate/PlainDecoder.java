package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Draws any token. Pipelined: while a token is read, turned into text and given to the listener, the step after it is being
 * computed; so a token that turns out to be the last was fed already, and is recorded as fed.
 */
final class PlainDecoder implements Decoder {
    private final Generation generation;
    /** The token that is read next. */
    private MlxArray drawn;
    /** The one behind it. */
    private MlxArray ahead;

    PlainDecoder(Generation generation) {
        this.generation = generation;
        this.drawn = draw(null);
        try {
            generation.session().checkpoint();
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    @Override
    public End step() {
        Answer answer = generation.answer();
        boolean more = answer.goesOn();
        if (more) {
            ahead = draw(drawn);
        }
        int token = drawn.item();
        drawn.close();
        drawn = ahead;
        ahead = null;
        answer.record(token, more);
        return answer.pass(token, more);
    }

    /**
     * Queues a step and returns its token, which the caller owns. Temporaries are gone before it is computed.
     *
     * @param previous the token that was drawn last, or null for the last one of the prompt
     */
    private MlxArray draw(MlxArray previous) {
        MlxArray token;
        try (Scope scope = Scope.open()) {
            MlxArray input =
                    previous == null ? Decoder.lastOf(generation.request().prompt()) : Indexing.reshape(previous, 1, 1);
            token = generation
                    .sampler()
                    .sample(Decoder.logits(generation, input))
                    .detach();
        }
        return Decoder.queued(token);
    }

    @Override
    public void close() {
        MlxArray first = drawn;
        MlxArray second = ahead;
        drawn = null;
        ahead = null;
        try {
            Decoder.finish(first);
        } finally {
            Decoder.finish(second);
        }
    }
}

package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Draws any token. Pipelined: while a token is read, turned into text and given to the listener, the step after it is being
 * computed; so a token that turns out to be the last was fed already, and is recorded as fed.
 */
final class PlainDecoder implements Decoder {
    private final Generation generation;
    private boolean begun;
    /** The token that is read next. */
    private MlxArray drawn;
    /** The one behind it. */
    private MlxArray ahead;

    PlainDecoder(Generation generation) {
        this.generation = generation;
    }

    @Override
    public MlxArray feed() {
        if (!begun) {
            return Decoder.lastOf(generation.request().prompt());
        }
        return generation.answer().goesOn() ? Indexing.reshape(drawn, 1, 1) : null;
    }

    @Override
    public MlxArray draw(MlxArray logits) {
        return take(generation.sampler().sample(logits));
    }

    @Override
    public Sampler sampler() {
        return generation.sampler();
    }

    @Override
    public MlxArray take(MlxArray token) {
        ahead = token.detach();
        return ahead;
    }

    @Override
    public End read() {
        End end = null;
        if (!begun) {
            begun = true;
            generation.session().checkpoint();
        } else {
            boolean more = ahead != null;
            int token = drawn.item();
            drawn.close();
            drawn = null;
            generation.answer().record(token, more);
            end = generation.answer().pass(token, more);
        }
        drawn = ahead;
        ahead = null;
        return end;
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

package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Draws any token. Pipelined: while a token is read, turned into text and given to the listener, the step after it is
 * being computed; so a token that turns out to be the last was fed already, and is recorded as fed. Where a draft may
 * follow, the token is read first. So is the first token, and passed on at once: on the CPU, MLX does not return from
 * queuing a step before most of it is computed.
 */
final class PlainDecoder implements Decoder {
    private static final int UNKNOWN = -1;

    private final Generation generation;
    private final Drafting drafting;
    private boolean begun;
    /** The token that is read next; behind a draft one for each position. Null if it was read already. */
    private MlxArray drawn;
    /** The one behind it. */
    private MlxArray ahead;
    /** The token of this step, if it was read before the step. */
    private int known = UNKNOWN;
    /** Whether it was passed on before the step, too. */
    private boolean passed;
    /** Why the answer ended with a draft. */
    private End end;

    PlainDecoder(Generation generation) {
        this.generation = generation;
        this.drafting = generation.drafting(null);
    }

    @Override
    public MlxArray feed() {
        if (!begun) {
            return Decoder.lastOfPrompt(generation);
        }
        if (drafting.isVerifying()) {
            end = drafting.settle(takeDrawn(), this::accepted);
            known = drafting.next();
        } else if (!passed && (generation.reasoning().isClosing() || drafting.hopes())) {
            known = generation.next(takeDrawn()[0]);
        }
        if (end != null
                || !passed
                        && (!generation.answer().goesOn() || generation.engine().isEnd(known))) {
            return null;
        }
        if (known != UNKNOWN) {
            return drafting.feed(known);
        }
        drafting.plain();
        return Indexing.reshape(drawn, 1, 1);
    }

    private int[] takeDrawn() {
        try (MlxArray read = drawn) {
            drawn = null;
            return drafting.isVerifying() ? read.toInts() : new int[] {read.item()};
        }
    }

    private End accepted(int token) {
        generation.answer().record(token, true);
        return generation.answer().pass(token, true);
    }

    @Override
    public MlxArray draw(MlxArray logits) {
        Sampler sampler = generation.sampler();
        return take(drafting.isVerifying() ? sampler.sampleRows(logits) : sampler.sample(logits));
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
        if (end != null) {
            return end;
        }
        if (!begun) {
            begun = true;
            generation.session().checkpoint();
            generation.reasoning().begin();
            advance();
            passFirst();
        } else if (passed) {
            passed = false;
            generation.session().append(known);
            known = UNKNOWN;
            advance();
        } else {
            boolean more = ahead != null;
            int token = known;
            if (token == UNKNOWN) {
                token = drawn.item();
                drawn.close();
                drawn = null;
                drafting.committed(token);
            }
            known = UNKNOWN;
            generation.answer().record(token, more);
            end = generation.answer().pass(token, more);
            advance();
        }
        if (end == null) {
            drafting.prepare();
        }
        return end;
    }

    private void advance() {
        drawn = ahead;
        ahead = null;
    }

    private void passFirst() {
        boolean more = generation.answer().goesOn();
        known = generation.next(takeDrawn()[0]);
        passed = true;
        generation.answer().record(known, false);
        end = generation.answer().pass(known, more);
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
            try {
                Decoder.finish(second);
            } finally {
                drafting.close();
            }
        }
    }
}

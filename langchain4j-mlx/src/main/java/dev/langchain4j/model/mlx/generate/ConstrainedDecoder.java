package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Draws what a grammar allows. A token must be read before it is known what may follow; so the forward pass that a token
 * starts is what runs while the token is turned into text and the mask of its successor is computed.
 */
final class ConstrainedDecoder implements Decoder {
    private final Generation generation;
    private final TokenMask mask;
    /** What the next token is drawn from. */
    private MlxArray logits;

    ConstrainedDecoder(Generation generation) {
        this.generation = generation;
        this.mask = new TokenMask(generation.request().grammar());
        int[] prompt = generation.request().prompt();
        this.logits = forward(prompt[prompt.length - 1]);
        try {
            generation.session().checkpoint();
            mask.compute();
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    @Override
    public End step() {
        Answer answer = generation.answer();
        int token = draw();
        logits.close();
        logits = null;
        boolean more = answer.goesOn() && !generation.engine().isEnd(token);
        if (more) {
            logits = forward(token);
        }
        answer.record(token, more);
        boolean whole = mask.accept(token) && !generation.engine().isEnd(token);
        if (more) {
            mask.compute();
        }
        End end = answer.pass(token, more);
        return end == End.LENGTH && whole ? End.STOP : end;
    }

    private int draw() {
        MlxArray sampled;
        try (Scope scope = Scope.open()) {
            sampled = generation.sampler().sample(mask.apply(logits)).detach();
        }
        try (sampled) {
            return sampled.item();
        }
    }

    /** Queues the forward pass of a token that was read and returns its logits, which the caller owns. */
    private MlxArray forward(int token) {
        MlxArray result;
        try (Scope scope = Scope.open()) {
            result = Decoder.logits(generation, MlxArray.of(new int[] {token}, 1, 1))
                    .detach();
        }
        return Decoder.queued(result);
    }

    @Override
    public void close() {
        MlxArray unread = logits;
        logits = null;
        Decoder.finish(unread);
    }
}

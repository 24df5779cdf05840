package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws what a grammar allows. A token must be read before it is known what may follow; so the forward pass that a token
 * starts is what runs while the token is turned into text and the mask of its successor is computed.
 */
final class ConstrainedDecoder implements Decoder {
    private final Generation generation;
    private final TokenMask mask;
    private boolean begun;
    /** What the next token is drawn from; null while it is drawn. */
    private MlxArray logits;

    private int token;

    ConstrainedDecoder(Generation generation) {
        this.generation = generation;
        this.mask = new TokenMask(generation.request().grammar());
    }

    @Override
    public MlxArray feed() {
        if (!begun) {
            return Decoder.lastOf(generation.request().prompt());
        }
        token = drawn();
        boolean more = generation.answer().goesOn() && !generation.engine().isEnd(token);
        return more ? MlxArray.of(new int[] {token}, 1, 1) : null;
    }

    private int drawn() {
        MlxArray sampled;
        try (Scope scope = Scope.open()) {
            sampled = generation.sampler().sample(mask.apply(logits)).detach();
        }
        try (sampled) {
            List<MlxArray> results = new ArrayList<>(List.of(sampled));
            generation.sampler().addQueued(results);
            Eval.eval(results.toArray(MlxArray[]::new));
            return sampled.item();
        } finally {
            logits.close();
            logits = null;
        }
    }

    @Override
    public MlxArray draw(MlxArray next) {
        logits = next.detach();
        return logits;
    }

    @Override
    public End read() {
        if (!begun) {
            begun = true;
            generation.session().checkpoint();
            mask.compute();
            return null;
        }
        boolean more = logits != null;
        generation.answer().record(token, more);
        boolean whole = mask.accept(token) && !generation.engine().isEnd(token);
        if (more) {
            mask.compute();
        }
        End end = generation.answer().pass(token, more);
        return end == End.LENGTH && whole ? End.STOP : end;
    }

    @Override
    public void close() {
        MlxArray unread = logits;
        logits = null;
        Decoder.finish(unread);
    }
}

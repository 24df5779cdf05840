package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws what a grammar allows. A token must be read before it is known what may follow; so the forward pass that a
 * token starts is what runs while the token is turned into text and the masks of what follows it are computed.
 */
final class ConstrainedDecoder implements Decoder {
    private final Generation generation;
    private final Drafting drafting;
    private final TokenMask mask;
    private boolean begun;
    /** What the next tokens are drawn from, a row for each position that was fed; null while they are drawn. */
    private MlxArray logits;

    private int token;
    /** Whether nothing but the end can follow it. */
    private boolean whole;
    /** Why the answer ended with a draft. */
    private End end;

    ConstrainedDecoder(Generation generation) {
        this.generation = generation;
        this.mask = new TokenMask(generation.request().grammar());
        this.drafting = generation.drafting(mask);
    }

    @Override
    public MlxArray feed() {
        if (!begun) {
            return Decoder.lastOfPrompt(generation);
        }
        int[] drawn = drawn();
        if (drafting.isVerifying()) {
            end = drafting.settle(drawn, this::accepted);
            if (end != null) {
                return null;
            }
            token = drafting.next();
        } else {
            token = generation.next(drawn[0]);
        }
        boolean more = generation.answer().goesOn() && !generation.engine().isEnd(token);
        whole = mask.accept(token) && !generation.engine().isEnd(token);
        return more ? drafting.feed(token) : null;
    }

    private int[] drawn() {
        MlxArray sampled;
        try (Scope scope = Scope.open()) {
            MlxArray allowed = mask.apply(logits);
            Sampler sampler = generation.sampler();
            sampled = (drafting.isVerifying() ? sampler.sampleRows(allowed) : sampler.sample(allowed)).detach();
        }
        try (sampled) {
            List<MlxArray> results = new ArrayList<>(List.of(sampled));
            generation.sampler().addQueued(results);
            Eval.eval(results.toArray(MlxArray[]::new));
            return drafting.isVerifying() ? sampled.toInts() : new int[] {sampled.item()};
        } finally {
            logits.close();
            logits = null;
        }
    }

    private End accepted(int draft) {
        generation.answer().record(draft, true);
        mask.accept(draft);
        return generation.answer().pass(draft, true);
    }

    @Override
    public MlxArray draw(MlxArray next) {
        logits = next.detach();
        return logits;
    }

    @Override
    public End read() {
        if (end != null) {
            return end;
        }
        if (!begun) {
            begun = true;
            generation.session().checkpoint();
            mask.compute();
            generation.reasoning().begin();
            return null;
        }
        boolean more = logits != null;
        generation.answer().record(token, more);
        if (more) {
            mask.compute(drafting.drafts());
            drafting.prepare();
        }
        End reason = generation.answer().pass(token, more);
        return reason == End.LENGTH && whole ? End.STOP : reason;
    }

    @Override
    public void close() {
        MlxArray unread = logits;
        logits = null;
        try {
            Decoder.finish(unread);
        } finally {
            drafting.close();
        }
    }
}

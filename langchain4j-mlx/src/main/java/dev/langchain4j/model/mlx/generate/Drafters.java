package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.draft.CallDrafter;
import dev.langchain4j.model.mlx.draft.CopyDrafter;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.DraftPolicy;
import dev.langchain4j.model.mlx.draft.Drafter;
import dev.langchain4j.model.mlx.draft.ForcedDrafter;
import dev.langchain4j.model.mlx.draft.Punctuation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** What drafts the answers of an engine, and when: kept from request to request. */
final class Drafters {
    /** Tokens of other conversations in which an answer's last ones are looked for. */
    private static final int KNOWN_TOKENS_MAX = 1 << 16;

    /** What the model is used to. */
    private final Punctuation punctuation;
    /** Null if nothing is drafted. */
    private volatile DraftPolicy policy;

    private volatile Function<Generation, List<Drafter>> made = this::ofRequest;

    /** @param policy when to draft; null for never */
    Drafters(Tokenizer tokenizer, DraftPolicy policy) {
        this.policy = policy;
        this.punctuation = new Punctuation(
                token -> tokenizer.decode(new int[] {token}, false), letter(tokenizer, "q"), letter(tokenizer, "X"));
    }

    private static int letter(Tokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text, false);
        return tokens.length == 0 ? 0 : tokens[tokens.length - 1];
    }

    /** When to draft; null for never. */
    DraftPolicy policy() {
        return policy;
    }

    /** Replaces when to draft, and what may draft the answer to a request beside the engine's own model. */
    void replace(DraftPolicy when, Function<Generation, List<Drafter>> what) {
        policy = when;
        made = what;
    }

    /** What may draft the answer to a request; the one that is asked first is the first. */
    List<Drafter> of(Generation generation) {
        List<Drafter> all = new ArrayList<>(policy == null ? List.of() : made.apply(generation));
        if (generation.modelDrafter() != null) {
            all.add(generation.modelDrafter());
        }
        return all;
    }

    /** What drafts without a model: from the grammar, the cache and the prompt. */
    List<Drafter> ofRequest(Generation generation) {
        GenerationRequest request = generation.request();
        List<Drafter> all = new ArrayList<>();
        if (request.grammar() != null) {
            all.add(new ForcedDrafter(request.grammar(), punctuation));
        } else if (request.calls() != null) {
            all.add(new CallDrafter(request.calls(), punctuation));
        }
        all.add(new ContinuedDrafter(generation.session().knownPath()));
        boolean constrained = request.grammar() != null;
        all.add(new CopyDrafter(request.fed(), constrained));
        all.add(new CopyDrafter(
                DraftKind.CONTINUED,
                () -> generation.session().knownTexts(KNOWN_TOKENS_MAX),
                request.fed(),
                constrained));
        return all;
    }
}

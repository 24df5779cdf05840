package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.DraftPolicy;

/** Checks as many drafts as come, whatever that costs. */
public final class AllDrafts extends DraftPolicy {

    /** Lets an engine check all that its drafters propose. */
    public static void of(Engine engine) {
        engine.drafters().replace(new AllDrafts(), engine.drafters()::ofRequest);
    }

    @Override
    public int depth(DraftKind kind, int grade, int tokensMax, boolean constrained, int position) {
        return Math.min(TOKENS_MAX, tokensMax);
    }
}

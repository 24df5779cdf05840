package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.model.mlx.cache.KnownPath;
import dev.langchain4j.model.mlx.draft.Draft;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.Drafter;

/**
 * What the prompt cache holds behind the very same tokens from the first one on: the answer that this prompt had
 * before.
 */
final class ContinuedDrafter implements Drafter {
    private final KnownPath path;

    ContinuedDrafter(KnownPath path) {
        this.path = path;
    }

    @Override
    public Draft propose(int max) {
        int[] tokens = path.next(max);
        return tokens.length == 0 ? null : new Draft(DraftKind.CONTINUED, Draft.GRADES - 1, tokens);
    }

    @Override
    public void committed(int token) {
        path.advance(token);
    }
}

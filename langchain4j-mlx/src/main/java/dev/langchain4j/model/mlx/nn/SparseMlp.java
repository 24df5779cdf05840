package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;

/**
 * A mixture of experts.
 *
 * @param shared a feed-forward layer that all positions go through as well; null for none
 */
public record SparseMlp(Router router, SwitchMlp experts, FeedForward shared) implements FeedForward {

    @Override
    public MlxArray apply(MlxArray x) {
        Router.Choice choice = router.choose(x);
        return shared == null ? experts.apply(x, choice) : experts.apply(x, choice, shared);
    }
}

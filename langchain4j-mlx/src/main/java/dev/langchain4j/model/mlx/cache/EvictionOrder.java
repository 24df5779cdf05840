package dev.langchain4j.model.mlx.cache;

import java.util.List;

/**
 * The order in which a prompt cache evicts. Immutable.
 *
 * <p>{@link #expectedLoss()}, the default, compares all candidates by the expected cost of their loss. With {@link
 * #byTier}, tiers come first, as in mlx-lm's LRUPromptCache: a tier is evicted from while it has at least as many
 * entries as the next one in the order; otherwise the next tier is considered. Within the tier, the expected loss
 * decides.
 *
 * @param tiers from the first to be evicted to the last; empty if tiers do not matter
 */
public record EvictionOrder(List<Tier> tiers) {
    private static final EvictionOrder EXPECTED_LOSS = new EvictionOrder(List.of());

    /**
     * Copies the list.
     *
     * @throws IllegalArgumentException if it is neither empty nor names each tier once
     */
    public EvictionOrder {
        tiers = List.copyOf(tiers);
        int all = Tier.values().length;
        if (!tiers.isEmpty()
                && (tiers.size() != all || tiers.stream().distinct().count() != all)) {
            throw new IllegalArgumentException(
                    "tiers (%s) must name each of %s once".formatted(tiers, List.of(Tier.values())));
        }
    }

    /** Evicts the record with the least expected loss first, whatever its tier. */
    public static EvictionOrder expectedLoss() {
        return EXPECTED_LOSS;
    }

    /**
     * Tier by tier.
     *
     * @param tiers from the first to be evicted to the last; none for assistant, user, system
     * @throws IllegalArgumentException if there are some, but not each once
     */
    public static EvictionOrder byTier(Tier... tiers) {
        return new EvictionOrder(List.of(tiers.length == 0 ? Tier.values() : tiers));
    }
}

package dev.langchain4j.model.mlx.draft;

import java.util.EnumMap;
import java.util.Map;

/**
 * Numbers of drafted and of accepted tokens.
 *
 * @param drafted tokens that forward passes checked
 * @param accepted those of them that the answer has
 */
public record DraftCounts(int drafted, int accepted) {

    /** The sum of both. */
    public DraftCounts plus(DraftCounts other) {
        return new DraftCounts(drafted + other.drafted, accepted + other.accepted);
    }

    /** The sums of both, kind by kind. */
    public static Map<DraftKind, DraftCounts> sum(Map<DraftKind, DraftCounts> a, Map<DraftKind, DraftCounts> b) {
        Map<DraftKind, DraftCounts> sums = new EnumMap<>(DraftKind.class);
        sums.putAll(a);
        b.forEach((kind, counts) -> sums.merge(kind, counts, DraftCounts::plus));
        return sums;
    }
}

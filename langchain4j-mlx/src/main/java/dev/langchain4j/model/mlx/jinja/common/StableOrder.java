package dev.langchain4j.model.mlx.jinja.common;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.SequencedCollection;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What maps and sets hold, in an order that is the same in every start of a JVM: their own where they have one, else by
 * name. {@code Map.of} and {@code Set.of} have another one in each.
 */
public final class StableOrder {
    private static final String IMMUTABLE = "java.util.ImmutableCollections$";

    private StableOrder() {}

    /** The entries of a map. */
    public static Collection<? extends Map.Entry<?, ?>> entries(Map<?, ?> map) {
        boolean unordered = !(map instanceof SequencedMap)
                && (map instanceof HashMap
                        || map instanceof ConcurrentHashMap
                        || map instanceof Hashtable
                        || map.getClass().getName().startsWith(IMMUTABLE));
        if (!unordered || map.size() < 2) {
            return map.entrySet();
        }
        List<Map.Entry<?, ?>> sorted = new ArrayList<>(map.entrySet());
        sorted.sort(Comparator.comparing(entry -> String.valueOf(entry.getKey())));
        return sorted;
    }

    /** The items of a collection. */
    public static Collection<?> items(Collection<?> items) {
        boolean unordered = items instanceof Set
                && !(items instanceof SequencedCollection)
                && (items instanceof HashSet || items.getClass().getName().startsWith(IMMUTABLE));
        if (!unordered || items.size() < 2) {
            return items;
        }
        List<Object> sorted = new ArrayList<>(items);
        sorted.sort(Comparator.comparing(String::valueOf));
        return sorted;
    }
}

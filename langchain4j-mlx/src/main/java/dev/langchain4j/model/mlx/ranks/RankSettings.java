package dev.langchain4j.model.mlx.ranks;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Which rank this process is, and how it finds the others.
 *
 * @param addresses where each rank listens, {@code host:port}; none where the backend does not say
 * @param environment what the backend reads its settings from
 * @param timeout how long a step may take
 * @param startTimeout how long the others may take to come, and to load
 */
public record RankSettings(
        int rank,
        int size,
        String backend,
        List<List<String>> addresses,
        Map<String, String> environment,
        Duration timeout,
        Duration startTimeout) {

    /** The rank that connects to this one. */
    int left() {
        return (rank + size - 1) % size;
    }

    /** The rank that this one connects to. */
    int right() {
        return (rank + 1) % size;
    }

    List<Integer> ports(int ofRank) {
        return addresses.isEmpty()
                ? List.of()
                : addresses.get(ofRank).stream()
                        .map(address -> Integer.parseInt(address.substring(address.lastIndexOf(':') + 1)))
                        .toList();
    }

    /** A rank and where it is, for people. */
    String describe(int ofRank) {
        return "rank " + ofRank + (addresses.isEmpty() ? "" : " (" + String.join(", ", addresses.get(ofRank)) + ")");
    }

    /** The ranks that this one is waiting for when it waits for all. */
    String describeOthers() {
        StringBuilder others = new StringBuilder();
        for (int i = 0; i < size; i++) {
            others.append(i == rank ? "" : (others.isEmpty() ? "" : " or ") + describe(i));
        }
        return others.toString();
    }
}

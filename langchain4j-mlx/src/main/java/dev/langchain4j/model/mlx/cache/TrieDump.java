package dev.langchain4j.model.mlx.cache;

import java.util.Locale;
import java.util.Map;

/** Writes tries as indented text. */
final class TrieDump {
    private TrieDump() {}

    static String of(Map<TrieScope, PrefixTrie> tries, long tick) {
        StringBuilder out = new StringBuilder();
        tries.forEach((scope, trie) -> {
            out.append(scope.key().model()).append(scope.owner() == null ? "" : " of " + scope.owner());
            out.append('\n');
            append(out, trie.root(), tick, 1);
        });
        return out.toString();
    }

    private static void append(StringBuilder out, TrieNode node, long tick, int depth) {
        if (node.parent != null) {
            out.repeat("  ", depth)
                    .append("[%d, %d) %s"
                            .formatted(node.start, node.end(), node.tier.name().toLowerCase(Locale.ROOT)));
            if (node.slices != null) {
                out.append(", slices ").append(node.sliceBytes()).append(" B");
            }
            if (node.states != null) {
                out.append(", state ").append(node.stateBytes()).append(" B");
            }
            if (node.covers > 0) {
                out.append(", in ").append(node.covers).append(node.covers == 1 ? " sequence" : " sequences");
            }
            if (node.parked != null) {
                out.append(", at rest ").append(node.parked.bytes).append(" B");
            }
            if (node.owner != null) {
                out.append(node.shared ? ", shared, first by " : ", by ").append(node.owner);
            }
            out.append(", used ").append(tick - node.usedTick).append(" requests ago\n");
        }
        for (TrieNode child : node.children()) {
            append(out, child, tick, depth + 1);
        }
    }
}

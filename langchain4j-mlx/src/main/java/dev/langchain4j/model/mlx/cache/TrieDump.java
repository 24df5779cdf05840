package dev.langchain4j.model.mlx.cache;

/** Writes a trie as an indented text. */
final class TrieDump {
    private TrieDump() {}

    static void append(StringBuilder out, TrieNode node, long tick, int depth) {
        if (node.parent != null) {
            out.repeat("  ", depth)
                    .append("[%d, %d) %s"
                            .formatted(node.start, node.end(), node.tier.name().toLowerCase(java.util.Locale.ROOT)));
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

package dev.langchain4j.model.mlx.samples.chat;

import dev.langchain4j.model.mlx.MlxMemoryId;
import dev.langchain4j.model.mlx.cache.CacheNode;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the prompt cache holds, as the page draws it. */
final class CacheView {
    /** A node of the trie; the conversation is the one that computed it, empty if several use it. */
    private record Node(
            int start, int end, String tier, long bytes, String conversation, int sequences, List<Node> children) {}

    private CacheView() {}

    static Map<String, Object> of(PromptCache cache, List<CacheNode> nodes) {
        PromptCacheStats stats = cache.stats();
        DiskStats disk = cache.diskStats();
        return Map.of(
                "type", "cache",
                "nodes", nodes(nodes),
                "tiers", stats.tiers(),
                "bytes", stats.bytesHeld(),
                "promptTokens", stats.promptTokens(),
                "cachedTokens", stats.cachedTokens(),
                "savedSeconds",
                        Map.of(
                                "memory", stats.savedByMemory().toMillis() / 1e3,
                                "disk", stats.savedByDisk().toMillis() / 1e3),
                "ahead", cache.aheadStats(),
                "disk",
                        Map.of(
                                "on", disk.on(),
                                "bytes", disk.bytesHeld(),
                                "restored", disk.tokensRestored(),
                                "millis", disk.nanosRestoring() / 1_000_000));
    }

    private static List<Node> nodes(List<CacheNode> nodes) {
        return nodes.stream()
                .map(node -> new Node(
                        node.start(),
                        node.end(),
                        node.tier().name().toLowerCase(Locale.ROOT),
                        node.bytes() + node.restingBytes(),
                        node.shared() || !(node.conversation() instanceof MlxMemoryId id)
                                ? ""
                                : String.valueOf(id.id()),
                        node.sequences(),
                        nodes(node.children())))
                .toList();
    }
}

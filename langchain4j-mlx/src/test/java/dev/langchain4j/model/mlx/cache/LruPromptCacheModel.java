package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Trace.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What mlx-lm's prompt cache (0.32.2) would reuse, fed as its server feeds it: whole entries in one queue a tier, first
 * in, first out; no sharing. An entry takes as many bytes as it has tokens.
 */
final class LruPromptCacheModel {
    private record Entry(int[] tokens, Tier tier) {}

    private final long bytesMax;
    private final boolean trimmable;
    private final Map<Tier, List<Entry>> queues = new EnumMap<>(Tier.class);
    private long bytes;

    private LruPromptCacheModel(long bytesMax, boolean trimmable) {
        this.bytesMax = bytesMax;
        this.trimmable = trimmable;
        for (Tier tier : Tier.values()) {
            queues.put(tier, new ArrayList<>());
        }
    }

    static long reused(Trace trace, long bytesMax, boolean trimmable) {
        LruPromptCacheModel cache = new LruPromptCacheModel(bytesMax, trimmable);
        return trace.requests().stream().mapToLong(cache::run).sum();
    }

    private long run(Request request) {
        int[] prompt = request.promptTokens();
        int reused = fetch(prompt);
        int user = request.endOf("user");
        if (user > request.endOf("tool")) {
            insertBeyond(reused, prompt, request.endOf("system"), Tier.SYSTEM);
            insertBeyond(reused, prompt, user, Tier.USER);
        }
        insertBeyond(reused, prompt, prompt.length - 1, Tier.ASSISTANT);
        insert(CacheHarness.concat(prompt, request.outputTokens()), Tier.ASSISTANT);
        return Math.min(reused, prompt.length - 1);
    }

    private int fetch(int[] prompt) {
        int walked = 0;
        int shorter = 0;
        int longer = Integer.MAX_VALUE;
        for (List<Entry> queue : queues.values()) {
            for (Entry entry : queue) {
                int common = Arrays.mismatch(entry.tokens, prompt);
                if (common < 0 || common == entry.tokens.length) {
                    shorter = Math.max(shorter, entry.tokens.length);
                }
                common = common < 0 ? prompt.length : common;
                if (common > walked) {
                    walked = common;
                    longer = Integer.MAX_VALUE;
                }
                if (common == walked && entry.tokens.length > common) {
                    longer = Math.min(longer, entry.tokens.length);
                }
            }
        }
        boolean trimmed = trimmable && walked > shorter && longer < Integer.MAX_VALUE;
        return trimmed ? Math.min(prompt.length - 1, walked) : shorter;
    }

    private void insertBeyond(int reused, int[] prompt, int length, Tier tier) {
        if (length > reused) {
            insert(Arrays.copyOf(prompt, length), tier);
        }
    }

    private void insert(int[] tokens, Tier tier) {
        for (List<Entry> queue : queues.values()) {
            queue.removeIf(entry -> {
                int common = Arrays.mismatch(entry.tokens, tokens);
                boolean gone = common < 0 || trimmable && common == entry.tokens.length;
                bytes -= gone ? entry.tokens.length : 0;
                return gone;
            });
        }
        queues.get(tier).add(new Entry(tokens, tier));
        bytes += tokens.length;
        while (bytes > bytesMax) {
            bytes -= pop().tokens.length;
        }
    }

    private Entry pop() {
        List<Entry> assistant = queues.get(Tier.ASSISTANT);
        List<Entry> user = queues.get(Tier.USER);
        List<Entry> system = queues.get(Tier.SYSTEM);
        if (!assistant.isEmpty() && assistant.size() >= user.size()) {
            return assistant.removeFirst();
        }
        return !user.isEmpty() && user.size() >= system.size() ? user.removeFirst() : system.removeFirst();
    }
}

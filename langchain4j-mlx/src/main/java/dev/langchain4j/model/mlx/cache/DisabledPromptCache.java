package dev.langchain4j.model.mlx.cache;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** A cache that keeps nothing: every prompt is prefilled whole. */
public final class DisabledPromptCache implements PromptCache {
    private final Set<Session> open = new HashSet<>();

    @Override
    public CacheSession begin(CacheRequest request) {
        Session session = new Session(request.newLayers().get());
        open.add(session);
        return session;
    }

    @Override
    public CompletableFuture<Long> evict(Object conversation) {
        return CompletableFuture.completedFuture(0L);
    }

    @Override
    public CompletableFuture<Void> fork(Object parent, Object child) {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public PromptCacheStats stats() {
        Map<Tier, PromptCacheStats.TierStats> tiers = new HashMap<>();
        for (Tier tier : Tier.values()) {
            tiers.put(tier, new PromptCacheStats.TierStats(0, 0, 0, 0, 0));
        }
        return new PromptCacheStats(tiers, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    @Override
    public CompletableFuture<String> dump() {
        return CompletableFuture.completedFuture("the prompt cache is switched off\n");
    }

    @Override
    public void close() {
        List.copyOf(open).forEach(Session::close);
    }

    private final class Session implements CacheSession {
        private final List<LayerCache> layers;

        Session(List<LayerCache> layers) {
            this.layers = layers;
        }

        @Override
        public int resumePosition() {
            return 0;
        }

        @Override
        public ReusePlan plan() {
            return new ReusePlan(0, 0, ReusePlan.Reason.DISABLED, -1, -1);
        }

        @Override
        public List<LayerCache> layers() {
            return layers;
        }

        @Override
        public int nextCheckpoint(int position) {
            return Integer.MAX_VALUE;
        }

        @Override
        public void checkpoint() {}

        @Override
        public void append(int token) {}

        @Override
        public void close(Outcome outcome) {
            if (open.remove(this)) {
                layers.forEach(LayerCache::close);
            }
        }
    }
}

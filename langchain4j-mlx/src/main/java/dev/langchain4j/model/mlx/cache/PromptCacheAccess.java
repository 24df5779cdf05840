package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The prompt cache as other threads than the owner see it. Tasks run on the owner; their futures complete on a virtual
 * thread each, so that what an application chains to them never runs on the owner, and one that waits holds up no
 * other.
 */
final class PromptCacheAccess implements PromptCache {
    private final TrieCache cache;
    private final Executor owner;
    private final ConversationListener listener;

    PromptCacheAccess(TrieCache cache, Executor owner, ConversationListener listener) {
        this.cache = cache;
        this.owner = owner;
        this.listener = listener;
    }

    @Override
    public PromptCacheStats stats() {
        return cache.stats();
    }

    @Override
    public Optional<ConversationStats> conversation(Object conversation) {
        return conversation == null
                ? Optional.empty()
                : Optional.ofNullable(cache.conversations().meant(conversation)).map(known -> known.stats);
    }

    @Override
    public CompletableFuture<Long> evict(Object conversation) {
        requireNotNull("conversation", conversation);
        Predicate<Object> meant = id -> ConversationKey.means(conversation, id);
        listener.evicted(meant);
        return onOwner(() -> cache.evict(meant), 0L);
    }

    @Override
    public CompletableFuture<Long> evictIf(Predicate<Object> conversation) {
        requireNotNull("conversation", conversation);
        Set<Object> meant = new HashSet<>(cache.conversations().ids(conversation));
        if (cache.disk() != null) {
            meant.addAll(cache.disk().ids(conversation));
        }
        listener.evicted(conversation);
        return onOwner(() -> cache.evict(meant::contains), 0L);
    }

    @Override
    public CompletableFuture<Long> clear() {
        listener.cleared();
        return onOwner(cache::clear, 0L);
    }

    @Override
    public DiskStats diskStats() {
        return cache.disk() == null ? DiskStats.NONE : cache.disk().stats();
    }

    @Override
    public AheadStats aheadStats() {
        return cache.aheadStats();
    }

    @Override
    public DiskStats sharedPrefixStats() {
        return cache.disk() == null ? DiskStats.NONE : cache.disk().prefixStats();
    }

    @Override
    public CompletableFuture<Long> trimTo(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes (%d) must not be negative".formatted(bytes));
        }
        return onOwner(() -> cache.trimTo(bytes), 0L);
    }

    @Override
    public CompletableFuture<Void> fork(Object parent, Object child) {
        requireNotNull("parent", parent);
        requireNotNull("child", child);
        if (parent.equals(child)) {
            throw new IllegalArgumentException("child (%s) must not be its own parent".formatted(child));
        }
        listener.forked(parent, child);
        return onOwner(
                () -> {
                    cache.fork(parent, child);
                    return null;
                },
                null);
    }

    @Override
    public CompletableFuture<String> dump() {
        return onOwner(cache::dump, "");
    }

    @Override
    public CompletableFuture<List<CacheNode>> nodes() {
        return onOwner(cache::nodes, List.of());
    }

    private static void requireNotNull(String name, Object value) {
        if (value == null) {
            throw new IllegalArgumentException(name + " (null) must be given");
        }
    }

    /** @param whenClosed what a closed cache answers */
    private <T> CompletableFuture<T> onOwner(Supplier<T> task, T whenClosed) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable run = () -> {
            try {
                T value = cache.isClosed() ? whenClosed : task.get();
                CompletableFuture<Void> deleted = cache.disk() == null
                        ? CompletableFuture.completedFuture(null)
                        : cache.disk().deleted();
                deleted.whenComplete((done, never) -> elsewhere(() -> answer.complete(value)));
            } catch (Throwable e) {
                elsewhere(() -> answer.completeExceptionally(e));
            }
        };
        try {
            owner.execute(run);
        } catch (IllegalStateException | RejectedExecutionException closed) {
            answer.complete(whenClosed);
        } catch (RuntimeException lost) {
            answer.completeExceptionally(lost);
        }
        return answer;
    }

    private static void elsewhere(Runnable completion) {
        Thread.ofVirtual().name("mlx-prompt-cache").start(completion);
    }
}

package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What applications may do with a cache, from threads of their own. */
class PromptCacheAccessTest {
    private final CacheHarness harness = CacheHarness.of(1_000_000, Kind.SLICEABLE);
    private final AtomicReference<Thread> ownerThread = new AtomicReference<>();
    private final ExecutorService owner = Executors.newSingleThreadExecutor(task -> {
        ownerThread.set(new Thread(task, "owner"));
        return ownerThread.get();
    });
    private final PromptCache cache = harness.cache.access(owner, new ConversationListener() {});

    @AfterEach
    void nothingLeaks() {
        owner.shutdown();
        harness.close();
    }

    private static <T> T soon(CompletableFuture<T> future) throws Exception {
        return future.get(10, TimeUnit.SECONDS);
    }

    @Test
    void whatIsChainedToAFutureMayWaitForTheOwner() throws Exception {
        harness.run("a", range(0, 10));
        for (CompletableFuture<?> future : List.of(
                cache.trimTo(5),
                cache.evict("a"),
                cache.evictIf("b"::equals),
                cache.fork("a", "b"),
                cache.dump(),
                cache.nodes())) {
            Thread ran = soon(future.handle((x, e) -> {
                CompletableFuture.runAsync(() -> {}, owner).join();
                return Thread.currentThread();
            }));
            assertThat(ran).isNotSameAs(ownerThread.get());
        }
        CompletableFuture<Long> nested =
                cache.trimTo(0).thenApply(x -> cache.trimTo(0).join());
        assertThat(soon(nested).longValue()).isZero();
    }

    @Test
    void aPredicateIsAskedOnTheCallersThreadAndWhatItThrowsIsThrown() throws Exception {
        harness.run("a", range(0, 10));
        AtomicReference<Thread> asked = new AtomicReference<>();
        Predicate<Object> all = id -> {
            asked.set(Thread.currentThread());
            return true;
        };
        assertThat(soon(cache.evictIf(all))).isEqualTo(10);
        assertThat(asked).hasValue(Thread.currentThread());
        harness.run("a", range(0, 10));
        assertThatThrownBy(() -> cache.evictIf(id -> {
                    throw new ClassCastException("no string");
                }))
                .hasMessage("no string");
        assertThat(harness.stats().bytesHeld()).isEqualTo(10);
    }

    @Test
    void aClosedCacheHoldsNothingAndThrowsNothing() throws Exception {
        harness.run("a", range(0, 10));
        harness.cache.close();
        assertThat(soon(cache.evict("a"))).isZero();
        owner.shutdown();
        assertThat(soon(cache.evictIf(id -> true))).isZero();
        assertThat(soon(cache.trimTo(0))).isZero();
        assertThat(soon(cache.fork("a", "b"))).isNull();
        assertThat(soon(cache.dump())).isEmpty();
        assertThat(soon(cache.nodes())).isEmpty();
        assertThat(cache.stats().bytesHeld()).isZero();
    }

    @Test
    void whatIsGivenIsChecked() {
        assertThatThrownBy(() -> cache.evict(null)).hasMessage("conversation (null) must be given");
        assertThatThrownBy(() -> cache.fork("a", null)).hasMessage("child (null) must be given");
        assertThat(cache.conversation(null)).isEmpty();
        assertThat(cache).isNotInstanceOf(AutoCloseable.class);
    }

    @Test
    void whatIsIdleGoesWithoutARequestAndAClosedTimerLeavesNoThread() throws Exception {
        CacheLimits limits = new CacheLimits(1000, 100, Duration.ofMillis(200), 1024);
        TrieCache idle = new TrieCache(limits, System::nanoTime);
        IdleTimer timer = IdleTimer.start(idle, limits, owner);
        int[] prompt = range(0, 10);
        CacheRequest request =
                new CacheRequest(CacheHarness.KEY, prompt, List.of(), "a", Isolation.SHARED, harness.layers);
        CompletableFuture.runAsync(
                        () -> {
                            CacheSession session = idle.begin(request);
                            CacheHarness.feed(session, prompt, 0, 10);
                            session.checkpoint();
                            session.close(CacheSession.Outcome.FINISHED);
                        },
                        owner)
                .join();
        assertThat(idle.stats().bytesHeld()).isEqualTo(10);
        long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (idle.stats().bytesHeld() > 0 && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertThat(idle.stats().bytesHeld()).isZero();
        timer.close();
        assertThat(timer.join(Duration.ofSeconds(10))).isTrue();
        CompletableFuture.runAsync(idle::close, owner).join();
    }
}

package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.mlx.cache.AheadStats;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.cache.PromptCacheStats.TierStats;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.EngineStats;
import dev.langchain4j.model.mlx.generate.FeatureCache;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * A model's meters for Micrometer: bound to a registry it shows what the prompt cache holds, as a listener of chat
 * models it measures their requests. Needs {@code io.micrometer:micrometer-core}, which is an optional dependency.
 *
 * <pre>{@code
 * MlxMetrics metrics = new MlxMetrics(mlx);
 * metrics.bindTo(registry);
 * ChatModel chat = MlxChatModel.builder().model(mlx).listeners(metrics).build();
 * }</pre>
 *
 * <p>All meters have the tag {@code model}; docs/metrics.md lists them. Thread-safe. Borrows the model.
 */
public final class MlxMetrics implements MeterBinder, ChatModelListener, AutoCloseable {
    private static final String PREFIX = "langchain4j.mlx.";
    private static final String MODEL = "model";

    private final MlxModel model;
    private final List<Meters> bound = new CopyOnWriteArrayList<>();

    /** Of this model. */
    public MlxMetrics(MlxModel model) {
        this.model = model;
    }

    /** What requests are counted with, of one registry. */
    private record Meters(
            MeterRegistry registry,
            Timer queued,
            Timer prefill,
            Timer firstToken,
            Timer running,
            DistributionSummary decodeRate,
            DistributionSummary rows,
            Timer stall,
            Timer memoryWait,
            Counter cached,
            Counter prefilled,
            Counter generated,
            Counter reasoning,
            Map<DraftKind, Counter> drafted,
            Map<DraftKind, Counter> accepted,
            Counter errors) {}

    /** Registers the meters of this model. Requests are counted from then on. */
    @Override
    public void bindTo(MeterRegistry registry) {
        Tags tags = Tags.of(MODEL, model.name());
        bindMemory(registry, tags);
        bindCache(registry, tags);
        if (model.promptCache().diskStats().on()) {
            bindDisk(registry, tags, model.promptCache());
        }
        bindRequests(registry, tags);
        if (model.seesImages()) {
            bindImages(registry, tags, model.features());
        }
        if (model.rankStats() != null) {
            bindRanks(registry, tags);
        }
        FunctionCounter.builder(PREFIX + "calls.rejected", model.rejectedCalls(), RejectedCalls::count)
                .description("Outputs that began like a tool call but are not one")
                .tags(tags)
                .register(registry);
        bound.add(new Meters(
                registry,
                timer(registry, tags, "queue.time", "Time that requests waited for earlier ones"),
                timer(registry, tags, "prefill.time", "Time of prefill"),
                timer(registry, tags, "first.token.time", "Time from the start of a request to its first token"),
                timer(registry, tags, "running.time", "Time from the start of a request to its end"),
                DistributionSummary.builder(PREFIX + "decode.rate")
                        .description("Decoded tokens per second of an answer")
                        .tags(tags)
                        .register(registry),
                DistributionSummary.builder(PREFIX + "decode.rows")
                        .description("Mean number of requests in the forward passes of an answer")
                        .tags(tags)
                        .register(registry),
                timer(registry, tags, "stall.time", "The longest time between two tokens of an answer"),
                timer(registry, tags, "memory.wait.time", "Time that requests waited for memory"),
                tokens(registry, tags, "cached"),
                tokens(registry, tags, "prefilled"),
                tokens(registry, tags, "generated"),
                Counter.builder(PREFIX + "reasoning.tokens")
                        .description("Generated tokens that are reasoning")
                        .baseUnit("tokens")
                        .tags(tags)
                        .register(registry),
                drafts(registry, tags, "drafts.tokens", "Drafted tokens"),
                drafts(registry, tags, "drafts.accepted", "Drafted tokens that were accepted"),
                Counter.builder(PREFIX + "errors")
                        .description("Requests that failed")
                        .tags(tags)
                        .register(registry)));
    }

    /**
     * Removes the model's meters from the registries, which would hold these classes otherwise. Requests are not
     * counted any more. To be closed with the model. Idempotent.
     */
    @Override
    public void close() {
        for (Meters meters : bound) {
            meters.registry.getMeters().stream()
                    .map(Meter::getId)
                    .filter(id ->
                            id.getName().startsWith(PREFIX) && model.name().equals(id.getTag(MODEL)))
                    .forEach(meters.registry::remove);
            bound.remove(meters);
        }
    }

    private static Timer timer(MeterRegistry registry, Tags tags, String name, String description) {
        return Timer.builder(PREFIX + name).description(description).tags(tags).register(registry);
    }

    private static Counter tokens(MeterRegistry registry, Tags tags, String kind) {
        return Counter.builder(PREFIX + "tokens")
                .description("Tokens of prompts and answers: cached, prefilled, generated")
                .baseUnit("tokens")
                .tags(tags.and("kind", kind))
                .register(registry);
    }

    private static Map<DraftKind, Counter> drafts(MeterRegistry registry, Tags tags, String name, String description) {
        Map<DraftKind, Counter> counters = new EnumMap<>(DraftKind.class);
        for (DraftKind kind : DraftKind.values()) {
            Counter counter = Counter.builder(PREFIX + name)
                    .description(description)
                    .baseUnit("tokens")
                    .tags(tags.and("kind", kind.name().toLowerCase(Locale.ROOT)))
                    .register(registry);
            counters.put(kind, counter);
        }
        return counters;
    }

    private void bindRequests(MeterRegistry registry, Tags tags) {
        Engine engine = model.engine();
        Gauge.builder(PREFIX + "requests.waiting", engine, e -> e.stats().waiting())
                .description("Requests in the queue")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "requests.running", engine, e -> e.stats().running())
                .description("Running requests")
                .tags(tags)
                .register(registry);
        Map<String, ToDoubleFunction<EngineStats>> ends = Map.of(
                "finished", EngineStats::finished,
                "cancelled", EngineStats::cancelled,
                "timeout", EngineStats::timedOut,
                "refused", EngineStats::refused,
                "failed", EngineStats::failed);
        ends.forEach((end, count) -> FunctionCounter.builder(
                        PREFIX + "requests", engine, e -> count.applyAsDouble(e.stats()))
                .description("Requests, by how they ended")
                .tags(tags.and("end", end))
                .register(registry));
    }

    private static void bindImages(MeterRegistry registry, Tags tags, FeatureCache features) {
        FunctionCounter.builder(PREFIX + "images.encoded", features, FeatureCache::encoded)
                .description("Images that the vision tower encoded")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(PREFIX + "images.reused", features, FeatureCache::found)
                .description("Images whose features were reused")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "images.held", features, FeatureCache::bytes)
                .description("Kept image features, a part of cache.held")
                .baseUnit("bytes")
                .tags(tags)
                .register(registry);
    }

    private void bindRanks(MeterRegistry registry, Tags tags) {
        Gauge.builder(PREFIX + "ranks", model, m -> m.rankStats().ranks())
                .description("Ranks of the model; 0 once one was lost")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(
                        PREFIX + "ranks.exchanged", model, m -> m.rankStats().exchangedBytes())
                .description("Bytes that rank 0 exchanged with the others")
                .baseUnit(BaseUnits.BYTES)
                .tags(tags)
                .register(registry);
        FunctionTimer.builder(
                        PREFIX + "ranks.wait.time",
                        model,
                        m -> m.rankStats().steps(),
                        m -> m.rankStats().nanosWaited(),
                        TimeUnit.NANOSECONDS)
                .description("Steps that rank 0 sent to the others, and the time until all had received them")
                .tags(tags)
                .register(registry);
    }

    /** Of the process: the same for all models. */
    private static void bindMemory(MeterRegistry registry, Tags tags) {
        Map<String, Supplier<Number>> bytes = Map.of(
                "budget", MlxMemory::budgetBytes,
                "weights", MlxMemory::weightBytes,
                "active", MlxMemory::activeBytes,
                "freed", MlxMemory::cacheBytes,
                "footprint", MlxMemory::footprintBytes,
                "footprint.limit", MlxMemory::footprintLimitBytes);
        bytes.forEach((name, value) -> Gauge.builder(PREFIX + "memory." + name, value)
                .description("Memory of the process and its limits")
                .baseUnit(BaseUnits.BYTES)
                .tags(tags)
                .register(registry));
    }

    private void bindCache(MeterRegistry registry, Tags tags) {
        PromptCache cache = model.promptCache();
        gauge(registry, tags, cache, "cache.held", "Bytes that the prompt cache holds", PromptCacheStats::bytesHeld);
        gauge(
                registry,
                tags,
                cache,
                "cache.running",
                "Bytes of running sequences in the prompt cache",
                PromptCacheStats::bytesRunning);
        gauge(registry, tags, cache, "cache.limit", "Bytes that the prompt cache may hold", PromptCacheStats::bytesMax);
        count(
                registry,
                tags,
                cache,
                "cache.buffers",
                "Native buffers that the prompt cache holds",
                PromptCacheStats::buffersHeld);
        count(
                registry,
                tags,
                cache,
                "cache.buffers.limit",
                "Native buffers that the prompt cache may hold",
                PromptCacheStats::buffersMax);
        Gauge.builder(PREFIX + "cache.conversations", cache, c -> c.stats().conversations())
                .description("Conversations in the prompt cache")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "cache.hit.ratio", cache, c -> hitRatio(c.stats()))
                .description("Share of all prompt tokens that were reused")
                .tags(tags)
                .register(registry);
        saved(registry, tags.and("by", "memory"), cache, PromptCacheStats::savedByMemory);
        saved(registry, tags.and("by", "disk"), cache, PromptCacheStats::savedByDisk);
        ahead(registry, tags.and("end", "finished"), cache, "cache.ahead", AheadStats::finished);
        ahead(registry, tags.and("end", "stopped"), cache, "cache.ahead", AheadStats::stopped);
        ahead(registry, tags.and("kind", "computed"), cache, "cache.ahead.tokens", AheadStats::tokens);
        ahead(registry, tags.and("kind", "reused"), cache, "cache.ahead.tokens", AheadStats::reusedTokens);
        for (Tier tier : Tier.values()) {
            Tags ofTier = tags.and("tier", tier.name().toLowerCase(Locale.ROOT));
            gauge(registry, ofTier, cache, "cache.stored", "Bytes of entries in this tier", s -> of(s, tier)
                    .bytes());
            Gauge.builder(PREFIX + "cache.entries", cache, c -> of(c.stats(), tier)
                            .entries())
                    .description("Entries in this tier")
                    .tags(ofTier)
                    .register(registry);
            counter(registry, ofTier, cache, "cache.hits", s -> of(s, tier).hits());
            counter(registry, ofTier, cache, "cache.evictions", s -> of(s, tier).evictions());
        }
    }

    private static void bindDisk(MeterRegistry registry, Tags tags, PromptCache cache) {
        Map<String, ToDoubleFunction<DiskStats>> sizes = Map.of(
                "held", DiskStats::bytesHeld,
                "queued", DiskStats::bytesQueued);
        sizes.forEach((name, bytes) -> Gauge.builder(
                        PREFIX + "cache.disk." + name, cache, c -> bytes.applyAsDouble(c.diskStats()))
                .description("Bytes of the prompt cache on disk, and those queued for writing")
                .baseUnit(BaseUnits.BYTES)
                .tags(tags)
                .register(registry));
        Map<String, ToDoubleFunction<DiskStats>> counts = Map.of(
                "bytes.written", DiskStats::bytesWritten,
                "bytes.read", DiskStats::bytesRead,
                "hits", DiskStats::hits,
                "misses",
                        stats -> stats.misses().values().stream()
                                .mapToLong(Long::longValue)
                                .sum(),
                "tokens", DiskStats::tokensRestored,
                "evictions", DiskStats::evicted);
        counts.forEach((name, count) -> FunctionCounter.builder(
                        PREFIX + "cache.disk." + name, cache, c -> count.applyAsDouble(c.diskStats()))
                .description("Activity of the prompt cache on disk")
                .tags(tags)
                .register(registry));
        FunctionTimer.builder(
                        PREFIX + "cache.disk.restore.time",
                        cache,
                        c -> c.diskStats().hits(),
                        c -> c.diskStats().nanosRestoring(),
                        TimeUnit.NANOSECONDS)
                .description("Time to restore prompts from disk")
                .tags(tags)
                .register(registry);
    }

    private static void saved(
            MeterRegistry registry, Tags tags, PromptCache cache, Function<PromptCacheStats, Duration> time) {
        Gauge.builder(PREFIX + "cache.saved", cache, c -> time.apply(c.stats()).toNanos() / 1e9)
                .description("Prefill time that reuse saved")
                .baseUnit("seconds")
                .tags(tags)
                .register(registry);
    }

    private static void ahead(
            MeterRegistry registry, Tags tags, PromptCache cache, String name, ToDoubleFunction<AheadStats> value) {
        FunctionCounter.builder(PREFIX + name, cache, c -> value.applyAsDouble(c.aheadStats()))
                .description("Tokens that were prefilled ahead of their request")
                .tags(tags)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry,
            Tags tags,
            PromptCache cache,
            String name,
            String description,
            ToDoubleFunction<PromptCacheStats> value) {
        Gauge.builder(PREFIX + name, cache, c -> value.applyAsDouble(c.stats()))
                .description(description)
                .baseUnit(BaseUnits.BYTES)
                .tags(tags)
                .register(registry);
    }

    private static void count(
            MeterRegistry registry,
            Tags tags,
            PromptCache cache,
            String name,
            String description,
            ToDoubleFunction<PromptCacheStats> value) {
        Gauge.builder(PREFIX + name, cache, c -> value.applyAsDouble(c.stats()))
                .description(description)
                .tags(tags)
                .register(registry);
    }

    private static void counter(
            MeterRegistry registry,
            Tags tags,
            PromptCache cache,
            String name,
            ToDoubleFunction<PromptCacheStats> value) {
        FunctionCounter.builder(PREFIX + name, cache, c -> value.applyAsDouble(c.stats()))
                .tags(tags)
                .register(registry);
    }

    private static TierStats of(PromptCacheStats stats, Tier tier) {
        return stats.tiers().getOrDefault(tier, new TierStats(0, 0, 0, 0, 0));
    }

    private static double hitRatio(PromptCacheStats stats) {
        return stats.promptTokens() == 0 ? 0 : (double) stats.cachedTokens() / stats.promptTokens();
    }

    @Override
    public void onResponse(ChatModelResponseContext context) {
        if (!(context.chatResponse().metadata() instanceof MlxChatResponseMetadata answer)) {
            return;
        }
        for (Meters meters : bound) {
            record(meters.queued, answer.queued());
            record(meters.prefill, answer.prefill());
            record(meters.firstToken, answer.timeToFirstToken());
            record(meters.running, answer.running());
            if (answer.decodeTokensPerSecond() != null) {
                meters.decodeRate.record(answer.decodeTokensPerSecond());
            }
            if (answer.meanRows() != null) {
                meters.rows.record(answer.meanRows());
            }
            record(meters.stall, answer.longestStall());
            if (answer.waitedForMemory() != null && answer.waitedForMemory().isPositive()) {
                meters.memoryWait.record(answer.waitedForMemory());
            }
            if (answer.tokenUsage() instanceof MlxTokenUsage usage) {
                meters.cached.increment(usage.cachedTokens());
                meters.prefilled.increment(usage.inputTokenCount() - usage.cachedTokens());
                meters.generated.increment(usage.outputTokenCount());
                meters.reasoning.increment(usage.reasoningTokens());
                usage.drafts().forEach((kind, counts) -> {
                    meters.drafted.get(kind).increment(counts.drafted());
                    meters.accepted.get(kind).increment(counts.accepted());
                });
            }
        }
    }

    @Override
    public void onError(ChatModelErrorContext context) {
        bound.forEach(meters -> meters.errors.increment());
    }

    private static void record(Timer timer, Duration duration) {
        if (duration != null) {
            timer.record(duration);
        }
    }
}

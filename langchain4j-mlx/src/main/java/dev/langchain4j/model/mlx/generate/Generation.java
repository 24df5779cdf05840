package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import dev.langchain4j.model.mlx.generate.GenerationResult.Timings;
import java.util.function.BooleanSupplier;

/**
 * The path of one request on the model's thread, in order: find the longest cached prefix, prefill the rest, decode, give
 * the layers back to the cache.
 */
final class Generation {
    private final Engine engine;
    private final GenerationRequest request;
    private final GenerationListener listener;
    private final BooleanSupplier cancelled;
    private final long asked;

    Generation(
            Engine engine,
            GenerationRequest request,
            GenerationListener listener,
            BooleanSupplier cancelled,
            long askedNanos) {
        this.engine = engine;
        this.request = request;
        this.listener = listener;
        this.cancelled = cancelled;
        this.asked = askedNanos;
    }

    GenerationResult run() {
        long begun = System.nanoTime();
        CacheRequest wanted = new CacheRequest(
                engine.cacheKey(),
                request.prompt(),
                request.boundaries(),
                request.conversation(),
                request.isolation(),
                engine.model()::newLayers);
        try (CacheSession session = engine.cache().begin(wanted);
                Sampler sampler = new Sampler(request.sampling(), request.prompt());
                DecodeStream text = engine.tokenizer().decodeStream(false)) {
            Prefill prefill = new Prefill(engine.model(), session, engine.prefillChunkTokens());
            boolean whole = prefill.run(request, listener, cancelled);
            long prefilled = System.nanoTime();
            if (!whole) {
                session.close(Outcome.CANCELLED);
                return result(new int[0], End.CANCELLED, session, sampler, begun, prefilled, prefilled);
            }
            DecodeLoop loop = new DecodeLoop(engine, session, sampler, text, request, listener, cancelled);
            End end = loop.run();
            if (end == End.LENGTH) {
                listener.onCut();
            }
            Outcome outcome = end == End.CANCELLED ? Outcome.CANCELLED : listener.onEnd();
            session.close(outcome);
            return result(loop.generated(), end, session, sampler, begun, prefilled, loop.firstTokenNanos());
        }
    }

    private GenerationResult result(
            int[] generated, End end, CacheSession session, Sampler sampler, long begun, long prefilled, long first) {
        Timings timings = new Timings(
                begun - asked, prefilled - begun, Math.max(first, begun) - begun, System.nanoTime() - begun);
        return new GenerationResult(
                request.prompt().length, generated, end, session.plan(), timings, sampler.logprobs());
    }
}

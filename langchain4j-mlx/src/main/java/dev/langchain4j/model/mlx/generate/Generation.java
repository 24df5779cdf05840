package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.cache.Admission;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.PendingPrefix;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import dev.langchain4j.model.mlx.generate.GenerationResult.Timings;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;

/**
 * One request on the model's thread, in order: find the longest cached prefix, prefill the rest, decode, give the
 * layers back to the cache. Prefill and decoder get at all that belongs to the request through it.
 */
final class Generation extends ScheduledRequest {
    private final Engine engine;
    private final GenerationRequest request;
    private final GenerationListener listener;
    private final Engine.Handle handle;
    private final RequestEvent event = new RequestEvent();
    private final DecodeEvent decodeEvent = new DecodeEvent();

    private long begun;
    private long prefilled;
    private CacheSession session;
    private Seeing seeing = Seeing.NOTHING;
    private Sampler sampler;
    private Answer answer;
    private Reasoning reasoning;
    private Prefill prefill;
    private Decoder decoder;
    private Sight sightBehind;
    private End end;
    private Outcome outcome;
    private Drafting drafting;
    /** Null if no model drafts. */
    private ModelDrafter modelDrafter;
    /** Whether nobody else has a row in the pass of its step. */
    private boolean alone;
    /** Whether a step began and did not end: what it computed cannot be trusted then. */
    private boolean inStep;

    private long passes;
    private long rowsOfPasses;
    private int mostRows;
    private long waitedForMemory;
    /** Since when it waits for memory; 0 if it does not. */
    private long lacksMemorySince;
    /** What was thrown while room was made for its next step, which throws it. */
    private Throwable noRoom;

    Generation(Engine engine, GenerationRequest request, GenerationListener listener, Engine.Handle handle) {
        super(request.conversation(), request.toolRound(), request.timeout());
        this.engine = engine;
        this.request = request;
        this.listener = listener;
        this.handle = handle;
        event.begin();
    }

    @Override
    void begin() {
        begun = System.nanoTime();
        beginStep();
        session = engine.cache().begin(cacheRequest());
        seeing = Seeing.of(request.pictures(), engine.features());
        sampler = new Sampler(request.sampling(), request.fed());
        modelDrafter = engine.newModelDrafter(session.layers(), sampler::guess);
        answer = new Answer(this);
        reasoning = new Reasoning(listener, request.reasoning());
        prefill = new Prefill(this);
        inStep = false;
    }

    private CacheRequest cacheRequest() {
        return new CacheRequest(
                engine.cacheKey(),
                request.prompt(),
                request.boundaries(),
                request.conversation(),
                request.isolation(),
                engine::newLayers);
    }

    @Override
    int prefillRemaining() {
        return prefill == null ? 0 : prefill.remaining();
    }

    /**
     * Asked before each step beside others; if there is no room it waits from then on. What fails is this request's
     * own.
     */
    @Override
    boolean hasRoom() {
        boolean room;
        try {
            room = mayGrow();
        } catch (Throwable e) {
            noRoom = e;
            return true;
        }
        if (!room && lacksMemorySince == 0) {
            lacksMemorySince = System.nanoTime();
        }
        return room;
    }

    /** What fails is told when it begins. */
    @Override
    RuntimeException refusal() {
        try {
            boolean never = engine.cache().admission(cacheRequest()) == Admission.NEVER;
            return never ? Prefill.neverFits(request.prompt().length) : null;
        } catch (RuntimeException e) {
            return null;
        }
    }

    /** It takes a step: what it waited for is there. */
    private void beginStep() {
        waitedForMemory = waitedForMemory();
        lacksMemorySince = 0;
        if (noRoom != null) {
            throw Generation.<RuntimeException>unchecked(noRoom);
        }
        inStep = true;
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T unchecked(Throwable e) throws T {
        throw (T) e;
    }

    private long waitedForMemory() {
        return waitedForMemory + (lacksMemorySince == 0 ? 0 : System.nanoTime() - lacksMemorySince);
    }

    /**
     * Whether its prompt may begin beside others, or, when it runs, whether the layers may grow by what the next step
     * feeds.
     */
    boolean mayGrow() {
        return mayGrow(0);
    }

    /** The same for a step that feeds so many drafted tokens more. */
    boolean mayGrow(int drafts) {
        if (prefill == null) {
            return engine.cache().admission(cacheRequest()) != Admission.LATER;
        }
        int tokens = prefill.remaining() > 0
                ? prefill.nextPosition(Integer.MAX_VALUE)
                : request.prompt().length + answer.count() + 1 + drafts;
        return engine.room().isFor(session, tokens);
    }

    @Override
    int prefillPosition() {
        return prefill.position();
    }

    @Override
    PrefixWait worthWaitingFor(List<ScheduledRequest> running) {
        PendingPrefix prefix = engine.cache().pending(cacheRequest(), engine.cutsChunks() ? 1 : engine.chunkTokens());
        for (int i = 0; prefix != null && i < running.size(); i++) {
            Generation source = (Generation) running.get(i);
            if (source.session == prefix.session()) {
                prefix.session().shareAt(prefix.position());
                int rest = source.prefillRemaining() - (prefix.position() - source.prefillPosition());
                return new PrefixWait(source, rest, request.prompt().length - 1 - prefix.position());
            }
        }
        return null;
    }

    @Override
    int chunkTokens() {
        return prefill.isRestoring() || isEncoding() ? 0 : prefill.nextPosition(wantedTokens) - prefill.position();
    }

    /** Whether its next step computes the features of a picture instead of feeding tokens. */
    boolean isEncoding() {
        return prefill.isEncoding(wantedTokens);
    }

    /** Begins a step of prefill; see {@link Prefill#feed}. */
    int[] feedChunk() {
        beginStep();
        int[] chunk = prefill.feed(wantedTokens);
        inStep = chunk != null;
        return chunk;
    }

    /** Whether the first token is drawn behind the chunk that is fed. */
    boolean endsPrompt() {
        return prefill.endsPrompt();
    }

    /** Begins to decode behind the chunk that is fed, in a pass of its own or not: the decoder can draw. */
    void drawsBehindChunk(boolean alone) {
        this.alone = alone && engine.stats().running() <= 1;
        decoder = Decoder.of(this);
    }

    /** Ends a step of prefill. */
    void chunkFed() {
        prefill.fed();
        if (decoder != null) {
            endPrefill();
            decoder.read();
        }
        inStep = false;
    }

    private void endPrefill() {
        prefill.close();
        prefilled = System.nanoTime();
        decodeEvent.begin();
        sightBehind = seeing.sightBehind(request.prompt().length);
    }

    /** What pictures change about the chunk that is fed. */
    Sight sight() {
        return prefill.sight();
    }

    /** What they change behind the prompt. */
    Sight sightBehind() {
        return sightBehind;
    }

    /** Begins a step of decode, in a pass of its own or not; see {@link Decoder#feed}. */
    MlxArray feed(boolean alone) {
        beginStep();
        this.alone = alone;
        if (decoder == null) {
            endPrefill();
            decoder = Decoder.of(this);
        }
        return decoder.feed();
    }

    /**
     * Takes what the forward pass of its step has behind each of its tokens: so many rows of [1, tokens, hidden size].
     */
    void computed(MlxArray hidden, int from, int length) {
        if (modelDrafter != null && modelDrafter.readsHidden()) {
            modelDrafter.fed(length == hidden.dim(1) ? hidden : Indexing.slice(hidden, 1, from, from + length));
        }
    }

    /** Notes that its step has a forward pass of so many rows. */
    void sharesPass(int rows) {
        passes++;
        rowsOfPasses += rows;
        mostRows = Math.max(mostRows, rows);
    }

    private double meanRows() {
        return passes == 0 ? 0 : (double) rowsOfPasses / passes;
    }

    /** Ends a step of decode. Returns whether it was the last one. */
    boolean read() {
        end = decoder.read();
        if (end == End.LENGTH) {
            listener.onCut();
        }
        if (end != null) {
            outcome = listener.onEnd();
        }
        inStep = false;
        return end != null;
    }

    @Override
    void end(Throwable failure) {
        boolean stopped = end == null && !inStep;
        List<TokenLogprob> logprobs = sampler == null ? List.of() : sampler.logprobs();
        Throwable problem = close(decoder, null);
        problem = close(modelDrafter, problem);
        if (session != null) {
            Outcome kept = problem != null || inStep ? Outcome.FAILED : stopped ? Outcome.CANCELLED : outcome;
            problem = close(() -> countSaved(session.plan()), problem);
            problem = close(() -> session.close(kept), problem);
        }
        problem = close(prefill, problem);
        problem = close(seeing, problem);
        problem = close(answer, problem);
        problem = close(sampler, problem);
        problem = close(request.grammar(), problem);
        boolean cancelled = failure instanceof CancellationException && stopped && session != null;
        Throwable cause = failure == null || cancelled ? problem : failure;
        problem = close(() -> commit(cause, cancelled), problem);
        if (cause == null) {
            handle.complete(() -> result(cancelled ? End.CANCELLED : end, logprobs));
        } else {
            handle.fail(engine.model().explain(cause));
        }
    }

    /** What its prompt did not have to compute. */
    private void countSaved(ReusePlan plan) {
        if (prefilled != 0) {
            int inMemory = plan.resumePosition() - plan.restoredTokens();
            double memoryNanos = engine.prefillNanos(inMemory);
            double diskNanos = engine.prefillNanos(plan.resumePosition()) - memoryNanos - plan.restoreNanos();
            session.saved((long) memoryNanos, plan.restoredTokens() == 0 ? 0 : (long) diskNanos);
        }
    }

    private static Throwable close(AutoCloseable part, Throwable before) {
        try {
            if (part != null) {
                part.close();
            }
            return before;
        } catch (Throwable e) {
            if (before == null) {
                return e;
            }
            before.addSuppressed(e);
            return before;
        }
    }

    private GenerationResult result(End reason, List<TokenLogprob> logprobs) {
        long now = System.nanoTime();
        boolean decoded = answer.count() > 0;
        long toPrefilled = prefilled == 0 ? now : prefilled;
        Timings timings = new Timings(
                begun - submittedNanos,
                prefixWaitNanos,
                toPrefilled - begun,
                decoded ? answer.firstTokenNanos() - begun : toPrefilled - begun,
                now - begun,
                answer.longestStallNanos(),
                waitedForMemory());
        return new GenerationResult(
                request.prompt().length,
                request.pictures() == null ? 0 : request.pictures().imageTokens(),
                answer.tokens(),
                reason,
                session.plan(),
                timings,
                new GenerationResult.Rows(meanRows(), mostRows),
                drafting == null ? Map.of() : Map.copyOf(drafting.counts()),
                new GenerationResult.Reasoning(reasoning.count(), reasoning.wasCut()),
                logprobs);
    }

    private void commit(Throwable cause, boolean cancelled) {
        int generated = answer == null ? 0 : answer.count();
        String reason = cause != null ? cause.getClass().getSimpleName() : (cancelled ? End.CANCELLED : end).name();
        if (prefilled != 0 && decodeEvent.shouldCommit()) {
            decodeEvent.conversation = request.conversationName();
            decodeEvent.promptTokens = request.prompt().length;
            decodeEvent.generatedTokens = generated;
            decodeEvent.firstToken = generated == 0 ? 0 : answer.firstTokenNanos() - prefilled;
            decodeEvent.longestStall = answer.longestStallNanos();
            decodeEvent.meanRows = meanRows();
            decodeEvent.maxRows = mostRows;
            decodeEvent.endReason = reason;
            decodeEvent.commit();
        }
        if (event.shouldCommit()) {
            long now = System.nanoTime();
            event.conversation = request.conversationName();
            event.promptTokens = request.prompt().length;
            event.generatedTokens = generated;
            event.queued = (begun == 0 ? now : begun) - submittedNanos;
            event.running = begun == 0 ? 0 : now - begun;
            event.waitedForMemory = waitedForMemory();
            event.endReason = reason;
            event.commit();
        }
    }

    /** What is drafted of its answer, which a mask has a say in; null if none has. */
    Drafting drafting(TokenMask mask) {
        reasoning.under(mask);
        drafting = new Drafting(this, engine.drafters().of(this), mask);
        return drafting;
    }

    /** The token behind those that were read: the one that was drawn last, but where the reasoning is being closed. */
    int next(int drawn) {
        if (!reasoning.isClosing()) {
            return drawn;
        }
        int token = reasoning.next();
        sampler.replaceLast(token);
        return token;
    }

    Reasoning reasoning() {
        return reasoning;
    }

    ModelDrafter modelDrafter() {
        return modelDrafter;
    }

    /** The layers of the model, without those of what drafts for it. */
    List<LayerCache> layers() {
        return modelDrafter == null ? session.layers() : modelDrafter.mainLayers();
    }

    boolean isAlone() {
        return alone;
    }

    Engine engine() {
        return engine;
    }

    LanguageModel model() {
        return engine.model();
    }

    GenerationRequest request() {
        return request;
    }

    GenerationListener listener() {
        return listener;
    }

    CacheSession session() {
        return session;
    }

    Seeing seeing() {
        return seeing;
    }

    Sampler sampler() {
        return sampler;
    }

    Decoder decoder() {
        return decoder;
    }

    Answer answer() {
        return answer;
    }
}

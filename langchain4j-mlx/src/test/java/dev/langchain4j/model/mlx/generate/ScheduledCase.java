package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;

/** A request of a random schedule: what it asks, what becomes of it, and what it gave alone. */
final class ScheduledCase implements GenerationListener {
    static final RuntimeException NO_MEMORY = new IllegalStateException("injected: no memory");
    private static final RuntimeException THROWN = new IllegalArgumentException("injected: a listener threw");
    private static final Error RAISED = new AssertionError("injected: a listener raised an error");

    private static final int SYSTEM_TOKENS = 16;
    private static final Grammar JSON = Grammar.jsonSchema(
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":4},\"b\":{\"type\":\"boolean\"}},"
                    + "\"required\":[\"a\",\"b\"],\"additionalProperties\":false}");

    /** What becomes of a request, if its answer gets that far. */
    enum Fate {
        ENDS,
        CANCELLED_AT_ONCE,
        CANCELLED_IN_PREFILL,
        CANCELLED_IN_DECODE,
        LISTENER_THROWS,
        LISTENER_THROWS_AT_THE_BEGINNING,
        LISTENER_THROWS_AT_THE_END,
        GRAMMAR_FAILS;

        boolean cancels() {
            return this == CANCELLED_AT_ONCE || this == CANCELLED_IN_PREFILL || this == CANCELLED_IN_DECODE;
        }
    }

    /** Text of a request that runs alone. */
    static final class Text implements GenerationListener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public void onText(String piece) {
            text.append(piece);
        }

        String text() {
            return text.toString();
        }
    }

    final Sampling sampling;
    final Fate fate;
    private final int index;
    private final int[] prompt;
    private final Object conversation;
    private final int maxTokens;
    private final GrammarCompiler grammars;
    private final boolean json;
    private final boolean stops;
    /** At which piece of the answer its fate strikes. */
    private final int at;

    private final Throwable thrown;

    private final StringBuilder text = new StringBuilder();
    private int pieces;
    private GrammarMatcher matcher;
    private List<String> stopSequences = List.of();

    Runnable onStep;
    Engine.Handle handle;
    GenerationResult result;
    Throwable failure;
    boolean struck;
    /** Length of its text when its grammar was closed; no more can follow. */
    private int lengthWithGrammar = Integer.MAX_VALUE;

    GenerationResult alone;
    Text aloneText = new Text();

    private ScheduledCase(int index, Random random, int[] kinds, int[] prompt, GrammarCompiler grammars) {
        this.index = index;
        this.prompt = prompt;
        this.grammars = grammars;
        this.conversation = random.nextBoolean() ? null : "c" + random.nextInt(4);
        this.sampling = sampling(kinds[random.nextInt(kinds.length)], random.nextInt(1000));
        this.json = random.nextInt(4) == 0;
        this.maxTokens = 1 + random.nextInt(json ? 30 : 20);
        this.stops = random.nextInt(4) == 0;
        this.at = 1 + random.nextInt(4);
        this.thrown = random.nextBoolean() ? THROWN : RAISED;
        Fate drawn = random.nextInt(2) == 0 ? Fate.ENDS : Fate.values()[random.nextInt(Fate.values().length)];
        boolean throwing = drawn == Fate.GRAMMAR_FAILS || drawn == Fate.LISTENER_THROWS;
        this.fate = !throwing ? drawn : json ? Fate.GRAMMAR_FAILS : Fate.LISTENER_THROWS;
    }

    /** Random ones. Some prompts begin alike, some go on where another one ended. */
    static List<ScheduledCase> some(int count, Random random, int vocabulary, GrammarCompiler grammars) {
        // few of them, so that several rows draw alike
        int[] kinds = random.ints(2, 0, 8).toArray();
        int[] system = random.ints(SYSTEM_TOKENS, 5, vocabulary).toArray();
        List<ScheduledCase> cases = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] own = random.ints(2 + random.nextInt(24), 5, vocabulary).toArray();
            int kind = random.nextInt(4);
            int[] start = kind == 0 ? new int[0] : kind == 1 && i > 0 ? cases.get(random.nextInt(i)).prompt : system;
            cases.add(new ScheduledCase(i, random, kinds, TokenIds.concat(start, own), grammars));
        }
        return cases;
    }

    private static Sampling sampling(int kind, long seed) {
        int none = Sampling.NO_LOGPROBS;
        return switch (kind) {
            case 0, 1 -> Sampling.GREEDY;
            case 2 -> new Sampling(0.8, 0.9, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, none);
            case 3 -> new Sampling(1, 0, 20, 0.02, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, none);
            case 4 -> new Sampling(0, 0, 0, 0, 0, 0.1, 1.3, 0.5, 0, 8, Map.of(), seed, none);
            case 5 -> new Sampling(1, 0, 0, 0, 0, 0.1, 1, 0, 0.4, 20, Map.of(69, 1.5), seed, none);
            case 6 -> new Sampling(seed % 2, 0, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, 3);
            default -> new Sampling(0.9, 0, 0, 0, 0.5, 0.1, 1, 0, 0, 20, Map.of(), seed, none);
        };
    }

    /** Runs it alone; if it is to have a stop sequence, once before to find one that its text has. */
    void runAlone(Supplier<GenerationResult> run) {
        alone = run.get();
        String said = aloneText.text();
        if (stops && !json && said.length() > 1) {
            stopSequences = List.of("no such text", said.substring(said.length() / 2, said.length() / 2 + 1));
            aloneText = new Text();
            alone = run.get();
        }
    }

    GenerationRequest request() {
        matcher = json ? grammars.compile(JSON) : null;
        return request(matcher);
    }

    GenerationRequest aloneRequest() {
        return request(json ? grammars.compile(JSON) : null);
    }

    private GenerationRequest request(GrammarMatcher grammar) {
        List<Boundary> boundaries = List.of(new Boundary(SYSTEM_TOKENS, Tier.SYSTEM));
        return new GenerationRequest(
                prompt,
                prompt.length > SYSTEM_TOKENS ? boundaries : List.of(),
                conversation,
                Isolation.SHARED,
                sampling,
                maxTokens,
                stopSequences,
                grammar,
                index % 3 == 0,
                null);
    }

    Object conversation() {
        return conversation;
    }

    String text() {
        return text.toString();
    }

    /** How it ended, for statistics. */
    String end() {
        if (failure != null) {
            return failure == NO_MEMORY || isOwn(failure)
                    ? failure.getMessage()
                    : failure.getClass().getSimpleName();
        }
        String rows = result.rows().max() > 1 ? " beside others" : " in passes of its own";
        return result.end() + rows;
    }

    /** Whether its text goes on behind the end of its grammar. */
    boolean wentOnWithoutGrammar() {
        return text.length() > lengthWithGrammar;
    }

    /** Whether a failure is the one that it was to have. */
    boolean isOwn(Throwable e) {
        boolean closed = lengthWithGrammar < Integer.MAX_VALUE && e instanceof IllegalStateException;
        return e != NO_MEMORY && (closed || (struck && e == thrown));
    }

    @Override
    public void onPrefill(int done, int all) {
        if (fate == Fate.LISTENER_THROWS_AT_THE_BEGINNING) {
            strike();
        }
        if (fate == Fate.CANCELLED_IN_PREFILL && done < all && handle != null) {
            handle.cancel();
        }
        onStep.run();
    }

    @Override
    public void onText(String piece) {
        text.append(piece);
        onStep.run();
        if (++pieces == at) {
            switch (fate) {
                case CANCELLED_IN_DECODE -> handle.cancel();
                case LISTENER_THROWS -> strike();
                case GRAMMAR_FAILS -> {
                    lengthWithGrammar = text.length();
                    matcher.close();
                }
                default -> {
                    // goes on
                }
            }
        }
    }

    @Override
    public CacheSession.Outcome onEnd() {
        if (fate == Fate.LISTENER_THROWS_AT_THE_END) {
            strike();
        }
        return index % 2 == 0 ? CacheSession.Outcome.TOOL_CALL : CacheSession.Outcome.FINISHED;
    }

    private void strike() {
        struck = true;
        if (thrown instanceof Error e) {
            throw e;
        }
        throw (RuntimeException) thrown;
    }

    @Override
    public String toString() {
        return "request %d (%s, %s, %d tokens, up to %d%s%s)"
                .formatted(
                        index,
                        fate,
                        sampling,
                        prompt.length,
                        maxTokens,
                        json ? ", JSON" : "",
                        stopSequences.isEmpty() ? "" : ", stops at " + stopSequences);
    }
}

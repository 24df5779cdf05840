package dev.langchain4j.model.mlx;

import static dev.langchain4j.model.mlx.testing.TokenIds.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/** The demo model with a prompt cache beside one without: whatever the first reuses, both must answer the same. */
record WarmAndCold(MlxModel warm, MlxModel cold) {
    static final int SYSTEM_TOKENS = 80;
    static final CacheLimits NO_CACHE = new CacheLimits(0, 0, Duration.ZERO, 1024);

    private static final GenerationListener TOOL_CALL = new GenerationListener() {
        @Override
        public void onText(String text) {}

        @Override
        public Outcome onEnd() {
            return Outcome.TOOL_CALL;
        }
    };

    static MlxModel model(CacheLimits limits, UnaryOperator<MlxModel.Builder> settings) {
        return settings.apply(MlxModel.builder().modelPath(DemoModel.folder()))
                .prefillChunkTokens(64)
                .cacheLimits(limits)
                .build();
    }

    static GenerationRequest request(int[] prompt, Object conversation, int maxTokens) {
        List<Boundary> boundaries = List.of(new Boundary(SYSTEM_TOKENS, Tier.SYSTEM));
        return new GenerationRequest(
                prompt, boundaries, conversation, Isolation.SHARED, Sampling.GREEDY, maxTokens, List.of());
    }

    static GenerationResult generate(MlxModel model, int[] prompt, Object conversation) throws Exception {
        return model.engine()
                .submit(request(prompt, conversation, 6), TOOL_CALL)
                .result()
                .get();
    }

    /** Asks both, checks that they answer the same, and gives what the one with a cache did. */
    GenerationResult same(int[] prompt, Object conversation, String what, Object... arguments) throws Exception {
        GenerationResult result = generate(warm, prompt, conversation);
        assertThat(result.generated())
                .as("%s, %s", what.formatted(arguments), result.plan())
                .isEqualTo(generate(cold, prompt, null).generated());
        return result;
    }

    /** One conversation in which each round adds an answer and a tool's result: each computes its new tokens only. */
    void toolLoop(int rounds) throws Exception {
        Random random = new Random(1);
        int[] prompt = TokenIds.random(random, SYSTEM_TOKENS + 50);
        int held = 0;
        for (int round = 0; round < rounds; round++) {
            GenerationResult result = same(prompt, "agent", "round %d", round);
            assertThat(result.plan().resumePosition()).isEqualTo(held);
            assertThat(result.plan().reason()).isEqualTo(round == 0 ? Reason.NEW : Reason.CONTINUED);
            // The last token of an answer that was cut short is not fed.
            int unfed = result.end() == GenerationResult.End.LENGTH ? 1 : 0;
            held = prompt.length + result.generated().length - unfed;
            prompt = concat(prompt, result.generated(), TokenIds.random(random, 40));
        }
    }

    /** Conversations behind one system message that go on, or branch off at any token, in any order. */
    void randomLoops(int conversations, int requests, long seed) throws Exception {
        Random random = new Random(seed);
        int[] system = TokenIds.random(random, SYSTEM_TOKENS);
        int[][] prompts = new int[conversations][];
        Arrays.setAll(prompts, i -> concat(system, TokenIds.random(random, 20 + random.nextInt(60))));
        for (int request = 0; request < requests; request++) {
            int c = random.nextInt(conversations);
            int[] prompt = prompts[c];
            Object id = random.nextInt(4) == 0 ? null : "c" + c;
            GenerationResult result = same(prompt, id, "seed %d, request %d", seed, request);
            int keep = random.nextInt(3) == 0 ? SYSTEM_TOKENS + random.nextInt(prompt.length - SYSTEM_TOKENS) : -1;
            int[] start = keep < 0 ? concat(prompt, result.generated()) : Arrays.copyOf(prompt, keep);
            prompts[c] = concat(start, TokenIds.random(random, 1 + random.nextInt(60)));
        }
    }
}

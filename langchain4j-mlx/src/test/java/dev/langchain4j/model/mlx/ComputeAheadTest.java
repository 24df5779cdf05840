package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.AheadStats;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Turns that the chat template rewrites are prefilled while nobody asks, so that the next message costs its own tokens.
 */
class ComputeAheadTest {
    /**
     * Keeps the reasoning since the last question, and drops what is older, as most templates of reasoning models do.
     */
    private static final String TEMPLATE = """
            {%- set ns = namespace(last=-1) -%}
            {%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
            {%- for m in messages -%}
            {{- '<|im_start|>' + m.role + '\\n' -}}
            {%- if m.role == 'assistant' and loop.index0 > ns.last and m.reasoning_content -%}
            {{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' -}}
            {%- endif -%}
            {{- m.content -}}
            {%- for call in m.tool_calls or [] -%}
            {{- '\\n<tool_call>\\n' + call.function | tojson + '\\n</tool_call>' -}}
            {%- endfor -%}
            {{- '<|im_end|>\\n' -}}
            {%- endfor -%}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}
            """;

    private static final long PATIENCE_SECONDS = 60;

    @TempDir
    static Path folder;

    private long handles;

    @BeforeAll
    static void write() {
        RandomModel.write(folder.resolve("model"), TEMPLATE, List.of("<|im_start|>", "<|im_end|>"), 1);
    }

    @BeforeEach
    void count() {
        handles = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxModel model(boolean ahead, UnaryOperator<MlxModel.Builder> settings) {
        return settings.apply(MlxModel.builder()
                        .modelPath(folder.resolve("model"))
                        .prefillChunkTokens(64)
                        .cacheLimits(CacheLimits.ofBytes(64L << 20))
                        .computeAhead(ahead))
                .build();
    }

    private static ChatResponse chat(MlxModel mlx, Object id, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(mlx)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId(id)
                                .maxOutputTokens(6)
                                .temperature(0.0)
                                .build())
                        .build());
    }

    private static int prefilled(ChatResponse response) {
        MlxTokenUsage usage = (MlxTokenUsage) response.metadata().tokenUsage();
        return usage.inputTokenCount() - usage.cachedTokens();
    }

    /** A question, a round of a tool with reasoning and much to say, and what the tool gave. */
    private static List<ChatMessage> question(Random random, String text) {
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("call-1")
                .name("look")
                .arguments("{}")
                .build();
        return List.of(
                UserMessage.from(text),
                AiMessage.builder()
                        .thinking("Let me think. ".repeat(10 + random.nextInt(10)))
                        .text("First I look at the weather. ".repeat(10 + random.nextInt(10)))
                        .toolExecutionRequests(List.of(call))
                        .build(),
                ToolExecutionResultMessage.from(call, "It rains."));
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("what was waited for did not come").isLessThan(end);
            Thread.sleep(2);
        }
    }

    @Test
    void theNextMessageCostsItsOwnTokensAndIsAnsweredAlike() throws Exception {
        try (MlxModel on = model(true, settings -> settings);
                MlxModel off = model(false, settings -> settings)) {
            int own = on.tokenizer().encode("user\nAnd tomorrow?<|im_end|>\n<|im_start|>assistant\n", false).length;
            List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("You know the weather.")));
            for (int turn = 1; turn <= 3; turn++) {
                messages.addAll(question(new Random(turn), "And tomorrow?"));
                ChatResponse answer = chat(on, "ann", messages);
                assertThat(chat(off, "ann", messages).aiMessage()).isEqualTo(answer.aiMessage());
                messages.add(answer.aiMessage());
                int done = turn;
                await(() -> on.promptCache().aheadStats().finished() == done);
                List<ChatMessage> next = new ArrayList<>(messages);
                next.add(UserMessage.from("And tomorrow?"));
                ChatResponse with = chat(on, "bob" + turn, next);
                ChatResponse without = chat(off, "bob" + turn, next);
                assertThat(prefilled(with)).isEqualTo(own);
                assertThat(prefilled(without)).isGreaterThan(own + 32);
                assertThat(with.aiMessage()).isEqualTo(without.aiMessage());
            }
            AheadStats stats = on.promptCache().aheadStats();
            assertThat(stats.reusedTokens()).isEqualTo(stats.tokens()).isPositive();
            assertThat(off.promptCache().aheadStats().tokens()).isZero();
        }
    }

    @Test
    void whereNothingIsRewrittenNothingIsComputed() throws Exception {
        try (MlxModel mlx = model(true, settings -> settings)) {
            List<ChatMessage> messages = List.of(UserMessage.from("How is the weather? ".repeat(20)));
            chat(mlx, "ann", messages);
            await(() -> mlx.ahead().isAtRest());
            assertThat(mlx.promptCache().aheadStats().tokens()).isZero();
        }
    }

    @Test
    void aQuestionWithoutAnIdThatNobodyGoesOnFromIsLeftAlone() throws Exception {
        try (MlxModel mlx = model(true, settings -> settings)) {
            chat(mlx, null, List.of(UserMessage.from("How is the weather? ".repeat(20))));
            assertThat(mlx.ahead().isAtRest()).isTrue();
            chat(mlx, null, question(new Random(1), "And tomorrow?"));
            await(() -> mlx.promptCache().aheadStats().finished() == 1);
        }
    }

    @Test
    void aTemplateThatRefusesTheNextTurnCostsNobodyAnything() throws Exception {
        String refusing = "{%- if messages | length > 1 %}{{ raise_exception('one at a time') }}{% endif -%}"
                + "{{- messages[0].content -}}";
        try (MlxModel mlx = model(true, settings -> settings.chatTemplate(refusing))) {
            assertThat(chat(mlx, "ann", List.of(UserMessage.from("Hello"))).aiMessage())
                    .isNotNull();
            await(() -> mlx.ahead().isAtRest());
            assertThat(mlx.promptCache().aheadStats().tokens()).isZero();
        }
    }

    @Test
    void anEvictedConversationIsNotComputed() throws Exception {
        try (MlxModel mlx = model(true, settings -> settings)) {
            chat(mlx, "ann", question(new Random(1), "And tomorrow?"));
            mlx.promptCache().evict("ann").get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            await(() -> mlx.ahead().isAtRest());
            assertThat(mlx.promptCache().stats().bytesHeld()).isZero();
        }
    }

    @Test
    void aModelMayBeClosedAtAnyTime() throws Exception {
        for (int i = 0; i < 8; i++) {
            MlxModel mlx = model(true, settings -> settings.prefillChunkTokens(16));
            chat(mlx, "ann", question(new Random(i), "And tomorrow?"));
            Thread.sleep(15 + 2 * i);
            mlx.close();
            assertThat(LiveHandles.count()).isEqualTo(handles);
        }
    }

    @Test
    void withExactReuseWholeChunksAreComputed() throws Exception {
        try (MlxModel mlx = model(true, settings -> settings.exactReuse(true).prefillChunkTokens(16))) {
            List<ChatMessage> messages = new ArrayList<>(question(new Random(1), "And tomorrow?"));
            messages.add(chat(mlx, "ann", messages).aiMessage());
            await(() -> mlx.promptCache().aheadStats().finished() == 1);
            messages.add(UserMessage.from("And then?"));
            assertThat(prefilled(chat(mlx, "ann", messages))).isLessThan(48);
        }
    }

    /**
     * Conversations on several threads with little memory, evictions and cancels, each request also asked of a model
     * that computes nothing ahead. {@code -Dseed=N} repeats the choices of each thread, {@code -Dsoak.seconds=N} says
     * how long.
     */
    @Test
    void randomConversationsAreAnsweredAlikeWithLittleMemory() throws Exception {
        long seed = Seeds.seed(ComputeAheadTest.class);
        System.out.printf("computed ahead, seed %d%n", seed);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.getLong("soak.seconds", 4));
        long bytes = 1L << 20;
        UnaryOperator<MlxModel.Builder> little = settings -> settings.cacheLimits(CacheLimits.ofBytes(bytes))
                .prefillChunkTokens(16)
                .maxConcurrent(2);
        try (MlxModel on = model(true, little);
                MlxModel off = model(false, little);
                ExecutorService threads = Executors.newFixedThreadPool(3)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 3; t++) {
                String id = "c" + t;
                Random random = new Random(seed + t);
                all.add(threads.submit(() -> {
                    while (System.nanoTime() - end < 0) {
                        converse(on, off, id, random);
                        assertThat(on.promptCache().stats().bytesHeld()).isLessThanOrEqualTo(bytes + 65536);
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
            AheadStats stats = on.promptCache().aheadStats();
            System.out.println(stats);
            assertThat(stats.reusedTokens()).isLessThanOrEqualTo(stats.tokens());
            await(() -> on.ahead().isAtRest());
            on.promptCache().nodes().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(on.promptCache().stats().bytesRunning()).isZero();
        }
    }

    private static void converse(MlxModel on, MlxModel off, String id, Random random) throws Exception {
        List<ChatMessage> messages = new ArrayList<>();
        for (int turn = 0; turn < 4; turn++) {
            messages.addAll(question(random, "Question " + random.nextInt(1000)));
            ChatResponse answer = chat(on, id, messages);
            assertThat(answer.aiMessage()).isEqualTo(chat(off, id, messages).aiMessage());
            messages.add(answer.aiMessage());
            Thread.sleep(random.nextInt(3) * 25L);
            if (random.nextInt(10) == 0) {
                on.promptCache().evict(id).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                off.promptCache().evict(id).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
            if (random.nextInt(10) == 0) {
                on.promptCache().trimTo(random.nextInt(1 << 20)).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
        }
    }
}

package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * The next user message behind a turn whose reasoning the chat template drops: computed ahead, computed then, and where
 * there was no reasoning, so that nothing is rewritten.
 */
final class AheadSection implements Bench.Section {
    /** Keeps reasoning behind the last question, and drops what is older, as Qwen3's does. */
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

    private static final String[] WORDS =
            "the first train leaves at seven and arrives in Oslo where two seats are left by the window".split(" ");
    private static final long PATIENCE_SECONDS = 120;

    /** Tokens of what is said, about. */
    private record Turn(int question, int reasoning, int answer, int next) {}

    /** What the next message cost. */
    private record Cost(double seconds, int prefilled) {}

    private int conversations;

    @Override
    public void run(Bench bench) throws Exception {
        Turn turn = bench.smoke() ? new Turn(10, 60, 50, 10) : new Turn(50, 1500, 500, 64);
        String file = bench.text("template", "");
        String template = file.isEmpty() ? TEMPLATE : Files.readString(Path.of(file));
        bench.report()
                .table(
                        "ahead",
                        "The next message of %d tokens behind %d tokens of reasoning and %d of answer, ms to the first token"
                                .formatted(turn.next, turn.reasoning, turn.answer),
                        "model",
                        "nothing rewritten",
                        "computed ahead",
                        "computed then",
                        "ahead, ratio to nothing rewritten",
                        "then, ratio to nothing rewritten",
                        "tokens prefilled: nothing rewritten",
                        "ahead",
                        "then");
        for (Path model : bench.models("tiny-qwen3-fp32,small-qwen3-fp32")) {
            row(bench, model, template, turn);
        }
        bench.report().end();
    }

    private void row(Bench bench, Path model, String template, Turn turn) throws Exception {
        int rounds = bench.rounds(9);
        double[] plain = new double[rounds];
        double[] ahead = new double[rounds];
        double[] then = new double[rounds];
        Cost[] last = new Cost[3];
        try (MlxModel on = load(model, template, true);
                MlxModel off = load(model, template, false)) {
            // Once unmeasured; then all three take turns.
            for (int i = bench.smoke() ? 0 : -1; i < rounds; i++) {
                last[0] = play(off, turn, false, false);
                last[1] = play(on, turn, true, true);
                last[2] = play(off, turn, true, false);
                plain[Math.max(0, i)] = last[0].seconds * 1e3;
                ahead[Math.max(0, i)] = last[1].seconds * 1e3;
                then[Math.max(0, i)] = last[2].seconds * 1e3;
            }
        }
        if (last[1].prefilled > last[0].prefilled || last[2].prefilled <= last[1].prefilled + turn.answer / 2) {
            throw new IllegalStateException("the message was to prefill its own tokens (" + last[0].prefilled
                    + ") and no more when the rest was computed ahead (" + last[1].prefilled + ", without "
                    + last[2].prefilled + "): is this a template that drops reasoning?");
        }
        Spread base = Spread.of(plain);
        bench.report()
                .row(
                        model.getFileName().toString(),
                        base,
                        Spread.of(ahead),
                        Spread.of(then),
                        Spread.of(ahead).median() / base.median(),
                        Spread.of(then).median() / base.median(),
                        last[0].prefilled,
                        last[1].prefilled,
                        last[2].prefilled);
    }

    private static MlxModel load(Path model, String template, boolean ahead) {
        return MlxModel.builder()
                .modelPath(model)
                .chatTemplate(template)
                .computeAhead(ahead)
                .build();
    }

    /**
     * A turn with a call, its end, and the next message: another conversation each time, which nothing is cached of.
     */
    private Cost play(MlxModel mlx, Turn turn, boolean reasons, boolean ahead) throws InterruptedException {
        Random random = new Random(conversations++);
        String id = "conversation " + conversations;
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("call1")
                .name("trains")
                .arguments("{\"city\": \"Oslo\"}")
                .build();
        List<ChatMessage> messages = new ArrayList<>();
        messages.add(UserMessage.from(conversations + " " + text(mlx, turn.question, random)));
        messages.add(AiMessage.builder()
                .thinking(reasons ? text(mlx, turn.reasoning, random) : null)
                .text(text(mlx, turn.answer, random))
                .toolExecutionRequests(List.of(call))
                .build());
        messages.add(ToolExecutionResultMessage.from(call, "07:38"));
        long before = mlx.promptCache().aheadStats().finished();
        messages.add(chat(mlx, id, messages).aiMessage());
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (ahead && mlx.promptCache().aheadStats().finished() == before) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("nothing was computed ahead");
            }
            Thread.sleep(5);
        }
        messages.add(UserMessage.from(text(mlx, turn.next, random)));
        MlxChatResponseMetadata metadata =
                (MlxChatResponseMetadata) chat(mlx, id, messages).metadata();
        MlxTokenUsage usage = (MlxTokenUsage) metadata.tokenUsage();
        return new Cost(metadata.timeToFirstToken().toNanos() / 1e9, usage.inputTokenCount() - usage.cachedTokens());
    }

    private static ChatResponse chat(MlxModel mlx, String id, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(mlx)
                .temperature(0.0)
                .maxOutputTokens(1)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(
                                MlxChatRequestParameters.builder().memoryId(id).build())
                        .build());
    }

    private static String text(MlxModel mlx, int tokens, Random random) {
        StringBuilder text = new StringBuilder("First");
        for (int n = 0; n < tokens; n = mlx.tokenCountEstimator().estimateTokenCountInText(text.toString())) {
            for (int i = 0; i < Math.max(1, (tokens - n) / 3); i++) {
                text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
            }
        }
        return text.toString();
    }
}

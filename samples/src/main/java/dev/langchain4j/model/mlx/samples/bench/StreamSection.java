package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.management.ThreadMXBean;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/** What a token costs besides the model: text, parser, queue and handler; and what it allocates. */
final class StreamSection implements Bench.Section {

    @Override
    public void run(Bench bench) throws Exception {
        bench.report()
                .table(
                        "stream",
                        "Streaming and allocation, a token",
                        "model",
                        "engine, ms",
                        "streamed to a handler, ms",
                        "overhead, us",
                        "mlx-lm's overhead, us",
                        "bytes of Java heap, model thread",
                        "the same behind 8192 tokens");
        for (Path model : bench.models("tiny-qwen3-fp32")) {
            row(bench, model);
        }
        bench.report().end();
    }

    private static void row(Bench bench, Path model) throws Exception {
        int tokens = bench.smoke() ? 8 : 256;
        int rounds = bench.rounds(9);
        double[] bare = new double[rounds];
        double[] streamed = new double[rounds];
        double[] theirs = new double[rounds];
        double[] near;
        double[] far;
        try (Subject subject = new Subject(model);
                MlxModel mlx = MlxModel.load(model)) {
            MlxStreamingChatModel chat = MlxStreamingChatModel.builder()
                    .model(mlx)
                    .temperature(0.0)
                    .maxOutputTokens(tokens)
                    .build();
            int[] prompt = subject.tokens(64);
            for (int i = -2; i < rounds; i++) {
                GenerationResult.Timings t = subject.generate(subject.uncached(), prompt, tokens, null)
                        .timings();
                bare[Math.max(0, i)] = (t.total() - t.timeToFirstToken()) / 1e9 / (tokens - 1);
                streamed[Math.max(0, i)] = 1 / rate(chat);
                if (bench.reference() != null) {
                    JsonNode answer = bench.reference().ask("stream", "model", model, "tokens", tokens);
                    theirs[Math.max(0, i)] = answer.path("streamed").asDouble()
                            - answer.path("bare").asDouble();
                }
            }
            near = allocated(subject, 64, tokens, rounds);
            far = allocated(subject, bench.smoke() ? 128 : 8192, tokens, rounds);
        }
        bench.report()
                .row(
                        model.getFileName().toString(),
                        Spread.of(bare).times(1e3),
                        Spread.of(streamed).times(1e3),
                        (Spread.of(streamed).min() - Spread.of(bare).min()) * 1e6,
                        bench.reference() == null ? null : Spread.of(theirs).median() * 1e6,
                        Spread.of(near).median(),
                        Spread.of(far).median());
    }

    /** Tokens a second after the first, as the response says. */
    private static double rate(MlxStreamingChatModel chat) throws Exception {
        CompletableFuture<ChatResponse> answer = new CompletableFuture<>();
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("Tell me more."))
                .build();
        chat.chat(request, new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {}

            @Override
            public void onCompleteResponse(ChatResponse response) {
                answer.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                answer.completeExceptionally(error);
            }
        });
        return ((MlxChatResponseMetadata) answer.get().metadata()).decodeTokensPerSecond();
    }

    /** Bytes that the model's thread allocates for a token: of a long answer less those of a short one. */
    private static double[] allocated(Subject subject, int context, int tokens, int rounds) {
        Object conversation = new Object();
        subject.pretend(subject.tokens(context), conversation);
        int[] prompt = Tokens.concat(subject.tokens(context), Tokens.of(1, subject.vocabulary(), 7));
        double[] bytes = new double[rounds];
        for (int i = -1; i < rounds; i++) {
            long small = bytes(subject, prompt, tokens / 4, conversation);
            long large = bytes(subject, prompt, tokens, conversation);
            bytes[Math.max(0, i)] = (double) (large - small) / (tokens - tokens / 4);
        }
        Arrays.sort(bytes);
        return bytes;
    }

    private static long bytes(Subject subject, int[] prompt, int tokens, Object conversation) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long id = subject.thread().call(() -> Thread.currentThread().threadId());
        long before = threads.getThreadAllocatedBytes(id);
        subject.generate(subject.engine(), prompt, tokens, conversation);
        return threads.getThreadAllocatedBytes(id) - before;
    }
}

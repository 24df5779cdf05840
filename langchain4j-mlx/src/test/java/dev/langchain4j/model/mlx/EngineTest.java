package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.generate.TokenLogprob;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One request's path over the demo model: prefill, decode, ends, cancellation, bad input. */
class EngineTest {
    private static long handlesBefore;
    private static MlxModel mlx;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static int[] prompt(String text) {
        Prompt prompt = mlx.template().prompt(List.of(UserMessage.from(text)), List.of(), Map.of(), mlx.tokenizer());
        return prompt.tokens();
    }

    private static GenerationRequest request(int[] prompt, Sampling sampling, Integer maxTokens, String... stops) {
        return new GenerationRequest(
                prompt, List.of(), null, Isolation.SHARED, sampling, maxTokens, Arrays.asList(stops));
    }

    private record Answer(String text, GenerationResult result, List<String> pieces) {}

    private static Answer generate(GenerationRequest request) throws Exception {
        List<String> pieces = new ArrayList<>();
        GenerationResult result =
                mlx.engine().submit(request, pieces::add).result().get();
        return new Answer(String.join("", pieces), result, pieces);
    }

    private static Sampling warm(long seed) {
        return new Sampling(8, 0, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, Sampling.NO_LOGPROBS);
    }

    @Test
    void endsWhereTheModelEndsItsTurn() throws Exception {
        Answer answer = generate(request(prompt("Hello!"), Sampling.GREEDY, 60));
        assertThat(answer.text()).isEqualTo("Hello! How can I help you?");
        assertThat(answer.result().end()).isEqualTo(GenerationResult.End.STOP);
        assertThat(answer.result().timings().timeToFirstToken()).isPositive();
    }

    @Test
    void logprobsNameTheTokensThatWereGenerated() throws Exception {
        Sampling sampling = new Sampling(0, 0, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), 1, 2);
        GenerationResult result =
                generate(request(prompt("Hello!"), sampling, 60)).result();
        assertThat(result.logprobs().stream().mapToInt(TokenLogprob::id).toArray())
                .isEqualTo(result.generated());

        ChatRequest hello =
                ChatRequest.builder().messages(UserMessage.from("Hello!")).build();
        MlxChatModel chat = MlxChatModel.builder().model(mlx).topLogprobs(1).build();
        List<MlxTokenLogprob> logprobs =
                ((MlxChatResponseMetadata) chat.chat(hello).metadata()).logprobs();
        assertThat(logprobs.stream().map(MlxTokenLogprob::token).collect(Collectors.joining()))
                .isEqualTo("Hello! How can I help you?<|im_end|>");
        assertThat(logprobs).allSatisfy(token -> {
            assertThat(token.logprob()).isBetween(-20.0, 0.0);
            assertThat(token.top()).hasSize(1);
        });
        MlxChatModel without = MlxChatModel.builder().model(mlx).build();
        assertThat(((MlxChatResponseMetadata) without.chat(hello).metadata()).logprobs())
                .isEmpty();
    }

    @Test
    void theLimitOfTokensIsKeptToTheToken() throws Exception {
        for (int limit = 1; limit <= 5; limit++) {
            Answer answer = generate(request(prompt("Hello!"), Sampling.GREEDY, limit));
            assertThat(answer.result().generated()).hasSize(limit);
            assertThat(answer.result().end()).isEqualTo(GenerationResult.End.LENGTH);
            assertThat("Hello! How can I help you?").startsWith(answer.text());
        }
    }

    @Test
    void aStopSequenceEndsTheAnswerBeforeItAndNoPartOfItLeaks() throws Exception {
        Answer answer = generate(request(prompt("Hello!"), Sampling.GREEDY, 60, "can I he"));
        assertThat(answer.text()).isEqualTo("Hello! How ");
        assertThat(answer.result().end()).isEqualTo(GenerationResult.End.STOP);
    }

    @Test
    void prefillInChunksOfAnySizeGivesTheSameTokens() throws Exception {
        int[] prompt = prompt("Hello! " + "What is the weather in Lisbon? ".repeat(20));
        int[] whole = generate(request(prompt, Sampling.GREEDY, 20)).result().generated();
        for (int chunk : new int[] {1, 7, 64}) {
            try (MlxModel other = MlxModel.builder()
                    .modelPath(DemoModel.folder())
                    .prefillChunkTokens(chunk)
                    .build()) {
                GenerationResult result = other.engine()
                        .submit(request(prompt, Sampling.GREEDY, 20), piece -> {})
                        .result()
                        .get();
                assertThat(result.generated()).as("chunks of %d", chunk).isEqualTo(whole);
            }
        }
    }

    @Test
    void theSameSeedDrawsTheSameTokensAlsoAmongOtherRequests() throws Exception {
        int[] prompt = prompt("Tell me something.");
        int[] once = generate(request(prompt, warm(11), 30)).result().generated();
        List<Engine.Handle> others = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            others.add(mlx.engine().submit(request(prompt, warm(100 + i), 30), piece -> {}));
        }
        Engine.Handle again = mlx.engine().submit(request(prompt, warm(11), 30), piece -> {});
        assertThat(again.result().get().generated()).isEqualTo(once);
        assertThat(others.get(0).result().get().generated()).isNotEqualTo(once);
    }

    @Test
    void cancellingStopsBetweenStepsAndKeepsWhatWasSaid() throws Exception {
        List<String> pieces = new ArrayList<>();
        Engine.Handle[] handle = new Engine.Handle[1];
        GenerationListener listener = piece -> {
            pieces.add(piece);
            handle[0].cancel();
        };
        synchronized (handle) {
            handle[0] = mlx.engine().submit(request(prompt("Hello!"), Sampling.GREEDY, 60), listener);
        }
        GenerationResult result = handle[0].result().get();
        assertThat(result.end()).isEqualTo(GenerationResult.End.CANCELLED);
        assertThat(pieces).hasSize(1);
    }

    @Test
    void aFailingListenerFailsItsRequestAloneAndFreesWhatItHeld() throws Exception {
        Engine.Handle broken = mlx.engine().submit(request(prompt("Hello!"), Sampling.GREEDY, 60), piece -> {
            throw new IllegalStateException("listener");
        });
        Answer answer = generate(request(prompt("Hello!"), Sampling.GREEDY, 60));
        assertThat(answer.text()).isEqualTo("Hello! How can I help you?");
        assertThatThrownBy(() -> broken.result().get())
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseMessage("listener");
    }

    @Test
    void aPromptLongerThanTheContextIsRefusedBeforeAnyWork() {
        int[] long_ = new int[mlx.contextLength()];
        assertThatThrownBy(() -> mlx.engine().submit(request(long_, Sampling.GREEDY, 1), piece -> {}))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("4096 tokens");
    }

    @Test
    void tokensAreCountedAsThePromptHasThem() {
        MlxTokenCountEstimator estimator = mlx.tokenCountEstimator();
        assertThat(estimator.estimateTokenCountInText("Hello!"))
                .isEqualTo(mlx.tokenizer().encode("Hello!", false).length);
        assertThat(estimator.estimateTokenCountInMessages(List.of(UserMessage.from("Hello!"))))
                .isEqualTo(prompt("Hello!").length);
    }

    @Test
    void theContextEndsAnAnswerThatNothingElseEnds() throws Exception {
        try (MlxModel small = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .contextLength(30)
                .build()) {
            int[] prompt = prompt("Hello!");
            GenerationResult result = small.engine()
                    .submit(request(prompt, warm(1), null), piece -> {})
                    .result()
                    .get();
            assertThat(prompt.length + result.generated().length).isLessThanOrEqualTo(30);
        }
    }
}

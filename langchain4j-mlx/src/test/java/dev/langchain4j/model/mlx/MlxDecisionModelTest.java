package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.decision.listener.DecisionModelListener;
import dev.langchain4j.model.decision.listener.DecisionModelResponseContext;
import dev.langchain4j.model.decision.request.ChoiceQuestion;
import dev.langchain4j.model.decision.request.DecisionRequest;
import dev.langchain4j.model.decision.request.DecisionRequestParameters;
import dev.langchain4j.model.decision.request.ScaleQuestion;
import dev.langchain4j.model.decision.request.YesNoQuestion;
import dev.langchain4j.model.decision.response.ChoiceAnswer;
import dev.langchain4j.model.decision.response.DecisionResponse;
import dev.langchain4j.model.decision.response.ScaleAnswer;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Probabilities of answers are those that the model's logits say, and an input is computed once for its questions. */
class MlxDecisionModelTest {
    private static final String TEMPLATE =
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: "
                    + "{% endif %}";
    private static final String SYSTEM =
            "system: You answer questions about what you are given. You write the answer alone.\n";
    private static final String INPUT = "My parcel has not arrived.";

    @TempDir
    private static Path folder;

    private static long handlesBefore;
    private static MlxModel mlx;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(RandomModel.write(folder.resolve("plain"), TEMPLATE, List.of(), 5));
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static double[] logits(String prompt) {
        int[] tokens = mlx.tokenizer().encode(prompt, false);
        return mlx.thread().call(() -> {
            List<LayerCache> layers = mlx.languageModel().newLayers();
            try (Scope scope = Scope.open()) {
                MlxArray hidden = mlx.languageModel().forward(MlxArray.of(tokens, 1, tokens.length), layers);
                MlxArray last = Indexing.slice(hidden, 1, tokens.length - 1, tokens.length);
                float[] values = Indexing.contiguous(
                                Ops.astype(mlx.languageModel().logits(last), DType.FLOAT32))
                        .toFloats();
                return IntStream.range(0, values.length)
                        .mapToDouble(i -> values[i])
                        .toArray();
            } finally {
                layers.forEach(LayerCache::close);
            }
        });
    }

    /** The share of each answer, whose first tokens the words begin with, in all of them. */
    private static List<Double> shares(String prompt, List<List<String>> answers) {
        double[] logits = logits(prompt);
        List<Double> weights = new ArrayList<>();
        for (List<String> words : answers) {
            weights.add(words.stream()
                    .mapToInt(word -> mlx.tokenizer().encode(word, false)[0])
                    .distinct()
                    .mapToDouble(token -> Math.exp(logits[token]))
                    .sum());
        }
        double all = weights.stream().mapToDouble(w -> w).sum();
        return weights.stream().map(w -> w / all).toList();
    }

    private static void assertNear(List<Double> actual, List<Double> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i)).isCloseTo(expected.get(i), within(1e-3));
        }
    }

    @Test
    void probabilitiesAreSharesOfTheAnswersTokens() {
        Map<String, String> teams = new LinkedHashMap<>();
        teams.put("delivery", "parcels and dates");
        teams.put("billing", null);
        List<DecisionModelResponseContext> heard = new ArrayList<>();
        DecisionModelListener listener = new DecisionModelListener() {
            @Override
            public void onResponse(DecisionModelResponseContext context) {
                heard.add(context);
            }
        };
        try (MlxDecisionModel decisions = MlxDecisionModel.builder()
                .model(mlx)
                .listeners(List.of(listener))
                .build()) {
            DecisionResponse response = decisions.decide(DecisionRequest.builder()
                    .input(INPUT)
                    .question("angry", YesNoQuestion.from("Is the customer angry?"))
                    .question("team", ChoiceQuestion.from("Who answers?", teams))
                    .question("urgency", ScaleQuestion.from("How urgent is it?", List.of("low", "middle", "high")))
                    .build());

            String input = SYSTEM + "user: " + INPUT + "\n\n";
            assertThat(response.yesNo("angry").probability())
                    .isCloseTo(
                            shares(
                                            input + "Is the customer angry?\nAnswer with yes or no.\nassistant: ",
                                            List.of(List.of("yes", "Yes"), List.of("no", "No")))
                                    .getFirst(),
                            within(1e-3));
            ChoiceAnswer team = response.choice("team");
            List<Double> expected = shares(
                    input + "Who answers?\nA: delivery (parcels and dates)\nB: billing\n"
                            + "Answer with the letter alone.\nassistant: ",
                    List.of(List.of("A"), List.of("B")));
            assertNear(List.of(team.probabilityOf("delivery"), team.probabilityOf("billing")), expected);
            assertThat(team.value()).isEqualTo(expected.get(0) >= expected.get(1) ? "delivery" : "billing");
            ScaleAnswer urgency = response.scale("urgency");
            List<Double> levels = shares(
                    input + "How urgent is it?\nThe levels, from the lowest to the highest:\n"
                            + "A: low\nB: middle\nC: high\nAnswer with the letter alone.\nassistant: ",
                    List.of(List.of("A"), List.of("B"), List.of("C")));
            assertNear(urgency.probabilities(), levels);
            assertThat(urgency.mean()).isCloseTo(levels.get(1) + 2 * levels.get(2), within(1e-3));

            assertThat(response.modelName()).isEqualTo(mlx.name());
            assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(3);
            int tokensOfInput = mlx.tokenizer().encode(input, false).length;
            assertThat(((MlxTokenUsage) response.tokenUsage()).cachedTokens())
                    .as("the input is computed for the first question alone; its last tokens may join the question's")
                    .isGreaterThanOrEqualTo(2 * (tokensOfInput - 2));
            assertThat(heard).singleElement().satisfies(context -> assertThat(context.decisionResponse())
                    .isEqualTo(response));
        }
    }

    @Test
    void aConversationIsContinued() throws Exception {
        List<ChatMessage> conversation = List.of(UserMessage.from("Hello!"), AiMessage.from("How can I help you?"));
        try (MlxDecisionModel decisions = MlxDecisionModel.builder().model(mlx).build()) {
            DecisionResponse response = decisions
                    .decideAsync(DecisionRequest.builder()
                            .inputMessages(conversation)
                            .question(
                                    "polite",
                                    YesNoQuestion.builder()
                                            .text("Are both polite?")
                                            .yesWhen("nobody shouts")
                                            .build())
                            .build())
                    .get();
            assertThat(response.yesNo("polite").probability())
                    .isCloseTo(
                            shares(
                                            "user: Hello!\nassistant: How can I help you?\nuser: Are both polite?\n"
                                                    + "yes: nobody shouts\nAnswer with yes or no.\nassistant: ",
                                            List.of(List.of("yes", "Yes"), List.of("no", "No")))
                                    .getFirst(),
                            within(1e-3));
        }
    }

    /** Its template begins the reasoning, which the model would never end. */
    @Test
    void reasoningIsClosedBeforeTheAnswer() {
        Path thinker = RandomModel.write(
                folder.resolve("thinker"), TEMPLATE + "<think>\n{# </think> #}", List.of("<think>", "</think>"), 8);
        try (MlxDecisionModel decisions =
                MlxDecisionModel.builder().modelPath(thinker).build()) {
            DecisionResponse response = decisions.decide(DecisionRequest.builder()
                    .inputFields(Map.of("city", "Lisbon"))
                    .question("warm", ScaleQuestion.from("How warm is it?", List.of("cold", "hot")))
                    .build());
            assertThat(response.scale("warm").probabilities().stream()
                            .mapToDouble(p -> p)
                            .sum())
                    .isCloseTo(1, within(1e-6));
        }
    }

    @Test
    void whatCannotBeAnsweredIsRefused() {
        try (MlxDecisionModel decisions = MlxDecisionModel.builder().model(mlx).build()) {
            List<String> many =
                    IntStream.range(0, 21).mapToObj(i -> "level " + i).toList();
            DecisionRequest.Builder request = DecisionRequest.builder().input(INPUT);
            assertThatThrownBy(() -> decisions.decide(request.question("q", ScaleQuestion.from("How?", many))
                            .build()))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessage("question q: levels (21) must be at most 20");
            assertThatThrownBy(() -> decisions.decide(DecisionRequest.builder()
                            .input(INPUT)
                            .question("q", YesNoQuestion.from("Is it?"))
                            .parameters(DecisionRequestParameters.builder()
                                    .modelName("another")
                                    .build())
                            .build()))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("modelName (another)");
        }
    }
}

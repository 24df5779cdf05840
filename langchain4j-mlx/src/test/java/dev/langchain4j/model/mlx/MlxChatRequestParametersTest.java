package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MlxChatRequestParametersTest {
    private static final Sampling DEFAULTS =
            new Sampling(0.6, 0.95, 20, 0.05, 0.1, 0.2, 1.1, 0.3, 0.4, 64, Map.of(7, -1.0), 42, Sampling.NO_LOGPROBS);

    private static final MlxChatRequestParameters ALL = MlxChatRequestParameters.builder()
            .modelName("tiny")
            .temperature(0.7)
            .topP(0.8)
            .topK(30)
            .frequencyPenalty(0.5)
            .presencePenalty(0.25)
            .maxOutputTokens(99)
            .stopSequences("end")
            .seed(5L)
            .minP(0.02)
            .xtcProbability(0.5)
            .xtcThreshold(0.15)
            .repetitionPenalty(1.3)
            .penaltyWindow(33)
            .logitBias(Map.of(1, 2.0))
            .think(true)
            .returnThinking(false)
            .topLogprobs(3)
            .reasoningEffort("low")
            .maxReasoningTokens(100)
            .templateArguments(Map.of("reasoning_effort", "low"))
            .memoryId("ann")
            .isolation(Isolation.PER_MEMORY_ID)
            .build();

    @Test
    void overridingWithNothingOrDefaultingNothingKeepsEverything() {
        assertThat(ALL.overrideWith(MlxChatRequestParameters.EMPTY)).isEqualTo(ALL);
        assertThat(MlxChatRequestParameters.EMPTY.overrideWith(ALL)).isEqualTo(ALL);
        assertThat(ALL.defaultedBy(MlxChatRequestParameters.EMPTY)).isEqualTo(ALL);
        assertThat(MlxChatRequestParameters.EMPTY.defaultedBy(ALL)).isEqualTo(ALL);
        assertThat(ALL).hasSameHashCodeAs(ALL.overrideWith(MlxChatRequestParameters.EMPTY));
    }

    @Test
    void theOverridingSideWinsWhereItIsSet() {
        MlxChatRequestParameters some = MlxChatRequestParameters.builder()
                .seed(6L)
                .think(false)
                .logitBias(Map.of(2, 3.0))
                .topK(1)
                .build();

        MlxChatRequestParameters overridden = ALL.overrideWith(some);
        MlxChatRequestParameters defaulted = ALL.defaultedBy(some);

        assertThat(overridden.seed()).isEqualTo(6);
        assertThat(overridden.think()).isFalse();
        assertThat(overridden.logitBias()).containsExactly(Map.entry(2, 3.0));
        assertThat(overridden.topK()).isEqualTo(1);
        assertThat(overridden.minP()).isEqualTo(0.02);
        assertThat(overridden.memoryId()).isEqualTo("ann");
        assertThat(overridden.isolation()).isEqualTo(Isolation.PER_MEMORY_ID);
        assertThat(overridden
                        .overrideWith(MlxChatRequestParameters.builder()
                                .isolation(Isolation.SHARED)
                                .build())
                        .isolation())
                .isEqualTo(Isolation.SHARED);
        assertThat(defaulted).isEqualTo(ALL);
    }

    @Test
    void mergingWithStandardParametersKeepsTheTypeOnEitherSide() {
        ChatRequestParameters standard = ChatRequestParameters.builder()
                .temperature(0.1)
                .modelName("other")
                .build();

        MlxChatRequestParameters overridden = ALL.overrideWith(standard);
        ChatRequestParameters lifted = standard.overrideWith(ALL);
        ChatRequestParameters defaulted = standard.defaultedBy(ALL);

        assertThat(overridden.temperature()).isEqualTo(0.1);
        assertThat(overridden.modelName()).isEqualTo("other");
        assertThat(overridden.repetitionPenalty()).isEqualTo(1.3);
        assertThat(lifted).isEqualTo(ALL);
        assertThat(defaulted).isEqualTo(overridden);
        assertThat(MlxChatRequestParameters.from(standard).temperature()).isEqualTo(0.1);
        assertThat(MlxChatRequestParameters.from(ALL)).isSameAs(ALL);
    }

    @Test
    void parametersThatDifferInOnePlaceAreNotEqual() {
        Map<String, UnaryOperator<MlxChatRequestParameters.Builder>> changes = new HashMap<>(Map.of(
                "seed=6", b -> b.seed(6L),
                "minP=0.5", b -> b.minP(0.5),
                "xtcProbability=0.25", b -> b.xtcProbability(0.25),
                "xtcThreshold=0.35", b -> b.xtcThreshold(0.35),
                "repetitionPenalty=1.5", b -> b.repetitionPenalty(1.5),
                "penaltyWindow=34", b -> b.penaltyWindow(34),
                "logitBias={9=1.0}", b -> b.logitBias(Map.of(9, 1.0)),
                "think=false", b -> b.think(false),
                "returnThinking=true", b -> b.returnThinking(true),
                "memoryId=bob", b -> b.memoryId("bob")));
        changes.put("reasoningEffort=high", b -> b.reasoningEffort("high"));
        changes.put("maxReasoningTokens=0", b -> b.maxReasoningTokens(0));
        changes.put("topLogprobs=0", b -> b.topLogprobs(0));
        changes.put(
                "templateArguments={reasoning_effort=high}",
                b -> b.templateArguments(Map.of("reasoning_effort", "high")));

        changes.forEach((shown, change) -> {
            MlxChatRequestParameters changed = change.apply(
                            MlxChatRequestParameters.builder().overrideWith(ALL))
                    .build();
            assertThat(changed).isNotEqualTo(ALL);
            assertThat(changed.toString()).contains(shown, "temperature=0.7");
        });
        assertThat(MlxChatRequestParameters.EMPTY).isNotEqualTo(DefaultChatRequestParameters.EMPTY);
    }

    @Test
    void templateArgumentsAreOverriddenOneByOne() {
        MlxChatRequestParameters more = MlxChatRequestParameters.builder()
                .templateArguments(Map.of("documents", List.of()))
                .build();
        assertThat(ALL.overrideWith(more).templateArguments())
                .isEqualTo(Map.of("reasoning_effort", "low", "documents", List.of()));
    }

    @Test
    void samplingTakesWhatIsSet() {
        assertThat(ALL.sampling(DEFAULTS))
                .isEqualTo(new Sampling(0.7, 0.8, 30, 0.02, 0.5, 0.15, 1.3, 0.25, 0.5, 33, Map.of(1, 2.0), 5, 3));
    }

    @Test
    void samplingTakesTheModelsDefaultsButDrawsItsOwnSeed() {
        Sampling first = MlxChatRequestParameters.EMPTY.sampling(DEFAULTS);
        Sampling second = MlxChatRequestParameters.EMPTY.sampling(DEFAULTS);

        assertThat(first).usingRecursiveComparison().ignoringFields("seed").isEqualTo(DEFAULTS);
        assertThat(first.seed()).isNotEqualTo(second.seed());
    }

    @ParameterizedTest
    @CsvSource({
        "temperature, -0.1",
        "temperature, NaN",
        "topP, 1.1",
        "topK, -1",
        "topLogprobs, 21",
        "topLogprobs, -1",
        "minP, 2",
        "xtcProbability, -1",
        "xtcThreshold, 0.6",
        "repetitionPenalty, 0",
        "presencePenalty, Infinity",
        "frequencyPenalty, NaN",
        "penaltyWindow, 0"
    })
    void aBadValueIsNamedWithItsRule(String name, double value) {
        MlxChatRequestParameters.Builder builder = MlxChatRequestParameters.builder();
        MlxChatRequestParameters.Builder bad =
                switch (name) {
                    case "temperature" -> builder.temperature(value);
                    case "topP" -> builder.topP(value);
                    case "topK" -> builder.topK((int) value);
                    case "minP" -> builder.minP(value);
                    case "xtcProbability" -> builder.xtcProbability(value);
                    case "xtcThreshold" -> builder.xtcThreshold(value);
                    case "repetitionPenalty" -> builder.repetitionPenalty(value);
                    case "presencePenalty" -> builder.presencePenalty(value);
                    case "frequencyPenalty" -> builder.frequencyPenalty(value);
                    case "penaltyWindow" -> builder.penaltyWindow((int) value);
                    case "topLogprobs" -> builder.topLogprobs((int) value);
                    default -> throw new IllegalArgumentException(name);
                };
        boolean whole = name.startsWith("top") && !name.equals("topP") || name.equals("penaltyWindow");

        assertThatThrownBy(bad::build)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageStartingWith(name + " (" + (whole ? String.valueOf((int) value) : value) + ") must be ")
                .message()
                .doesNotContain(".0 ", "E9")
                .doesNotEndWith(".0");
    }

    @Test
    void rulesAreWordsThatPeopleWrite() {
        assertThatThrownBy(() -> MlxChatRequestParameters.builder().topK(-1).build())
                .hasMessage("topK (-1) must be at least 0");
        assertThatThrownBy(() -> MlxChatRequestParameters.builder().topP(7.0).build())
                .hasMessage("topP (7.0) must be from 0 to 1");
        assertThatThrownBy(() ->
                        MlxChatRequestParameters.builder().maxOutputTokens(-1).build())
                .hasMessage("maxOutputTokens (-1) must be at least 1");
        assertThatThrownBy(() -> MlxChatRequestParameters.builder()
                        .maxReasoningTokens(-1)
                        .build())
                .hasMessage("maxReasoningTokens (-1) must be at least 0");
        assertThatThrownBy(() ->
                        MlxChatRequestParameters.builder().reasoningEffort(" ").build())
                .hasMessage("reasoningEffort ( ) must not be blank");
    }

    @Test
    void stopSequencesAreTextsAndToolsHaveNamesOfTheirOwn() {
        List<String> withNull = new ArrayList<>(List.of("END"));
        withNull.add(null);
        for (List<String> bad : List.of(withNull, List.of("END", ""))) {
            assertThatThrownBy(() -> MlxChatRequestParameters.builder()
                            .stopSequences(bad)
                            .build())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageStartingWith("stopSequences " + bad + " must be texts");
        }
        ToolSpecification weather = ToolSpecification.builder().name("weather").build();
        assertThatThrownBy(() -> MlxChatRequestParameters.builder()
                        .toolSpecifications(weather, weather)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("toolSpecifications (weather) must not have two tools of the same name");
    }

    @Test
    void whatIsMergedIsCheckedWhenTheRequestRuns() {
        ChatRequestParameters bad =
                DefaultChatRequestParameters.builder().temperature(-5.0).build();
        MlxChatRequestParameters merged = MlxChatRequestParameters.EMPTY.overrideWith(bad);
        assertThatThrownBy(merged::check).hasMessage("temperature (-5.0) must be from 0 to 100");
    }

    @Test
    void aBadLogitBiasNamesTheToken() {
        Map<Integer, Double> withNull = new HashMap<>();
        withNull.put(3, null);

        assertThatThrownBy(() -> biased(Map.of(-1, 1.0)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("logitBias (token -1: 1.0) must map token ids from 0 on to finite numbers");
        assertThatThrownBy(() -> biased(Map.of(4, Double.NaN)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("token 4: NaN");
        assertThatThrownBy(() -> biased(withNull))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("token 3: null");
        assertThat(biased(null).logitBias()).isEmpty();
    }

    @Test
    void laterChangesOfTheGivenMapDoNotArrive() {
        Map<Integer, Double> bias = new HashMap<>(Map.of(1, 1.0));
        MlxChatRequestParameters parameters = biased(bias);
        bias.put(2, 2.0);

        assertThat(parameters.logitBias()).containsOnlyKeys(1);
        assertThatThrownBy(() -> parameters.logitBias().put(3, 3.0)).isInstanceOf(UnsupportedOperationException.class);
    }

    private static MlxChatRequestParameters biased(Map<Integer, Double> bias) {
        return MlxChatRequestParameters.builder().logitBias(bias).build();
    }
}

package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.ReasoningLimit;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What templates are told of effort and budgets, and what closes the reasoning of each family. */
class ReasoningSettingsTest {
    private static final String PLAIN = "{% if enable_thinking %}<think>{% endif %}{# </think> #}";
    private static final String EFFORT = "{{ 'Reasoning: ' + reasoning_effort }}";
    private static final String COHERE = "{% if reasoning_effort | lower == \"none\" %}{% endif %}";
    private static final String SEED = "{% if not thinking_budget is defined %}{% endif %}";
    private static final String NEMOTRON = "{{ reasoning_budget }}{% if low_effort %}{% endif %}";

    private static ReasoningSettings of(String template, String effort, Integer tokens, ReasoningFormat format) {
        MlxChatRequestParameters parameters = MlxChatRequestParameters.builder()
                .reasoningEffort(effort)
                .maxReasoningTokens(tokens)
                .build();
        return new ReasoningSettings(parameters, template, format);
    }

    private static Map<String, Object> arguments(String template, String effort, Integer tokens) {
        return of(template, effort, tokens, ReasoningFormat.THINK).templateArguments();
    }

    private static ReasoningLimit limit(String template, String effort, Integer tokens, ReasoningFormat format) {
        try (Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            return of(template, effort, tokens, format).limit(tokenizer, "qwen3", false);
        }
    }

    @Test
    void aTemplateIsToldWhatItKnows() {
        assertThat(arguments(PLAIN, null, 10)).isEmpty();
        assertThat(arguments(EFFORT, "high", null))
                .isEqualTo(Map.of("reasoning_effort", "high", "enable_thinking", true, "thinking", true));
        assertThat(arguments(COHERE, "none", null))
                .isEqualTo(Map.of("reasoning_effort", "none", "enable_thinking", false, "thinking", false));
        assertThat(arguments(SEED, null, 512)).isEqualTo(Map.of("thinking_budget", 512));
        assertThat(arguments(SEED, "low", null)).containsEntry("thinking_budget", 2048);
        assertThat(arguments(NEMOTRON, "low", 99))
                .isEqualTo(
                        Map.of("reasoning_budget", 99, "low_effort", true, "enable_thinking", true, "thinking", true));
    }

    /** A template of a released model, what is asked of it, and what it then says to the model. */
    private record Told(String template, String effort, Integer tokens, String text) {}

    private static final List<Told> TOLD = List.of(
            new Told("openai-gpt-oss-120b", "low", null, "Reasoning: low"),
            new Told("GLM-5.2", "high", null, "Reasoning Effort: High"),
            new Told("qwen38_chat_template", "low", null, "Reasoning effort is set to low"),
            new Told("deepseek-ai-DeepSeek-V4", "high", null, "Reasoning Effort: Absolute maximum"),
            new Told("nemotron_3_super_training", "low", null, "{reasoning effort: low}"),
            new Told("nemotron3nano_chat_template", null, 300, "{thinking token budget: 300}"),
            new Told("ByteDance-Seed-OSS", null, 512, "thinking budget, which is 512."));

    /** Those that {@code -Dgoldens} has; the repository has no templates of others. */
    @Test
    void releasedTemplatesSayItToTheirModels(@TempDir Path folder) throws IOException {
        Path templates = Goldens.folder("templates").resolve("templates");
        try (Tokenizer tokenizer = tokenizer()) {
            for (Told told : TOLD) {
                Path file = templates.resolve(told.template + ".jinja");
                if (Files.exists(file)) {
                    Files.copy(file, folder.resolve("chat_template.jinja"), StandardCopyOption.REPLACE_EXISTING);
                    ChatTemplate template = ChatTemplate.load(folder);
                    String source = template.source(false);
                    Map<String, Object> arguments = of(source, told.effort, told.tokens, ReasoningFormat.detect(source))
                            .templateArguments();
                    List<ChatMessage> messages = List.of(UserMessage.from("Hello"));
                    assertThat(template.prompt(messages, List.of(), arguments, tokenizer)
                                    .text())
                            .as(told.template)
                            .contains(told.text);
                    assertThat(template.prompt(messages, List.of(), Map.of(), tokenizer)
                                    .text())
                            .as(told.template)
                            .doesNotContain(told.text);
                }
            }
        }
    }

    private static Tokenizer tokenizer() {
        return Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
    }

    @Test
    void whatTheRequestSaysItselfWins() {
        MlxChatRequestParameters parameters = MlxChatRequestParameters.builder()
                .reasoningEffort("high")
                .think(false)
                .templateArguments(Map.of("reasoning_effort", "extreme"))
                .build();
        assertThat(new ReasoningSettings(parameters, EFFORT, ReasoningFormat.THINK).templateArguments())
                .isEqualTo(Map.of("reasoning_effort", "extreme", "enable_thinking", false, "thinking", false));
    }

    @ParameterizedTest
    @CsvSource({"none, 0", "minimal, 512", "low, 2048", "Medium, 8192", "high,", "xhigh,", "max,"})
    void effortThatTheTemplateDoesNotKnowIsALimit(String effort, Integer tokens) {
        ReasoningLimit limit = limit(PLAIN, effort, null, ReasoningFormat.THINK);
        assertThat(limit == null ? null : limit.maxTokens()).isEqualTo(tokens);
        assertThat(limit(PLAIN, effort, 7, ReasoningFormat.THINK).maxTokens()).isEqualTo(7);
        if (!effort.equals("none")) {
            assertThat(limit(EFFORT, effort, null, ReasoningFormat.THINK))
                    .as("the template says it")
                    .isNull();
        }
    }

    @Test
    void wordsThatNobodyKnowsAndModelsThatDoNotReasonAreRefused() {
        assertThatThrownBy(() -> limit(PLAIN, "tiny", null, ReasoningFormat.THINK))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("reasoningEffort (tiny)", "minimal");
        assertThatThrownBy(() -> limit("", "low", null, ReasoningFormat.NONE))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("does not reason");
        assertThat(limit("", "none", null, ReasoningFormat.NONE)).isNull();
        assertThat(limit("", null, 5, ReasoningFormat.NONE)).isNull();
        assertThat(arguments(EFFORT, "odd", null))
                .as("the template's own words")
                .containsEntry("reasoning_effort", "odd");
    }

    @ParameterizedTest
    @EnumSource(value = ReasoningFormat.class, names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void parsersReadTheEndOfTheReasoningAsSoonAsItIsWritten(ReasoningFormat format) {
        Stream.of(
                        format.closings("Enough.", true, false),
                        format.closings("Enough.", true, true),
                        format.closings("", false, false))
                .flatMap(List::stream)
                .forEach(closing -> {
                    StringBuilder thought = new StringBuilder();
                    OutputParser parser = OutputParser.builder(new Thoughts(thought))
                            .reasoning(format, false)
                            .build();
                    parser.accept(format.open());
                    parser.accept("I was about to");
                    assertThat(parser.isThinking()).isTrue();
                    for (String piece : closing.split("")) {
                        parser.accept(piece);
                    }
                    assertThat(parser.isThinking()).as(closing).isFalse();
                    assertThat(thought.toString()).startsWith("I was about to");
                });
    }

    private record Thoughts(StringBuilder all) implements OutputSink {
        @Override
        public void text(String piece) {}

        @Override
        public void thinking(String piece) {
            all.append(piece);
        }

        @Override
        public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

        @Override
        public void toolCall(int index, String id, String name, String arguments) {}

        @Override
        public void malformedToolCall(String raw, String reason) {}
    }

    @Test
    void familiesCloseAsTheyWereTrained() {
        assertThat(ReasoningFormat.THINK.closings("Enough.", false, false))
                .containsExactly("Enough.\n</think>\n\n", "</think>");
        assertThat(ReasoningFormat.SEED.closings("", false, false).getFirst())
                .startsWith("<seed:cot_budget_reflect>I have exhausted my token budget");
        assertThat(ReasoningFormat.HARMONY.closings("", false, false).getFirst())
                .isEqualTo("<|end|><|start|>assistant<|channel|>final<|message|>");
        assertThat(ReasoningFormat.HARMONY.closings("", true, false))
                .as("it may call a tool")
                .containsExactly("<|end|><|start|>assistant");
        assertThat(ReasoningFormat.NONE.closings("", true, false)).isEmpty();
    }
}

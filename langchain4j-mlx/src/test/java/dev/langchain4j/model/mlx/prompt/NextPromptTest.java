package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a next prompt is said to begin with, it begins with, whatever it replies. Over the templates of this project,
 * and with {@code -Dgoldens=DIR} all of {@code DIR/templates}.
 */
class NextPromptTest {
    private static final List<String> REPLIES = List.of(
            "Hello", "7 days", "\n\nAnd then?", " x", "{\"a\": 1}", "[1, 2]", "<b>", "Ärger 東京", "...", "null", "-");
    private static final String THOUGHT =
            "They want to know the weather. ".repeat(10).strip();
    private static final String ANSWER =
            "It rains in Lisbon and it will rain. ".repeat(5).strip();
    private static final ToolExecutionRequest CALL = ToolExecutionRequest.builder()
            .id("call12345")
            .name("look")
            .arguments("{\"city\": \"Lisbon\"}")
            .build();

    @TempDir
    Path folder;

    private static Map<String, String> templates() throws IOException {
        Map<String, String> templates = new TreeMap<>(OwnTemplates.ALL);
        if (!System.getProperty("goldens", "").isEmpty()) {
            Path given = Path.of(System.getProperty("goldens"), "templates", "templates");
            try (Stream<Path> files = Files.list(given)) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".jinja")).toList()) {
                    templates.put(file.getFileName().toString(), Files.readString(file));
                }
            }
        }
        return templates;
    }

    @Test
    void whatIsSaidToBeCertainIs() throws IOException {
        int said = 0;
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<String, String> template : templates().entrySet()) {
            try (TemplateModel model = new TemplateModel(template.getValue(), folder)) {
                for (AiMessage answer : List.of(AiMessage.from(ANSWER), AiMessage.from(CALL))) {
                    PromptRequest request = request(model);
                    PromptWriter writer = writer(model);
                    Optional<NextPrompt> next = next(model, writer, request, answer, 0);
                    if (next.isPresent()) {
                        said++;
                        check(template.getKey(), writer, request, answer, next.get(), wrong);
                    }
                }
            } catch (LangChain4jException e) {
                // a template that has no system message, or refuses the tool: nothing is computed ahead then
                assertThat(OwnTemplates.ALL).doesNotContainKey(template.getKey());
            }
        }
        System.out.printf("next prompts: %d told, of %d replies other prompts: %s%n", said, wrong.size(), wrong);
        assertThat(said).isGreaterThanOrEqualTo(OwnTemplates.ALL.size());
        assertThat(wrong).isEmpty();
    }

    private static void check(
            String template,
            PromptWriter writer,
            PromptRequest request,
            AiMessage answer,
            NextPrompt next,
            List<String> wrong) {
        int[] certain = Arrays.copyOf(next.tokens(), next.tokens().length - 1);
        for (String reply : REPLIES) {
            int[] prompt = writer.write(request.withMessages(replied(request.messages(), answer, reply)))
                    .tokens();
            int mismatch = Arrays.mismatch(prompt, certain);
            if (mismatch >= 0 && mismatch < certain.length) {
                wrong.add("%s, %s, %s: %d of %d".formatted(template, answer.text(), reply, mismatch, certain.length));
            }
        }
        assertThat(next.boundaries()).allMatch(boundary -> boundary.position() <= certain.length);
    }

    @Test
    void aTurnWithoutItsReasoningIsWorthComputing() throws IOException {
        try (TemplateModel model = new TemplateModel(OwnTemplates.ALL.get("tags"), folder)) {
            PromptWriter writer = writer(model);
            PromptRequest request = request(model);
            Prompt prompt = writer.write(request);
            String text = "<think>\n" + THOUGHT + "\n</think>\n\n" + ANSWER;
            int[] generated = generated(model, text);
            AiMessage answer = AiMessage.from(ANSWER);
            writer.remember(prompt, answer, text, generated, false);
            NextPrompt next = NextPrompt.of(writer, model.tokenizer, request, prompt, answer, generated, 32)
                    .orElseThrow();
            String written = model.tokenizer.decode(Arrays.copyOf(next.tokens(), next.tokens().length - 1), false);
            assertThat(written).endsWith(ANSWER + "<|im_end|>\n<|im_start|>").doesNotContain(THOUGHT);
        }
    }

    @Test
    void aTurnThatGoesBackAsItWasIsNot() throws IOException {
        try (TemplateModel model = new TemplateModel(OwnTemplates.ALL.get("tags"), folder)) {
            PromptWriter writer = writer(model);
            PromptRequest request = request(model);
            Prompt prompt = writer.write(request);
            int[] generated = generated(model, ANSWER);
            writer.remember(prompt, AiMessage.from(ANSWER), ANSWER, generated, false);
            assertThat(NextPrompt.of(writer, model.tokenizer, request, prompt, AiMessage.from(ANSWER), generated, 32))
                    .isEmpty();
        }
    }

    private static PromptWriter writer(TemplateModel model) {
        return new PromptWriter(model.template, model.tokenizer, model.ends, new PromptLedger());
    }

    private static PromptRequest request(TemplateModel model) {
        OutputFormat format = OutputFormat.detect(model.template.source(false), ToolSchemas.none());
        return new PromptRequest(
                List.of(SystemMessage.from("You know the weather."), UserMessage.from("How is it in Lisbon?")),
                List.of(),
                null,
                format,
                "ann",
                Isolation.SHARED);
    }

    private static Optional<NextPrompt> next(
            TemplateModel model, PromptWriter writer, PromptRequest request, AiMessage answer, int tokensMin) {
        int[] generated = generated(model, ANSWER);
        return NextPrompt.of(writer, model.tokenizer, request, writer.write(request), answer, generated, tokensMin);
    }

    private static int[] generated(TemplateModel model, String text) {
        int end = model.ends.iterator().next();
        return IntStream.concat(Arrays.stream(model.tokenizer.encode(text, false)), IntStream.of(end))
                .toArray();
    }

    private static List<ChatMessage> replied(List<ChatMessage> messages, AiMessage answer, String reply) {
        List<ChatMessage> next = new ArrayList<>(messages);
        next.add(answer);
        next.add(
                answer.hasToolExecutionRequests()
                        ? ToolExecutionResultMessage.from(CALL, reply)
                        : UserMessage.from(reply));
        return next;
    }
}

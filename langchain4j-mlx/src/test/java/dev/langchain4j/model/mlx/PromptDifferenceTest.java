package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptLedger;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import dev.langchain4j.model.mlx.prompt.PromptWriter;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a prompt that differs from what is stored. */
class PromptDifferenceTest {
    private static final int END = 1;
    /** Drops the reasoning of all answers but those after the last question. */
    private static final String TEMPLATE = """
            {{- 'Tools: ' + (tools | length | string) + '\\n' if tools else '' -}}
            {%- set ns = namespace(last=-1) -%}
            {%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
            {%- for m in messages -%}
            {{- '<|im_start|>' + m.role + '\\n' -}}
            {%- if m.reasoning_content and loop.index0 > ns.last %}{{ '<think>' + m.reasoning_content + '</think>' }}{% endif -%}
            {{- m.content + '<|im_end|>\\n' -}}
            {%- endfor -%}
            {{- '<|im_start|>assistant\\n' -}}
            """;

    @TempDir
    Path folder;

    private Tokenizer tokenizer;
    private PromptWriter writer;
    private OutputFormat format;

    @BeforeEach
    void open() throws IOException {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        ChatTemplate template = ChatTemplate.load(folder);
        format = OutputFormat.detect(template.source(false), ToolSchemas.none());
        writer = new PromptWriter(template, tokenizer, Set.of(END), new PromptLedger());
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private Prompt prompt(ChatMessage... messages) {
        return writer.write(new PromptRequest(List.of(messages), List.of(), null, format, "ann", Isolation.SHARED));
    }

    /** The plan of a prompt that comes after another one. */
    private static ReusePlan plan(int[] stored, Prompt prompt) {
        int matched = Arrays.mismatch(stored, prompt.tokens());
        return new ReusePlan(matched, matched, Reason.DIVERGED, stored[matched], prompt.tokens()[matched]);
    }

    private PromptDifference difference(Prompt stored, Prompt prompt) {
        return PromptDifference.of(prompt, plan(stored.tokens(), prompt), tokenizer);
    }

    @Test
    void anotherSystemMessage() {
        UserMessage question = UserMessage.from("What is new?");
        PromptDifference difference = difference(
                prompt(SystemMessage.from("Today is Monday."), question),
                prompt(SystemMessage.from("Today is Friday."), question));
        assertThat(difference.message()).isZero();
        assertThat(difference.role()).isEqualTo("system");
        assertThat(difference.explanation())
                .startsWith("diverged at token " + difference.token() + ", in message 0 (system): "
                        + "the system message differs from the stored one, \"" + difference.found()
                        + "\" instead of \"");
    }

    @Test
    void anotherQuestion() {
        SystemMessage system = SystemMessage.from("Be brief.");
        PromptDifference difference =
                difference(prompt(system, UserMessage.from("Why?")), prompt(system, UserMessage.from("How?")));
        assertThat(difference.message()).isEqualTo(1);
        assertThat(difference)
                .hasToString("diverged at token %d, in message 1 (user): the message differs from the stored one, "
                                .formatted(difference.token())
                        + "or the chat template rendered it differently, \"" + difference.found()
                        + "\" instead of \"" + difference.stored() + "\"");
    }

    @Test
    void reasoningThatTheTemplateDrops() {
        UserMessage question = UserMessage.from("Why?");
        Prompt first = prompt(question);
        String output = "<think>Hm.</think>Because.";
        int[] generated = IntStream.concat(Arrays.stream(tokenizer.encode(output, false)), IntStream.of(END))
                .toArray();
        AiMessage answer = AiMessage.from("Because.");
        writer.remember(first, answer, output, generated, false);
        int[] stored = IntStream.concat(Arrays.stream(first.tokens()), Arrays.stream(generated))
                .toArray();
        Prompt next = prompt(question, answer, UserMessage.from("Really?"));
        PromptDifference difference = PromptDifference.of(next, plan(stored, next), tokenizer);
        assertThat(difference.message()).isEqualTo(1);
        assertThat(difference.role()).isEqualTo("assistant");
        assertThat(difference.explanation())
                .contains("in message 1 (assistant): the chat template rewrote an earlier assistant turn");
    }

    /** As Mistral's templates do, which write the system message before the last user message. */
    @Test
    void systemMessageThatTheTemplateMoves() throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), """
                {%- for m in messages -%}
                {%- if m.role == 'user' -%}
                {{- '<|im_start|>' + (messages[0].content + ' ' if loop.last else '') + m.content -}}
                {%- elif m.role == 'assistant' %}{{ m.content + '<|im_end|>' }}{% endif -%}
                {%- endfor -%}
                """);
        writer = new PromptWriter(ChatTemplate.load(folder), tokenizer, Set.of(END), new PromptLedger());
        SystemMessage system = SystemMessage.from("Be brief.");
        UserMessage question = UserMessage.from("Why?");
        PromptDifference difference = difference(
                prompt(system, question),
                prompt(system, question, AiMessage.from("Because."), UserMessage.from("Really?")));
        assertThat(difference.message()).isEqualTo(1);
        assertThat(difference.explanation())
                .contains("in message 1 (user): ")
                .contains("the chat template rendered it differently")
                .endsWith("\"Why\" instead of \"" + difference.stored() + "\"");
    }

    @Test
    void whatIsStoredEndsBeforeOrHasNothingInCommon() {
        Prompt prompt = prompt(UserMessage.from("Why?"));
        assertThat(PromptDifference.of(prompt, new ReusePlan(4, 4, Reason.CONTINUED, -1, 7), tokenizer))
                .isNull();
        assertThat(PromptDifference.of(prompt, new ReusePlan(3, 4, Reason.WHOLE_PROMPT, 7, -1), tokenizer))
                .isNull();
        assertThat(PromptDifference.of(prompt, new ReusePlan(0, 0, Reason.NEW, 5, 7), tokenizer))
                .isNull();
    }
}

package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.mlx.cache.Boundary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Turns that this model generated, in conversations that are changed: what the template renders wins. */
class FittedTurnsTest {
    private static final ChatMessage Q1 = UserMessage.from("first");
    private static final ChatMessage Q2 = UserMessage.from("second");
    private static final AiMessage ANSWER = AiMessage.from("An answer – in odd tokens.");

    @TempDir
    Path folder;

    /** Lets the model answer the first question, and gives the tokens of its answer. */
    private static int[] answer(TemplateModel model, PromptWriter writer) {
        Prompt prompt = writer.write(model.request(List.of(Q1), List.of(), null));
        String text = " " + ANSWER.text();
        int[] generated = IntStream.concat(
                        Arrays.stream(model.raggedTokens(text, new Random(7))), IntStream.of(model.id("</s>")))
                .toArray();
        writer.remember(prompt, ANSWER, text, generated, false);
        return generated;
    }

    private static Prompt write(TemplateModel model, PromptWriter writer, ChatMessage... messages) {
        Prompt prompt = writer.write(model.request(List.of(messages), List.of(), null));
        assertThat(model.tokenizer.decode(prompt.tokens(), false)).isEqualTo(prompt.text());
        assertThat(prompt.boundaries())
                .extracting(Boundary::position)
                .isSorted()
                .allMatch(position -> position <= prompt.tokens().length);
        return prompt;
    }

    private static boolean holds(Prompt prompt, int[] generated) {
        return IntStream.rangeClosed(0, prompt.tokens().length - generated.length)
                .anyMatch(i -> Arrays.equals(Arrays.copyOfRange(prompt.tokens(), i, i + generated.length), generated));
    }

    private static List<Prompt.Source> sources(Prompt prompt) {
        List<Prompt.Source> sources = new ArrayList<>();
        prompt.messages().forEach(message -> sources.add(message.source()));
        return sources;
    }

    @Test
    void aTurnBehindAChangeKeepsItsTokens() throws IOException {
        try (TemplateModel model = new TemplateModel(OddTemplates.ALL.get("odd-alternating"), folder)) {
            PromptWriter writer = model.writer(new PromptLedger());
            int[] generated = answer(model, writer);
            Prompt joined = write(model, writer, Q1, ANSWER, Q2, Q2);
            assertThat(joined.changes()).containsExactly(new MessageChange(3, MessageChange.Kind.JOINED));
            assertThat(holds(joined, generated)).isTrue();
            Prompt window = write(model, writer, ANSWER, Q2);
            assertThat(window.changes()).containsExactly(new MessageChange(0, MessageChange.Kind.SPACER_ADDED));
            assertThat(holds(window, generated)).isTrue();
            assertThat(sources(window)).containsExactly(Prompt.Source.GENERATED, Prompt.Source.RENDERED);
        }
    }

    @Test
    void aTurnThatWasJoinedToAnotherIsWrittenAnew() throws IOException {
        try (TemplateModel model = new TemplateModel(OddTemplates.ALL.get("odd-alternating"), folder)) {
            PromptWriter writer = model.writer(new PromptLedger());
            int[] generated = answer(model, writer);
            Prompt prompt = write(model, writer, Q1, ANSWER, AiMessage.from("And more."), Q2);
            assertThat(prompt.text()).contains(ANSWER.text() + "\n\nAnd more.");
            assertThat(holds(prompt, generated)).isFalse();
            assertThat(prompt.tokens()).isEqualTo(model.tokenizer.encode(prompt.text(), false));
            assertThat(sources(prompt)).contains(Prompt.Source.REWRITTEN).doesNotContain(Prompt.Source.GENERATED);
        }
    }
}

package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a conversation's last prompts had already is not tokenized again, and no token is another for it: conversations
 * that go on, are edited, forget their beginning, change their tools and spell control tokens, through the templates of
 * this project. {@code -Dseed} repeats a run, {@code -Dknown.rounds} sets how long conversations are.
 */
class KnownPromptsTest {
    private static final int ROUNDS = Integer.getInteger("known.rounds", 30);
    private static final List<String> ODD = List.of(
            "<|im_start|>",
            "<|im_end|>",
            "<|im_",
            "end|>",
            "<",
            "|>",
            "<tool_call>",
            "</s>",
            "<s>",
            "[INST]",
            "[/INST]",
            "<|eot_id|>",
            "<start_of_turn>",
            " ",
            "\n\n",
            "\u0301",
            "é",
            "日本",
            "🙂",
            "'s",
            "  x");

    @TempDir
    Path folder;

    private Map<String, TemplateModel> models() throws IOException {
        Map<String, String> sources = new LinkedHashMap<>(OwnTemplates.ALL);
        sources.put("demo", Files.readString(DemoModel.folder().resolve("chat_template.jinja")));
        Map<String, TemplateModel> models = new LinkedHashMap<>();
        for (Map.Entry<String, String> source : sources.entrySet()) {
            models.put(source.getKey(), new TemplateModel(source.getValue(), folder));
        }
        return models;
    }

    /** A conversation that changes in all the ways in which applications change them. */
    private static final class Changing {
        private final Random random;
        private final boolean withTools;
        private final boolean odd;
        private final List<ChatMessage> messages = new ArrayList<>();
        private List<ToolSpecification> tools = List.of();
        private int calls;

        Changing(Random random, boolean withTools, boolean odd) {
            this.random = random;
            this.withTools = withTools;
            this.odd = odd;
            messages.add(SystemMessage.from(text()));
            messages.add(UserMessage.from(text()));
            changeTools();
        }

        String text() {
            StringBuilder text = new StringBuilder("said " + random.nextInt(100));
            for (int i = random.nextInt(12); i > 0; i--) {
                text.append(odd && random.nextBoolean() ? ODD.get(random.nextInt(ODD.size())) : " word");
            }
            return text.toString();
        }

        void changeTools() {
            List<ToolSpecification> changed = new ArrayList<>();
            for (int i = 0; withTools && i < 1 + random.nextInt(3); i++) {
                changed.add(ToolSpecification.builder()
                        .name("tool" + i)
                        .description(text())
                        .parameters(JsonObjectSchema.builder()
                                .addStringProperty("city")
                                .build())
                        .build());
            }
            tools = changed;
        }

        void goOn() {
            if (withTools && random.nextBoolean()) {
                String id = "call%05d".formatted(calls++);
                messages.add(AiMessage.from(ToolExecutionRequest.builder()
                        .id(id)
                        .name("tool0")
                        .arguments("{\"city\": \"town" + random.nextInt(9) + "\"}")
                        .build()));
                messages.add(ToolExecutionResultMessage.from(id, "tool0", text()));
            }
            messages.add(AiMessage.from(text()));
            messages.add(UserMessage.from(text()));
        }

        void change() {
            int at = random.nextInt(messages.size());
            switch (random.nextInt(8)) {
                case 0 -> messages.set(0, SystemMessage.from(text()));
                case 1 -> messages.set(messages.size() - 1, UserMessage.from(text()));
                case 2 -> changeTools();
                case 3 -> {
                    // A window that moves: from a question of the user on.
                    while (messages.size() > 4 && (at > 0 || !(messages.get(1) instanceof UserMessage))) {
                        messages.remove(1);
                        at--;
                    }
                }
                case 4 -> {
                    if (messages.get(at) instanceof UserMessage) {
                        messages.set(at, UserMessage.from(text()));
                    }
                }
                default -> goOn();
            }
        }
    }

    @Test
    void tokensAreThoseOfAWriterThatKnowsNothing() throws IOException {
        long seed = Seeds.seed(KnownPromptsTest.class);
        Random random = new Random(seed);
        int[] tokenized = new int[2];
        models().forEach((name, model) -> {
            try (model) {
                PromptWriter writer = model.writer(new PromptLedger());
                for (int kind = 0; kind < 4; kind++) {
                    boolean tools =
                            kind % 2 == 1 && model.template.abilities(true).tools() != ToolPlace.NONE;
                    Changing talk = new Changing(random, tools, kind > 1);
                    for (int round = 0; round < ROUNDS; round++) {
                        PromptRequest request = model.request(talk.messages, talk.tools, null);
                        Prompt prompt = writer.write(request);
                        Prompt fresh = model.writer(new PromptLedger()).write(request);
                        String as = name + ", kind " + kind + ", round " + round + ": " + prompt.text();
                        assertThat(prompt.text()).as(as).isEqualTo(fresh.text());
                        assertThat(prompt.tokens()).as(as).isEqualTo(fresh.tokens());
                        assertThat(prompt.boundaries()).as(as).isEqualTo(fresh.boundaries());
                        assertThat(prompt.messages()).as(as).isEqualTo(fresh.messages());
                        assertSame(model, prompt, as);
                        talk.change();
                    }
                }
                tokenized[0] += writer.known().count();
                tokenized[1]++;
            }
        });
        assertThat(tokenized[0]).isGreaterThan(tokenized[1]);
    }

    /** The parts of a text are together what the whole is, whoever wrote which of its characters. */
    private static void assertSame(TemplateModel model, Prompt prompt, String as) {
        ControlTokens control = model.template.controlTokens(model.tokenizer);
        for (TextRanges outside :
                List.of(TextRanges.NONE, prompt.origin().last().spelled())) {
            Piece whole = Piece.encode("", prompt.text(), outside, control);
            Piece parts = new PieceEncoder(control, new KnownPieces(1 << 20), "ann").encode("", prompt.text(), outside);
            assertThat(parts.ids()).as(as).isEqualTo(whole.ids());
            assertThat(parts.ends()).as(as).isEqualTo(whole.ends());
            assertThat(parts.spelled()).as(as).isEqualTo(whole.spelled());
            assertThat(parts.text()).as(as).isEqualTo(whole.text());
        }
    }

    @Test
    void onlyNewMessagesAreTokenized() throws IOException {
        try (TemplateModel model = models().get("demo")) {
            KnownPieces known = new KnownPieces(1 << 20);
            ControlTokens control = model.template.controlTokens(model.tokenizer);
            List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("Be brief.")));
            for (int i = 0; i < 50; i++) {
                messages.add(UserMessage.from("question " + i));
                messages.add(AiMessage.from("answer " + i));
            }
            messages.add(UserMessage.from("what now?"));
            String before = model.rendered(messages, List.of(), null).text();
            messages.add(AiMessage.from("this"));
            messages.add(UserMessage.from("and now?"));
            String after = model.rendered(messages, List.of(), null).text();
            messages.subList(1, 21).clear();
            String moved = model.rendered(messages, List.of(), null).text();

            assertThat(tokenized(control, known, before)).isPositive();
            assertThat(tokenized(control, known, before)).isZero();
            assertThat(tokenized(control, known, after)).isLessThan(100);
            assertThat(tokenized(control, known, moved)).isZero();
            known.evict("ann"::equals);
            assertThat(tokenized(control, known, moved)).isGreaterThan(moved.length() / 2);
        }
    }

    /** How many characters had to be tokenized. */
    private static int tokenized(ControlTokens control, KnownPieces known, String text) {
        PieceEncoder encoder = new PieceEncoder(control, known, "ann");
        encoder.encode("", text, TextRanges.NONE);
        return encoder.tokenizedChars();
    }

    @Test
    void evictionAndClearingReachWhatAWriterKnows() throws IOException {
        try (TemplateModel model = models().get("demo")) {
            PromptWriter writer = model.writer(new PromptLedger());
            List<ChatMessage> messages = List.of(UserMessage.from("Hello"));
            writer.write(model.request(messages, List.of(), null));
            PromptRequest nobodys =
                    new PromptRequest(messages, List.of(), Map.of(), model.format(List.of()), null, Isolation.SHARED);
            writer.write(nobodys);
            int both = writer.known().count();
            writer.evicted("ann"::equals);
            assertThat(writer.known().count()).isPositive().isLessThan(both);
            writer.cleared();
            assertThat(writer.known().count()).isZero();
            writer.write(new PromptRequest(
                    messages, List.of(), Map.of(), model.format(List.of()), null, Isolation.PER_MEMORY_ID));
            assertThat(writer.known().count()).isZero();
        }
    }
}

package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.jinja.Template;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.prompt.FittedMessages.Extent;
import dev.langchain4j.model.mlx.prompt.Histories.History;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Messages of all kinds in any order, through the templates of this project and with {@code -Dgoldens=DIR} all of
 * {@code DIR/templates}: none is refused, what users said and tools found stands in the prompt in order, and templates
 * that can say the history as it is see it unchanged. {@code -Dseed} repeats a run, {@code -Dhistories} sets how many
 * there are for each template, {@code -Dhistory.details=true} shows each that was changed though it could be said.
 */
class RandomHistoryTest {
    private static final int HISTORIES = Integer.getInteger("histories", 40);
    private static final Map<String, Template> COMPILED = new HashMap<>();

    @TempDir
    Path folder;

    @Test
    void whateverAMemoryHandsOverGoesOn() throws IOException {
        long seed = Seeds.seed(RandomHistoryTest.class);
        Random random = new Random(seed);
        List<String> failures = new ArrayList<>();
        List<String> needless = new ArrayList<>();
        int all = 0;
        int unchanged = 0;
        for (Map.Entry<String, ChatTemplate> entry : Histories.templates(folder).entrySet()) {
            ChatTemplate template = entry.getValue();
            for (int i = 0; i < HISTORIES; i++) {
                RandomHistory history = new RandomHistory(random);
                if (!history.plainIsFor(template)) {
                    continue;
                }
                all++;
                String failure = failure(history, template);
                if (failure != null && failure.startsWith("changed")) {
                    needless.add(entry.getKey() + " / " + history.letters + ": " + failure);
                } else if (failure != null) {
                    failures.add(entry.getKey() + " / " + history.letters + ": " + failure);
                } else if (history.changes == 0) {
                    unchanged++;
                }
            }
        }
        failures.forEach(System.out::println);
        if (Boolean.getBoolean("history.details")) {
            needless.forEach(System.out::println);
        }
        System.out.printf(
                "random histories: %d of %d go on, %d unchanged, %d changed that the template could say%n",
                all - failures.size(), all, unchanged, needless.size());
        assertThat(all).isPositive();
        assertThat(unchanged).isBetween(1, all - 1);
        assertThat(failures).isEmpty();
        // What is out of order is tried by itself: templates may say some of it in one place, and not in another.
        assertThat(needless.size()).as(needless.toString()).isLessThan(all / 20);
    }

    @Test
    void aMessageIsFittedInTheSameWayInEachRound() throws IOException {
        long seed = Seeds.seed(RandomHistoryTest.class);
        Random random = new Random(seed);
        for (Map.Entry<String, ChatTemplate> entry : Histories.templates(folder).entrySet()) {
            for (int i = 0; i < HISTORIES / 4; i++) {
                RandomHistory history = new RandomHistory(random);
                history.add('u');
                List<Map<String, Object>> before = fitted(history.history(), entry.getValue());
                history.add('a');
                history.add('u');
                List<Map<String, Object>> after = fitted(history.history(), entry.getValue());
                assertThat(after.subList(0, before.size()))
                        .as(entry.getKey() + " / " + history.letters)
                        .isEqualTo(before);
            }
        }
    }

    private static List<Map<String, Object>> fitted(History history, ChatTemplate template) {
        TemplateAbilities can = template.abilities(!history.tools().isEmpty());
        return FittedMessages.of(
                        MessageMapper.map(history.messages()),
                        history.tools(),
                        can,
                        Extent.NEEDED,
                        new LinkedHashMap<>())
                .messages();
    }

    private static String failure(RandomHistory random, ChatTemplate template) {
        History history = random.history();
        ChatTemplate.Rendered rendered;
        try {
            rendered = template.write(MessageMapper.map(history.messages()), history.tools(), Map.of());
        } catch (LangChain4jException e) {
            return "refused: " + e.getMessage();
        }
        random.changes = rendered.changes().size();
        String text = rendered.result().text();
        String missing = Histories.missing(random.inOrder(), text);
        missing = missing != null
                ? missing
                : random.owed.stream()
                        .filter(word -> !text.contains(word))
                        .findFirst()
                        .orElse(null);
        if (missing != null) {
            return missing + " is not in its place in " + text.replace("\n", "\\n");
        }
        if (!random.mixed && random.canBeSaid(template)) {
            String asItIs = asItIs(history, template);
            if (!text.equals(asItIs)) {
                return "changed (" + rendered.changes() + ") to " + text.replace("\n", "\\n") + "\n   from "
                        + asItIs.replace("\n", "\\n");
            }
        }
        return null;
    }

    /** What the template makes of a history as it is; null where it refuses. */
    static String asItIs(History history, ChatTemplate template) {
        TemplateAbilities can = template.abilities(!history.tools().isEmpty());
        Map<String, Object> variables = new LinkedHashMap<>();
        FittedMessages fitted = FittedMessages.of(
                MessageMapper.map(history.messages()), history.tools(), can, Extent.NOTHING, variables);
        variables.put("messages", fitted.messages());
        variables.put("documents", null);
        variables.put("add_generation_prompt", true);
        variables.put("bos_token", "<s>");
        variables.put("eos_token", "</s>");
        try {
            return COMPILED.computeIfAbsent(template.source(!history.tools().isEmpty()), Template::compile)
                    .render(variables)
                    .text();
        } catch (TemplateException e) {
            return null;
        }
    }

    /** A history by chance. */
    private static final class RandomHistory {
        private static final List<String> ARGUMENTS =
                List.of("{\"city\": \"%s\"}", "{\"city\": \"%s", "[\"%s\"]", "%s");
        final List<ChatMessage> messages = new ArrayList<>();
        /** The messages' kinds, as a failure shows them. */
        final StringBuilder letters = new StringBuilder();
        /** What users said and tools found. */
        final List<String> owed = new ArrayList<>();
        /** All that was said. */
        final List<String> all = new ArrayList<>();

        private final Random random;
        private final boolean calls;
        private final boolean systems;
        private final boolean odd;
        private final List<ToolExecutionRequest> open = new ArrayList<>();
        private boolean moved;
        private boolean mixed;
        private int word = 10;
        int changes;

        RandomHistory(Random random) {
            this.random = random;
            calls = random.nextInt(3) > 0;
            systems = random.nextInt(2) > 0;
            odd = random.nextInt(2) > 0;
            if (systems && random.nextInt(4) > 0) {
                add('s');
            }
            String kinds = "uuuaae" + (calls ? "cctxrrrroo" : "") + (systems && odd ? "s" : "") + (odd ? "q" : "");
            int length = 1 + random.nextInt(9);
            for (int i = 0; i < length; i++) {
                add(kinds.charAt(random.nextInt(kinds.length())));
            }
            if (messages.isEmpty() || random.nextInt(2) > 0) {
                add('u');
            }
        }

        History history() {
            return new History(letters.toString(), calls ? Histories.WEATHER : List.of(), messages, owed);
        }

        boolean plainIsFor(ChatTemplate template) {
            return history().isFor(template);
        }

        /** What has to stand in the prompt in this order: results between others may be moved to their calls. */
        List<String> inOrder() {
            return moved ? owed.stream().filter(word -> word.startsWith("UU")).toList() : owed;
        }

        /** Whether a template says all of the history as it is, by who said it, and what may follow it. */
        boolean canBeSaid(ChatTemplate template) {
            List<ChatMessage> longer = new ArrayList<>(messages);
            longer.add(AiMessage.from("answer AA98z"));
            longer.add(UserMessage.from("question UU99z"));
            List<String> words = new ArrayList<>(all);
            words.addAll(List.of("AA98z", "UU99z"));
            History history = history();
            String text = asItIs(history, template);
            String next = asItIs(new History("longer", history.tools(), longer, owed), template);
            if (text == null
                    || next == null
                    || Histories.missing(all, text) != null
                    || Histories.missing(words, next) != null) {
                return false;
            }
            int first = messages.getFirst() instanceof SystemMessage ? 1 : 0;
            List<ChatMessage> asked = new ArrayList<>(messages);
            if (first < asked.size() && !(asked.get(first) instanceof UserMessage)) {
                asked.set(first, UserMessage.from(text(asked.get(first))));
                return !text.equals(asItIs(new History("asked", history.tools(), asked, owed), template));
            }
            return true;
        }

        private static String text(ChatMessage message) {
            return switch (message) {
                case AiMessage answer -> answer.text() == null ? "" : answer.text();
                case ToolExecutionResultMessage result -> result.text();
                default -> ((SystemMessage) message).text();
            };
        }

        private String say(String prefix, boolean isOwed) {
            String said = prefix + word++ + "z";
            all.add(said);
            if (isOwed) {
                owed.add(said);
            }
            return said;
        }

        private void add(char kind) {
            switch (kind) {
                case 's' -> messages.add(SystemMessage.from("SS" + word++ + "z"));
                case 'u' -> messages.add(UserMessage.from("question " + say("UU", true)));
                case 'q' -> messages.add(UserMessage.from(""));
                case 'a' -> messages.add(AiMessage.from("answer " + say("AA", false)));
                case 'e' -> messages.add(AiMessage.builder().thinking("hmm").build());
                case 'c', 't', 'x' -> call(kind);
                case 'r' -> result();
                case 'o' -> {
                    moved |= !open.isEmpty();
                    messages.add(ToolExecutionResultMessage.from(
                            odd && random.nextBoolean() ? null : "orphan123", "weather", "found " + say("RO", true)));
                }
                default -> throw new IllegalArgumentException(String.valueOf(kind));
            }
            letters.append(kind);
        }

        private void call(char kind) {
            int count = kind == 'x' ? 1 + random.nextInt(3) : 1;
            AiMessage.Builder message = AiMessage.builder();
            if (kind == 't') {
                message.text("looking AA" + word++ + "z");
            }
            List<ToolExecutionRequest> requests = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                String id =
                        switch (odd ? random.nextInt(4) : 3) {
                            case 0 -> null;
                            case 1 -> "c" + word;
                            case 2 -> "call_0123456789abcdef" + word;
                            default -> "idid000" + word;
                        };
                String arguments = ARGUMENTS.get(odd ? random.nextInt(ARGUMENTS.size()) : 0);
                requests.add(Histories.call(id, "weather", arguments.formatted(say("CC", false))));
            }
            open.clear();
            open.addAll(requests);
            messages.add(message.toolExecutionRequests(requests).build());
        }

        /** Of one of the last calls, in any order; of none if all have theirs. */
        private void result() {
            if (open.isEmpty()) {
                messages.add(ToolExecutionResultMessage.from("another12", "weather", "found " + say("RO", true)));
                return;
            }
            int which = odd ? random.nextInt(open.size()) : 0;
            mixed |= which > 0;
            messages.add(ToolExecutionResultMessage.from(open.remove(which), "found " + say("RR", true)));
        }
    }
}

package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.memory.ChatMemory;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.mlx.prompt.Histories.History;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * README's service, a window of messages with a system message and tools, asks 100 questions through every template of
 * this project, and with {@code -Dgoldens=DIR} of {@code DIR/templates}: none is refused, whatever the window begins
 * with.
 */
class MemoryWindowTest {
    private static final int QUESTIONS = 100;
    private static final String SYSTEM = "You are a travel guide. Be brief.";

    @TempDir
    Path folder;

    /** Texts of prompts, and how much of each the one before begins with. */
    private static final class Reuse {
        long chars;
        long shared;
        String last = "";

        void add(String prompt) {
            int same = 0;
            while (same < Math.min(prompt.length(), last.length()) && prompt.charAt(same) == last.charAt(same)) {
                same++;
            }
            chars += prompt.length();
            shared += same;
            last = prompt;
        }
    }

    /** Plays a service on a template. */
    private static final class Service {
        final ChatTemplate template;
        final boolean tools;
        final ChatMemory memory;
        final Reuse fitted = new Reuse();
        /** Of the same prompts without what fitting makes of them; null where the template refuses one. */
        Reuse plain = new Reuse();

        int asked;
        int changed;

        Service(ChatTemplate template, boolean tools, int window) {
            this.template = template;
            this.tools = tools;
            memory = MessageWindowChatMemory.withMaxMessages(window);
            memory.add(SystemMessage.from(SYSTEM));
        }

        /** A question in four ways: answered at once, by a call, by two calls at once, by a call after a call. */
        void ask(int question) {
            memory.add(UserMessage.from("question UU" + question + "z"));
            int rounds = tools ? new int[] {0, 1, 1, 2}[question % 4] : 0;
            for (int round = 0; round < rounds; round++) {
                prompt();
                List<ToolExecutionRequest> calls = new ArrayList<>();
                for (int i = 0; i < (question % 4 == 2 ? 2 : 1); i++) {
                    calls.add(Histories.call(
                            "Qx%03d%d%dab".formatted(question, round, i), "weather", "{\"city\": \"Oslo " + i + "\"}"));
                }
                memory.add(AiMessage.builder()
                        .thinking("I look " + question)
                        .toolExecutionRequests(calls)
                        .build());
                calls.forEach(call ->
                        memory.add(ToolExecutionResultMessage.from(call, "sunny RR" + question + "z" + call.id())));
            }
            prompt();
            memory.add(AiMessage.builder()
                    .text("answer AA" + question + "z")
                    .thinking("So it is " + question)
                    .build());
        }

        private void prompt() {
            List<ChatMessage> messages = memory.messages();
            List<Map<String, Object>> offered = tools ? Histories.WEATHER : List.of();
            ChatTemplate.Rendered rendered = template.write(MessageMapper.map(messages), offered, Map.of());
            String text = rendered.result().text();
            List<String> words = new ArrayList<>();
            for (ChatMessage message : messages) {
                if (message instanceof UserMessage user) {
                    words.add(user.singleText());
                }
            }
            if (messages.getLast() instanceof ToolExecutionResultMessage result) {
                words.add(result.text());
            }
            assertThat(Histories.missing(words, text)).as(text).isNull();
            assertThat(!(messages.getLast() instanceof UserMessage) || text.contains(SYSTEM))
                    .as(text)
                    .isTrue();
            asked++;
            changed += rendered.changes().isEmpty() ? 0 : 1;
            fitted.add(text);
            String asItIs = plain == null
                    ? null
                    : RandomHistoryTest.asItIs(new History("", offered, messages, List.of()), template);
            if (asItIs == null) {
                plain = null;
            } else {
                plain.add(asItIs);
            }
        }
    }

    @Test
    void hundredQuestionsAreAnsweredWhateverTheWindowBeginsWith() throws IOException {
        int played = 0;
        int prompts = 0;
        int changed = 0;
        List<String> worse = new ArrayList<>();
        Reuse all = new Reuse();
        for (Map.Entry<String, ChatTemplate> template :
                Histories.templates(folder).entrySet()) {
            for (boolean tools : new boolean[] {false, true}) {
                for (int window : tools ? new int[] {40, 11, 4} : new int[] {40}) {
                    Service service = new Service(template.getValue(), tools, window);
                    if (!sees(template.getValue(), tools)) {
                        continue;
                    }
                    for (int question = 0; question < (window == 40 ? QUESTIONS : QUESTIONS / 4); question++) {
                        try {
                            service.ask(question);
                        } catch (LangChain4jException | AssertionError e) {
                            throw new AssertionError(
                                    "%s, window of %d, question %d: %s"
                                            .formatted(template.getKey(), window, question, e.getMessage()),
                                    e);
                        }
                    }
                    played++;
                    prompts += service.asked;
                    changed += service.changed;
                    all.chars += service.fitted.chars;
                    all.shared += service.fitted.shared;
                    if (service.plain != null && service.fitted.shared < service.plain.shared) {
                        worse.add("%s, window of %d: %d of %d chars are shared, %d of %d without fitting"
                                .formatted(
                                        template.getKey(),
                                        window,
                                        service.fitted.shared,
                                        service.fitted.chars,
                                        service.plain.shared,
                                        service.plain.chars));
                    }
                }
            }
        }
        worse.forEach(System.out::println);
        System.out.printf(
                "memory window: %d services, %d prompts, none refused, %d changed; each begins with %.1f %% of the one before%n",
                played, prompts, changed, 100.0 * all.shared / all.chars);
        assertThat(played).isPositive();
        assertThat(worse).isEmpty();
    }

    /** Whether a template can render a plain conversation of this kind. */
    private static boolean sees(ChatTemplate template, boolean tools) {
        List<ChatMessage> kinds = new ArrayList<>(List.of(SystemMessage.from("s"), AiMessage.from("a")));
        if (tools) {
            kinds.add(AiMessage.from(Histories.call("1", "weather", "{}")));
        }
        return new History("kinds", tools ? Histories.WEATHER : List.of(), kinds, List.of()).isFor(template);
    }
}

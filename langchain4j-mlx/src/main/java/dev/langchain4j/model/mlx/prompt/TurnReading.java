package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the text of an assistant's turn says, however it is spelled: read by the parser that reads outputs.
 *
 * @param text the answer, without white space around it
 * @param thinking the reasoning, without white space around it
 * @param calls the tool calls
 * @param thinkingOpen whether the text ends inside of the reasoning
 */
record TurnReading(String text, String thinking, List<Call> calls, boolean thinkingOpen) {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Marks IDs that no text has: what the parser makes up where a format has none. */
    private static final char MADE_UP = '\0';

    /** A tool call; {@code id} is null if none was written. */
    record Call(String id, String name, JsonNode arguments) {
        boolean means(Call that) {
            return name.equals(that.name)
                    && arguments.equals(that.arguments)
                    && (id == null || that.id == null || id.equals(that.id));
        }
    }

    /**
     * Reads a turn.
     *
     * @param turn from behind what opens an assistant's turn up to what ends it
     * @param reasoningOpen whether the reasoning was opened before
     */
    static TurnReading of(String turn, OutputFormat format, boolean reasoningOpen) {
        Reader reader = new Reader();
        AtomicInteger ids = new AtomicInteger();
        OutputParser parser = format.parser(reader, reasoningOpen)
                .ids(() -> MADE_UP + Integer.toString(ids.incrementAndGet()))
                .build();
        parser.accept(turn);
        parser.finish();
        return new TurnReading(
                reader.text.toString().strip(),
                reader.thinking.toString().strip(),
                List.copyOf(reader.calls),
                parser.isThinking());
    }

    /** Whether both say the same. An ID that only one of them has was made up, and says nothing. */
    boolean means(TurnReading that) {
        if (!text.equals(that.text)
                || !thinking.equals(that.thinking)
                || thinkingOpen != that.thinkingOpen
                || calls.size() != that.calls.size()) {
            return false;
        }
        for (int i = 0; i < calls.size(); i++) {
            if (!calls.get(i).means(that.calls.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** Arguments as a value, so that spacing, escapes and the order of keys do not matter; broken JSON is its text. */
    static JsonNode arguments(String json) {
        if (json == null || json.isBlank()) {
            return JSON.createObjectNode();
        }
        try {
            return Objects.requireNonNull(JSON.readTree(json));
        } catch (JacksonException e) {
            return TextNode.valueOf(json);
        }
    }

    private static final class Reader implements OutputSink {
        private final StringBuilder text = new StringBuilder();
        private final StringBuilder thinking = new StringBuilder();
        private final List<Call> calls = new ArrayList<>();

        @Override
        public void text(String piece) {
            text.append(piece);
        }

        @Override
        public void thinking(String piece) {
            thinking.append(piece);
        }

        @Override
        public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

        @Override
        public void toolCall(int index, String id, String name, String json) {
            calls.add(new Call(id.charAt(0) == MADE_UP ? null : id, name, TurnReading.arguments(json)));
        }
    }
}

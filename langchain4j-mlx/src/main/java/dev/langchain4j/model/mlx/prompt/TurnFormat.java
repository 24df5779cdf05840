package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** A generated turn as bytes, so that it is recognised after a restart. */
final class TurnFormat {
    private static final int VERSION = 1;
    private static final int NONE = -1;
    private static final ObjectMapper JSON = new ObjectMapper();

    private TurnFormat() {}

    /** @param conversation the name of its memory ID, null for none */
    static byte[] write(GeneratedTurn turn, byte[] conversation) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(VERSION);
            write(out, conversation);
            out.writeBoolean(turn.isolated);
            out.writeLong(turn.context.high());
            out.writeLong(turn.context.low());
            write(out, turn.content.text());
            out.writeInt(turn.content.calls().size());
            for (TurnContent.Call call : turn.content.calls()) {
                write(out, call.id(), call.name(), call.arguments());
            }
            write(out, turn.reading.text());
            write(out, turn.reading.thinking());
            out.writeBoolean(turn.reading.thinkingOpen());
            out.writeInt(turn.reading.calls().size());
            for (TurnReading.Call call : turn.reading.calls()) {
                write(out, call.id(), call.name(), call.arguments());
            }
            write(out, turn.before.leading());
            write(out, turn.before.text());
            write(out, turn.before.ids());
            write(out, turn.before.ends());
            write(out, turn.before.spelled().bounds());
            write(out, turn.opening);
            write(out, turn.emptyReasoning);
            out.writeBoolean(turn.reasoningOpen);
            write(out, turn.tokens);
            write(out, turn.rest);
            out.writeInt(turn.endToken);
            out.writeInt(turn.textLength);
        } catch (IOException e) {
            throw new IllegalStateException("memory cannot fail", e);
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, String id, String name, JsonNode arguments) throws IOException {
        write(out, id);
        write(out, name);
        write(out, arguments.toString());
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        write(out, text == null ? null : text.getBytes(StandardCharsets.UTF_16BE));
    }

    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? NONE : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    private static void write(DataOutputStream out, int[] numbers) throws IOException {
        out.writeInt(numbers.length);
        for (int number : numbers) {
            out.writeInt(number);
        }
    }

    /**
     * Reads a turn.
     *
     * @param ids the memory ID of a name
     * @throws IOException if it is none, or one of another version
     */
    static GeneratedTurn read(byte[] bytes, Function<byte[], Object> ids) throws IOException {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            if (in.readByte() != VERSION) {
                throw new IOException("another version");
            }
            byte[] name = bytes(in);
            Object conversation = name == null ? null : ids.apply(name);
            if (name != null && conversation == null) {
                throw new IOException("no memory ID");
            }
            boolean isolated = in.readBoolean();
            Context context = new Context(in.readLong(), in.readLong());
            TurnContent content = content(in);
            TurnReading reading = reading(in);
            Piece before = new Piece(text(in), text(in), numbers(in), numbers(in), TextRanges.of(numbers(in)));
            PromptOrigin origin = new PromptOrigin(
                    null,
                    context,
                    new ExpectedTurn(conversation),
                    isolated,
                    before,
                    text(in),
                    text(in),
                    in.readBoolean());
            return new GeneratedTurn(content, reading, origin, numbers(in), text(in), in.readInt(), in.readInt());
        } catch (RuntimeException e) {
            throw new IOException("no turn", e);
        }
    }

    private static TurnContent content(DataInputStream in) throws IOException {
        String text = text(in);
        List<TurnContent.Call> calls = new ArrayList<>();
        for (int i = in.readInt(); i > 0; i--) {
            calls.add(new TurnContent.Call(text(in), text(in), JSON.readTree(text(in))));
        }
        return new TurnContent(text, List.copyOf(calls));
    }

    private static TurnReading reading(DataInputStream in) throws IOException {
        String text = text(in);
        String thinking = text(in);
        boolean thinkingOpen = in.readBoolean();
        List<TurnReading.Call> calls = new ArrayList<>();
        for (int i = in.readInt(); i > 0; i--) {
            calls.add(new TurnReading.Call(text(in), text(in), JSON.readTree(text(in))));
        }
        return new TurnReading(text, thinking, List.copyOf(calls), thinkingOpen);
    }

    private static String text(DataInputStream in) throws IOException {
        byte[] bytes = bytes(in);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_16BE);
    }

    private static byte[] bytes(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length > in.available()) {
            throw new IOException("too short");
        }
        return length == NONE ? null : in.readNBytes(length);
    }

    private static int[] numbers(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > in.available() / Integer.BYTES) {
            throw new IOException("too short");
        }
        int[] numbers = new int[length];
        for (int i = 0; i < length; i++) {
            numbers[i] = in.readInt();
        }
        return numbers;
    }
}

package dev.langchain4j.model.mlx.parse;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A sink that remembers what it was given, and checks that pieces add up. */
final class Recorder implements OutputSink {

    record Call(int index, String id, String name, String arguments) {}

    final StringBuilder text = new StringBuilder();
    final StringBuilder thinking = new StringBuilder();
    final List<Call> calls = new ArrayList<>();
    final List<String> malformed = new ArrayList<>();
    final List<String> reasons = new ArrayList<>();
    /** Texts in the order of their delivery, neighbours of a kind joined. */
    final List<String> order = new ArrayList<>();

    /** Pieces of arguments by the ID of their call. */
    final Map<String, StringBuilder> partials = new LinkedHashMap<>();

    private String lastKind = "";

    @Override
    public void text(String piece) {
        text.append(piece);
        put("text", piece);
    }

    @Override
    public void thinking(String piece) {
        thinking.append(piece);
        put("thinking", piece);
    }

    @Override
    public void partialToolCall(int index, String id, String name, String argumentsPiece) {
        if (argumentsPiece.isEmpty() || name.isBlank()) {
            throw new AssertionError("empty partial tool call");
        }
        if (index != calls.size()) {
            throw new AssertionError("a piece of call " + index + " behind " + calls.size() + " calls");
        }
        partials.computeIfAbsent(id, i -> new StringBuilder()).append(argumentsPiece);
    }

    @Override
    public void toolCall(int index, String id, String name, String arguments) {
        if (index != calls.size() || !partials.get(id).toString().equals(arguments)) {
            throw new AssertionError("pieces " + partials.get(id) + " are not the arguments " + arguments);
        }
        calls.add(new Call(index, id, name, arguments));
        put("call", "");
    }

    @Override
    public void malformedToolCall(String raw, String reason) {
        malformed.add(raw);
        reasons.add(reason);
        text(raw);
    }

    private void put(String kind, String piece) {
        if (!kind.equals("call") && piece.isEmpty()) {
            throw new AssertionError("empty piece of " + kind);
        }
        if (kind.equals(lastKind) && !kind.equals("call")) {
            order.set(order.size() - 1, order.getLast() + piece);
        } else {
            order.add(piece);
        }
        lastKind = kind;
    }

    /** Everything that must not depend on how the output was cut. */
    String summary() {
        return "text=" + text + "\nthinking=" + thinking + "\ncalls=" + calls + "\nmalformed=" + malformed
                + "\nreasons=" + reasons;
    }

    static Supplier<String> countingIds() {
        int[] next = {0};
        return () -> "id" + next[0]++;
    }
}

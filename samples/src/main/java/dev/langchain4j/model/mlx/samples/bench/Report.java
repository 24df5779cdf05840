package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Prints a table a section, as docs/benchmarks.md has it, and the same as a line of JSON. */
final class Report {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final PrintStream out;
    private String section;
    private List<String> columns;
    private final List<Map<String, Object>> rows = new ArrayList<>();

    Report(PrintStream out) {
        this.out = out;
    }

    /** Begins a table. */
    void table(String name, String title, String... header) {
        section = name;
        columns = List.of(header);
        rows.clear();
        out.printf("%n### %s%n%n", title);
        out.println("| " + String.join(" | ", header) + " |");
        out.println("|---".repeat(header.length) + "|");
    }

    /** A row: texts, numbers, spreads (shown as "least, middle"), or null where nothing was measured. */
    void row(Object... cells) {
        Map<String, Object> row = new LinkedHashMap<>();
        List<String> shown = new ArrayList<>();
        for (int i = 0; i < cells.length; i++) {
            shown.add(show(cells[i]));
            if (cells[i] != null) {
                row.put(columns.get(i), cells[i]);
            }
        }
        rows.add(row);
        out.println("| " + String.join(" | ", shown) + " |");
    }

    /** Ends the table with its line of JSON. */
    void end() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("section", section);
        line.put("rows", rows);
        out.println();
        json(line);
    }

    void json(Object line) {
        try {
            out.println(JSON.writeValueAsString(line));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
        out.flush();
    }

    void say(String text) {
        out.println(text);
        out.flush();
    }

    private static String show(Object cell) {
        return switch (cell) {
            case null -> "-";
            case Spread s -> number(s.min()) + ", " + number(s.median());
            case Double d -> number(d);
            default -> cell.toString();
        };
    }

    /** Three digits that matter. */
    private static String number(double value) {
        double size = Math.abs(value);
        int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}

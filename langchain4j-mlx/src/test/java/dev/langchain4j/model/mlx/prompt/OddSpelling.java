package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes what a template wrote in another way that means the same, as models do. */
final class OddSpelling {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String[] GAPS = {"", " ", "  ", "\n", "\n  "};

    private final Random random;
    private final boolean withoutIds;

    /** @param withoutIds leaves IDs of calls out, as many models do */
    OddSpelling(Random random, boolean withoutIds) {
        this.random = random;
        this.withoutIds = withoutIds;
    }

    /** Respells every JSON object and list of objects in a text, and the gaps between tags. */
    String of(String turn) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < turn.length()) {
            char c = turn.charAt(at);
            int end = c == '{' || c == '[' ? end(turn, at) : -1;
            if (end < 0) {
                out.append(c);
                at++;
            } else {
                write(read(turn.substring(at, end)), out, true);
                at = end;
            }
        }
        return out.toString().replace(">\n<parameter", ">\n \n<parameter").replace(">\n</function", "> \n</function");
    }

    /** Where the JSON value that begins here ends, if it is one with names in it. */
    private static int end(String text, int from) {
        try (JsonParser parser = JSON.createParser(text.substring(from))) {
            int depth = 0;
            boolean names = false;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                names |= token == JsonToken.FIELD_NAME;
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                if (depth == 0) {
                    return names ? from + (int) parser.currentLocation().getCharOffset() : -1;
                }
            }
            return -1;
        } catch (IOException e) {
            return -1;
        }
    }

    private static JsonNode read(String json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void write(JsonNode node, StringBuilder out, boolean top) {
        if (node.isObject()) {
            List<Map.Entry<String, JsonNode>> fields = new ArrayList<>(node.properties());
            if (top && withoutIds) {
                fields.removeIf(field -> field.getKey().equals("id"));
            }
            if (!top) {
                Collections.shuffle(fields, random);
            }
            out.append('{').append(gap());
            for (int i = 0; i < fields.size(); i++) {
                out.append(i == 0 ? "" : gap() + "," + gap());
                string(fields.get(i).getKey(), out);
                out.append(gap()).append(':').append(gap());
                write(fields.get(i).getValue(), out, false);
            }
            out.append(gap()).append('}');
        } else if (node.isArray()) {
            out.append('[').append(gap());
            for (int i = 0; i < node.size(); i++) {
                out.append(i == 0 ? "" : gap() + "," + gap());
                write(node.get(i), out, top);
            }
            out.append(gap()).append(']');
        } else if (node.isTextual()) {
            string(node.asText(), out);
        } else {
            out.append(node);
        }
    }

    private String gap() {
        return GAPS[random.nextInt(GAPS.length)];
    }

    private void string(String text, StringBuilder out) {
        out.append('"');
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                out.append('\\').appendCodePoint(c);
            } else if (c == '\n') {
                out.append(random.nextBoolean() ? "\\n" : "\\u000a");
            } else if (c == '/' && random.nextBoolean()) {
                out.append("\\/");
            } else if (c < ' ' || c > '~' && random.nextBoolean()) {
                for (char unit : Character.toChars(c)) {
                    out.append("\\u%04x".formatted((int) unit));
                }
            } else {
                out.appendCodePoint(c);
            }
        });
        out.append('"');
    }
}

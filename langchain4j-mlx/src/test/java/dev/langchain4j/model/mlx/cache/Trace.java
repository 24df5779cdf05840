package dev.langchain4j.model.mlx.cache;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.zip.CRC32;

/** The requests of a workload, each with its prompt and its output as a list of named segments. */
record Trace(String name, List<Request> requests) {
    private static final ObjectMapper JSON = new ObjectMapper();
    static final int STATE_BYTES = 256;
    private static final Map<String, int[]> SEGMENTS = new HashMap<>();

    /** So many tokens that its name stands for. */
    record Segment(String name, int length, String role) {
        private int[] tokens() {
            int[] known = SEGMENTS.get(name);
            if (known == null || known.length < length) {
                known = new int[length];
                CRC32 crc = new CRC32();
                for (int i = 0; i < length; i++) {
                    crc.reset();
                    crc.update((name + ":" + i).getBytes(StandardCharsets.UTF_8));
                    known[i] = (int) (crc.getValue() % 50000);
                }
                SEGMENTS.put(name, known);
            }
            return Arrays.copyOf(known, length);
        }
    }

    /** One request: who asks, what, and what comes out. */
    record Request(String conversation, boolean toolCall, List<Segment> prompt, List<Segment> output) {
        int[] promptTokens() {
            return tokens(prompt);
        }

        int[] outputTokens() {
            return tokens(output);
        }

        int promptLength() {
            return prompt.stream().mapToInt(Segment::length).sum();
        }

        /** The position after the last segment of this role; 0 if there is none. */
        int endOf(String role) {
            int position = 0;
            int end = 0;
            for (Segment segment : prompt) {
                position += segment.length;
                end = segment.role.equals(role) ? position : end;
            }
            return end;
        }

        /** The ends of the system part and of the last user message, as the engine would name them. */
        List<Boundary> boundaries() {
            return List.of(new Boundary(endOf("system"), Tier.SYSTEM), new Boundary(endOf("user"), Tier.USER));
        }
    }

    static int[] tokens(List<Segment> segments) {
        return CacheHarness.concat(segments.stream().map(Segment::tokens).toArray(int[][]::new));
    }

    static Trace read(Path file) throws IOException {
        List<Request> requests = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isBlank()) {
                JsonNode json = JSON.readTree(line);
                requests.add(new Request(
                        json.get("conversation").asText(),
                        json.get("tool_call").asBoolean(),
                        segments(json.get("prompt")),
                        segments(json.get("output"))));
            }
        }
        return new Trace(file.getFileName().toString().replace(".jsonl", ""), requests);
    }

    private static List<Segment> segments(JsonNode list) {
        List<Segment> segments = new ArrayList<>();
        for (JsonNode segment : list) {
            segments.add(new Segment(
                    segment.get(0).asText(),
                    segment.get(1).asInt(),
                    segment.get(2).asText()));
        }
        return segments;
    }

    long promptTokens() {
        return requests.stream().mapToLong(Request::promptLength).sum();
    }

    int longestPrompt() {
        return requests.stream().mapToInt(Request::promptLength).max().orElse(0);
    }

    /** Tokens that the real cache reuses over fake layers, where a token takes a byte and a recurrent state 256. */
    long replay(long budget, boolean fullAttention) {
        return replay(CacheLimits.ofBytes(budget), fullAttention);
    }

    long replay(CacheLimits limits, boolean fullAttention) {
        return replay(limits, fullAttention, harness -> {});
    }

    /** @param use is called before the first request, and after each */
    long replay(CacheLimits limits, boolean fullAttention, Consumer<CacheHarness> use) {
        Kind[] kinds = fullAttention ? new Kind[] {Kind.SLICEABLE} : new Kind[] {Kind.SLICEABLE, Kind.RECURRENT};
        CacheHarness harness = new CacheHarness(limits, STATE_BYTES, kinds);
        harness.chunkTokens = 512;
        use.accept(harness);
        long reused = 0;
        for (Request request : requests) {
            reused += harness.run(
                    request.conversation,
                    request.promptTokens(),
                    request.outputTokens(),
                    request.toolCall ? Outcome.TOOL_CALL : Outcome.FINISHED,
                    request.boundaries().toArray(new Boundary[0]));
            use.accept(harness);
            long held = harness.stats().bytesHeld();
            if (held > limits.bytesMax()) {
                throw new AssertionError("%d bytes held, limit %d".formatted(held, limits.bytesMax()));
            }
        }
        harness.close();
        return reused;
    }
}

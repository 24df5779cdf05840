package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

/**
 * Replays agent workloads through the cache over fake layers, where a token takes a byte and a recurrent state 256,
 * and compares the tokens that are reused with mlx-lm's cache and with ideal radix trees of the same budget.
 */
class CacheTraceGoldenTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STATE_BYTES = 256;
    /** Recurrent layers may cost this much of the prompt tokens beside full attention. */
    private static final double RECURRENT_LOSS_MAX = 0.03;

    /**
     * Five system prefixes of 2300 tokens and a budget of three prompts: the states that resume them and the running
     * conversations take 15% of the bytes, and a state is evicted whole, with all tokens that only it resumes.
     */
    private static final Set<String> LOSES_MORE = Set.of("five-apps at 18825, recurrent");

    private record Request(
            String conversation, boolean toolCall, int[] prompt, int[] output, List<Boundary> boundaries) {}

    private final Map<String, int[]> segments = new HashMap<>();

    @Test
    void reusesWhatAnIdealCacheOfTheSameSizeWould() throws IOException {
        Path folder = folder();
        JsonNode results = JSON.readTree(folder.resolve("results.json").toFile());
        ArrayNode report = JSON.createArrayNode();
        List<String> failures = new ArrayList<>();
        List<String> known = new ArrayList<>();
        Map<String, Long> fullAttention = new HashMap<>();
        System.out.printf(
                "%-20s %11s %-9s %9s %9s %9s %9s %9s %6s%n",
                "trace", "budget", "kind", "mlx-lm", "this", "radix", "clairv.", "limit", "gap");
        for (JsonNode row : results) {
            Path file = folder.resolve(row.get("trace").asText() + ".jsonl");
            if (!Files.exists(file)) {
                continue;
            }
            boolean full = row.get("trimmable").asBoolean();
            String place = row.get("trace").asText() + " at "
                    + row.get("budget_tokens").asText();
            long reused = replay(read(file), row.get("budget_tokens").asLong(), full);
            long least = row.get("reused_radix_lru").asLong();
            if (full) {
                fullAttention.put(place, reused);
            } else {
                long allowed =
                        (long) (RECURRENT_LOSS_MAX * row.get("prompt_tokens").asLong());
                least = Math.max(row.get("reused_mlx_lm").asLong(), fullAttention.getOrDefault(place, 0L) - allowed);
            }
            String kind = place + (full ? ", full attention" : ", recurrent");
            if (reused < least) {
                String failure = "%s: %d tokens reused, at least %d expected".formatted(kind, reused, least);
                (LOSES_MORE.contains(kind) && reused >= row.get("reused_mlx_lm").asLong() ? known : failures)
                        .add(failure);
            }
            report.add(report(row, reused, full));
        }
        known.forEach(failure -> System.out.println("known: " + failure));
        failures.forEach(System.out::println);
        System.out.println(JSON.writeValueAsString(report));
        System.out.printf(
                "golden cache-traces: %d of %d passed%n",
                report.size() - failures.size() - known.size(), report.size());
        assertThat(report.size()).as("cases in " + folder).isPositive();
        assertThat(failures).isEmpty();
    }

    private static Path folder() {
        String goldens = System.getProperty("goldens", "");
        Path root = goldens.isEmpty() ? Path.of("src/test/resources/goldens") : Path.of(goldens);
        return root.resolve("cache-traces");
    }

    private static ObjectNode report(JsonNode row, long reused, boolean full) {
        long lru = row.get("reused_radix_lru").asLong();
        long clairvoyant = row.get("reused_clairvoyant").asLong();
        String gap = clairvoyant == lru ? "" : "%.2f".formatted((double) (reused - lru) / (clairvoyant - lru));
        System.out.printf(
                "%-20s %11d %-9s %9d %9d %9d %9d %9d %6s%n",
                row.get("trace").asText(),
                row.get("budget_tokens").asLong(),
                full ? "full" : "recurrent",
                row.get("reused_mlx_lm").asLong(),
                reused,
                lru,
                clairvoyant,
                row.get("reused_limit").asLong(),
                gap);
        ObjectNode result = JSON.createObjectNode();
        result.set("trace", row.get("trace"));
        result.set("budget_tokens", row.get("budget_tokens"));
        result.put("kind", full ? "full attention" : "recurrent");
        result.set("prompt_tokens", row.get("prompt_tokens"));
        result.set("reused_mlx_lm", row.get("reused_mlx_lm"));
        result.put("reused", reused);
        result.set("reused_limit", row.get("reused_limit"));
        result.put("reused_radix_lru", lru);
        result.put("reused_clairvoyant", clairvoyant);
        return result;
    }

    private static long replay(List<Request> requests, long budget, boolean full) {
        Kind[] kinds = full ? new Kind[] {Kind.SLICEABLE} : new Kind[] {Kind.SLICEABLE, Kind.RECURRENT};
        CacheHarness harness = new CacheHarness(CacheLimits.ofBytes(budget), STATE_BYTES, kinds);
        harness.chunkTokens = 512;
        long reused = 0;
        for (Request request : requests) {
            reused += harness.run(
                    request.conversation,
                    request.prompt,
                    request.output,
                    request.toolCall ? Outcome.TOOL_CALL : Outcome.FINISHED,
                    request.boundaries.toArray(new Boundary[0]));
            assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(budget);
        }
        harness.close();
        return reused;
    }

    private List<Request> read(Path file) throws IOException {
        List<Request> requests = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isBlank()) {
                JsonNode json = JSON.readTree(line);
                requests.add(new Request(
                        json.get("conversation").asText(),
                        json.get("tool_call").asBoolean(),
                        tokens(json.get("prompt")),
                        tokens(json.get("output")),
                        boundaries(json.get("prompt"))));
            }
        }
        return requests;
    }

    /** The ends of the system part and of the last user message, as the engine would name them. */
    private static List<Boundary> boundaries(JsonNode prompt) {
        int position = 0;
        int system = 0;
        int user = 0;
        for (JsonNode segment : prompt) {
            position += segment.get(1).asInt();
            switch (segment.get(2).asText()) {
                case "system" -> system = position;
                case "user" -> user = position;
                default -> {}
            }
        }
        return List.of(new Boundary(system, Tier.SYSTEM), new Boundary(user, Tier.USER));
    }

    private int[] tokens(JsonNode list) {
        List<int[]> parts = new ArrayList<>();
        for (JsonNode segment : list) {
            parts.add(segment(segment.get(0).asText(), segment.get(1).asInt()));
        }
        return CacheHarness.concat(parts.toArray(new int[0][]));
    }

    private int[] segment(String name, int length) {
        return segments.computeIfAbsent(name + "#" + length, k -> {
            int[] tokens = new int[length];
            for (int i = 0; i < length; i++) {
                CRC32 crc = new CRC32();
                crc.update((name + ":" + i).getBytes(StandardCharsets.UTF_8));
                tokens[i] = (int) (crc.getValue() % 50000);
            }
            return tokens;
        });
    }
}

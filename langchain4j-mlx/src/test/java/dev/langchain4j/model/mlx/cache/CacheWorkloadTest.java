package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Workloads of many shapes, each from a seed, through the cache over fake layers, beside ideal radix trees and mlx-lm's
 * cache of the same bytes. {@code -Dworkloads=N} plays N of them, {@code -Dseed=N} begins with that one.
 */
class CacheWorkloadTest {
    private static final double[] BUDGETS = {1.5, 2, 3, 5};
    /** How far one case may fall below the tree that evicts the least recently used, of its prompt tokens. */
    private static final double SHORTFALL_MAX = 0.01;

    /** The simulators are worth something only if they give the figures that others computed. */
    @Test
    void theSimulatorsGiveTheGoldenFigures() throws IOException {
        Path folder = Goldens.folder("cache-traces");
        JsonNode rows =
                new ObjectMapper().readTree(folder.resolve("results.json").toFile());
        int checked = 0;
        for (JsonNode row : rows) {
            Path file = folder.resolve(row.get("trace").asText() + ".jsonl");
            if (!Files.exists(file)) {
                continue;
            }
            Trace trace = Trace.read(file);
            long budget = row.get("budget_tokens").asLong();
            boolean trimmable = row.get("trimmable").asBoolean();
            String place = trace.name() + " at " + budget;
            assertThat(trace.promptTokens())
                    .as(place)
                    .isEqualTo(row.get("prompt_tokens").asLong());
            if (trimmable) {
                assertThat(IdealTree.leastRecentlyUsed(trace, budget))
                        .as(place)
                        .isEqualTo(row.get("reused_radix_lru").asLong());
                assertThat(IdealTree.clairvoyant(trace, budget))
                        .as(place)
                        .isEqualTo(row.get("reused_clairvoyant").asLong());
            }
            // Where reasoning is dropped, its server cuts the prompt a few tokens away from where this model of it
            // does.
            double close = trimmable ? 0 : 1e-4;
            double figure = row.get("reused_mlx_lm").asDouble();
            assertThat((double) LruPromptCacheModel.reused(trace, budget, trimmable))
                    .as(place)
                    .isBetween(figure * (1 - close), figure * (1 + close));
            checked++;
        }
        assertThat(checked).isPositive();
    }

    @Test
    void reusesMoreThanTheLeastRecentlyUsedTreeOverWorkloadsOfAllShapes() {
        int workloads = Integer.getInteger("workloads", 12);
        int first = Integer.getInteger("seed", 0);
        List<String> below = new ArrayList<>();
        List<String> broken = new ArrayList<>();
        int cases = 0;
        int contested = 0;
        long ours = 0;
        long lru = 0;
        long best = 0;
        long byTier = 0;
        for (int seed = first; seed < first + workloads; seed++) {
            Trace trace = Workload.of(seed);
            for (double factor : BUDGETS) {
                long budget = (long) (factor * trace.longestPrompt());
                long least = IdealTree.leastRecentlyUsed(trace, budget);
                long most = IdealTree.clairvoyant(trace, budget);
                long reused = trace.replay(budget, true);
                String place = "%s at %.1f prompts".formatted(trace.name(), factor);
                cases++;
                if (most > least) {
                    contested++;
                    ours += reused;
                    lru += least;
                    best += most;
                    byTier += trace.replay(CacheLimits.ofBytes(budget).evicting(EvictionOrder.byTier()), true);
                }
                double shortfall = (double) (least - reused) / trace.promptTokens();
                if (shortfall > 0) {
                    below.add("%s: %d reused, %d by the tree, %.2f%%".formatted(place, reused, least, 100 * shortfall));
                }
                if (shortfall > SHORTFALL_MAX) {
                    broken.add(below.getLast());
                }
                long recurrent = trace.replay(budget, false);
                long mlx = LruPromptCacheModel.reused(trace, budget, false);
                if (recurrent < mlx) {
                    broken.add("%s, recurrent: %d reused, %d by mlx-lm".formatted(place, recurrent, mlx));
                }
            }
        }
        below.forEach(line -> System.out.println("below: " + line));
        double share = (double) (ours - lru) / (best - lru);
        System.out.printf(
                "workloads from seed %d: %d cases, %d contested, %.2f of the gap to clairvoyant (by tier: %.2f), %d below%n",
                first, cases, contested, share, (double) (byTier - lru) / (best - lru), below.size());
        assertThat(broken).isEmpty();
        assertThat(share).as("share of the gap").isGreaterThan(0.4);
    }
}

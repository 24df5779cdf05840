package dev.langchain4j.model.mlx.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.RankProcesses;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two and four JVMs compute together what one computes, for each architecture that can be split. */
@Timeout(600)
class SplitGoldenTest {
    private static final List<String> FOLDERS = List.of(
            "llama",
            "llama-q4",
            "mistral",
            "qwen2",
            "qwen3",
            "qwen3-q8",
            "qwen3-mxfp4",
            "qwen3_moe",
            "qwen3_moe-mixed-affine",
            "qwen3_next",
            "qwen3_5",
            "qwen3_5_moe",
            "gpt_oss",
            "glm4_moe",
            "deepseek_v3",
            "qwen3-q8+kv8");

    @TempDir
    Path folder;

    @Test
    void twoRanksComputeWhatOneComputes() throws Exception {
        compare(2);
    }

    /** Heads and groups that three ranks cannot share evenly stay whole on each of them. */
    @Test
    void threeRanksComputeWhatOneComputes() throws Exception {
        compare(3);
    }

    @Test
    void fourRanksComputeWhatOneComputes() throws Exception {
        compare(4);
    }

    private void compare(int count) throws Exception {
        List<String> models = new ArrayList<>();
        for (String name : FOLDERS) {
            models.add(Goldens.folder("models").resolve(name).toString());
        }
        try (RankProcesses ranks = RankProcesses.start(folder, SplitModels.class, Collections.nCopies(count, models))) {
            ranks.ends(0, 300);
            String output = ranks.output(0);
            List<String> lines =
                    output.lines().filter(line -> line.contains(" gap ")).toList();
            assertThat(lines).as(output).hasSize(FOLDERS.size());
            for (String line : lines) {
                String[] words = line.split(" ");
                assertThat(Double.parseDouble(words[2])).as(line).isLessThan(1e-4);
                assertThat(words[4]).as(line).isEqualTo("true");
            }
            assertThat(output).contains("done").doesNotContain("leaked");
            for (int rank = 1; rank < count; rank++) {
                assertThat(ranks.ends(rank, 30)).as("rank " + rank + " ended").isTrue();
                assertThat(ranks.output(rank)).contains("done").doesNotContain("leaked");
            }
        }
    }
}

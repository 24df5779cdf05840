package dev.langchain4j.model.mlx.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.arch.RawModels;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.RandomAdapter;
import dev.langchain4j.model.mlx.testing.RankProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two and four JVMs compute together what one computes, for each architecture that can be split. */
@Timeout(600)
class SplitGoldenTest {
    @TempDir
    Path folder;

    @Test
    void twoRanksComputeWhatOneComputes() throws Exception {
        compare(2, splitModels());
    }

    /** Heads and groups that three ranks cannot share evenly stay whole on each of them. */
    @Test
    void threeRanksComputeWhatOneComputes() throws Exception {
        compare(3, splitModels());
    }

    @Test
    void fourRanksComputeWhatOneComputes() throws Exception {
        compare(4, splitModels());
    }

    /** Wide enough that each rank reads its part of what is rearranged. */
    @Test
    void twoRanksOfRawFoldersComputeWhatOneComputes() throws Exception {
        List<String> models = new ArrayList<>();
        for (String name : RawModels.names()) {
            models.add(RawModels.write(folder.resolve(name), name).toString());
        }
        compare(2, models);
    }

    /** LoRA and DoRA, of plain and quantized matrices, experts and embeddings, and weights that were replaced. */
    @Test
    void twoRanksWithAnAdapterComputeWhatOneComputes() throws Exception {
        List<String> models = new ArrayList<>();
        try (Stream<Path> all = Files.list(Goldens.own("adapters"))) {
            for (Path adapter : all.sorted().toList()) {
                String model = JsonFiles.read(adapter.resolve("adapter_config.json"))
                        .get("model")
                        .asText();
                Path folder = Goldens.own("models").resolve(model);
                for (String way : List.of("", SplitModels.PIPELINE)) {
                    models.add(folder + way + SplitModels.ADAPTER + adapter);
                }
            }
        }
        models.add(withRowLengths("qwen2", "q_proj", "v_proj", "o_proj", "up_proj", "down_proj"));
        models.add(withRowLengths("llama-q4", "q_proj", "v_proj", "o_proj", "up_proj", "down_proj"));
        models.add(withRowLengths("gpt_oss", "k_proj", "o_proj"));
        models.add(withRowLengths("qwen3_5", "in_proj_qkv", "out_proj", "o_proj"));
        compare(2, models);
    }

    /** A model with DoRA of layers of which ranks have rows and of others of which they have columns. */
    private String withRowLengths(String name, String... layers) {
        Path model = Goldens.own("models").resolve(name);
        Path adapter = RandomAdapter.write(folder.resolve(name + "-adapter"), model, true, List.of(layers));
        return model + SplitModels.ADAPTER + adapter;
    }

    /** Some layers for each rank: of every kind of layers that need not be in one place. */
    @Test
    void twoRanksOfAPipelineComputeWhatOneComputes() throws Exception {
        List<String> models = new ArrayList<>();
        for (String name : Goldens.modelsByLayers()) {
            Path model = Goldens.folder("models").resolve(name);
            if (canBe(() -> ModelRegistry.checkStages(ModelFolder.config(model)))) {
                models.add(model + SplitModels.PIPELINE);
            }
        }
        compare(2, models);
    }

    /** The rank in the middle has neither a beginning nor an end, and no model here has heads for three. */
    @Test
    void threeRanksOfAPipelineComputeWhatOneComputes() throws Exception {
        Path models = Goldens.folder("models");
        compare(
                3,
                List.of(
                        models.resolve("qwen3-q8" + SplitModels.QUANTIZED + SplitModels.PIPELINE)
                                .toString(),
                        models.resolve("qwen3_next" + SplitModels.PIPELINE).toString()));
    }

    /** Whatever it was that failed: the others wait then for what this rank will never begin. */
    @Test
    void aPassThatFailsHalfwayIsTheEndOfAllRanksAndARequestsOwnFailureIsNot() throws Exception {
        List<String> model = List.of(Goldens.folder("models")
                .resolve("qwen3-q8" + SplitModels.HALFWAY)
                .toString());
        try (RankProcesses ranks = RankProcesses.start(folder, SplitModels.class, List.of(model, model))) {
            assertThat(ranks.ends(0, 100)).as(ranks.output(0)).isTrue();
            assertThat(ranks.output(0).lines().filter(line -> line.equals("its own true")))
                    .as(ranks.output(0))
                    .hasSize(3);
            assertThat(ranks.output(0))
                    .contains("LOST a step failed on rank 0: halfway", "explained", "RankLostException");
            assertThat(ranks.ends(1, 100)).as(ranks.output(1)).isTrue();
            assertThat(ranks.output(1)).contains("closed its connection");
        }
    }

    /** The folders of all architectures that can be split, and one of them with KV caches in few bits. */
    private static List<String> splitModels() throws IOException {
        List<String> models = new ArrayList<>();
        for (String name : Goldens.models()) {
            Path model = Goldens.folder("models").resolve(name);
            if (canBe(() -> ModelRegistry.checkSplits(ModelFolder.config(model)))) {
                models.add(model.toString());
            }
        }
        models.add(Goldens.folder("models")
                .resolve("qwen3-q8" + SplitModels.QUANTIZED)
                .toString());
        return models;
    }

    private static boolean canBe(Runnable check) {
        try {
            check.run();
            return true;
        } catch (InvalidRequestException e) {
            return false;
        }
    }

    private void compare(int count, List<String> models) throws Exception {
        try (RankProcesses ranks = RankProcesses.start(folder, SplitModels.class, Collections.nCopies(count, models))) {
            ranks.ends(0, 300);
            String output = ranks.output(0);
            List<String> lines =
                    output.lines().filter(line -> line.contains(" gap ")).toList();
            assertThat(lines).as(output).hasSize(models.size());
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

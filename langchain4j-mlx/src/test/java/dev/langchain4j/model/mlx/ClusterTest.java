package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.RandomAdapter;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.RankProcesses;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A model of several JVMs answers as one does, and ends its requests when one of them is lost. */
@Timeout(400)
class ClusterTest {
    /** Far more than the timeout of a step, which is 5 seconds. */
    private static final long SECONDS_MAX = 100;

    @TempDir
    Path folder;

    private RankProcesses start(int ranks, String mode, Path... models) throws Exception {
        List<List<String>> arguments = new ArrayList<>();
        for (int i = 0; i < ranks; i++) {
            arguments.add(List.of(mode, models[Math.min(i, models.length - 1)].toString()));
        }
        return RankProcesses.start(folder, ClusterChat.class, arguments);
    }

    @Test
    void twoRanksGiveTheAnswersOfOne() throws Exception {
        String output = compareWithOne(DemoModel.folder());
        assertThat(output).contains(" drafted [FORCED, DRAFT_MODEL]", "meter ranks VALUE 2.0");
        for (String counted : List.of("ranks.exchanged COUNT", "ranks.wait.time COUNT", "ranks.wait.time TOTAL_TIME")) {
            assertThat(value(output, counted)).as(counted).isPositive();
        }
    }

    /**
     * Three heads, so each of the two ranks has some of the layers, and the hidden state of each token goes round once.
     */
    @Test
    void twoRanksWithOddHeadsGiveTheAnswersOfOne() throws Exception {
        String template = Files.readString(DemoModel.folder().resolve("chat_template.jinja"));
        Path model = RandomModel.write(folder.resolve("odd"), template, List.of(), 7, 96, 3);
        assertThat(compareWithOne(model)).contains("meter ranks VALUE 2.0");
    }

    @Test
    void twoRanksWithAnAdapterGiveTheAnswersOfOne() throws Exception {
        Path adapter = RandomAdapter.write(
                folder.resolve("adapter"), DemoModel.folder(), false, List.of("q_proj", "down_proj"));
        String adapted = compareWithOne(DemoModel.folder(), adapter);
        assertThat(adapted.lines().filter(line -> line.startsWith("answer")))
                .isNotEqualTo(alone(DemoModel.folder(), null));
        List<String> rank = List.of("chat", DemoModel.folder().toString());
        List<String> first = List.of("chat", DemoModel.folder().toString(), adapter.toString());
        try (RankProcesses ranks = RankProcesses.start(folder, ClusterChat.class, List.of(first, rank))) {
            ranks.awaitOutput(0, "FAILED InvalidRequestException", SECONDS_MAX);
            assertThat(ranks.output(0)).contains("rank 1").contains("a different adapter");
        }
    }

    private static List<String> alone(Path model, Path adapter) throws Exception {
        try (MlxModel mlx = MlxModel.builder()
                .modelPath(model)
                .adapter(adapter)
                .draftModel(model)
                .maxConcurrent(4)
                .build()) {
            return ClusterChat.answers(mlx, 2);
        }
    }

    private String compareWithOne(Path model, Path... adapter) throws Exception {
        List<String> alone = alone(model, adapter.length == 0 ? null : adapter[0]);
        List<String> arguments = new ArrayList<>(List.of("chat", model.toString()));
        Stream.of(adapter).map(Path::toString).forEach(arguments::add);
        try (RankProcesses ranks = RankProcesses.start(folder, ClusterChat.class, Collections.nCopies(2, arguments))) {
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            assertThat(ranks.output(0).lines().filter(line -> line.startsWith("answer")))
                    .as(ranks.output(0))
                    .containsExactlyElementsOf(alone);
            assertThat(ranks.ends(1, SECONDS_MAX)).isTrue();
            assertThat(ranks.output(1)).contains("served");
            assertThat(ranks.process(0).exitValue()).isZero();
            assertThat(ranks.process(1).exitValue()).isZero();
            return ranks.output(0);
        }
    }

    private static double value(String output, String meter) {
        String before = "meter " + meter + " ";
        return output.lines()
                .filter(line -> line.startsWith(before))
                .mapToDouble(line -> Double.parseDouble(line.substring(before.length())))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({"decode, KILL", "prefill, KILL", "restore, KILL", "idle, KILL", "decode, STOP", "prefill, STOP"})
    void aRankThatIsLostEndsTheRequestsWithItsName(String mode, String signal) throws Exception {
        try (RankProcesses ranks = start(2, mode, DemoModel.folder())) {
            ranks.awaitOutput(0, mode.equals("idle") ? "answer" : "asking", SECONDS_MAX);
            signal(ranks.process(1), signal);
            ranks.awaitOutput(0, "FAILED", SECONDS_MAX);
            assertThat(ranks.output(0)).contains("RankLostException").contains("rank 1");
            assertThat(ranks.ends(0, SECONDS_MAX)).as("rank 0 ended").isTrue();
            assertThat(ranks.output(0)).contains("AGAIN RankLostException").contains("end");
            if (signal.equals("STOP")) {
                signal(ranks.process(1), "CONT");
                assertThat(ranks.ends(1, SECONDS_MAX)).as("rank 1 ended").isTrue();
            }
        }
    }

    @Test
    void aModelWhoseRankWasLostOpensAgainInTheSameProcess() throws Exception {
        try (RankProcesses ranks = start(2, "reopen", DemoModel.folder())) {
            ranks.awaitOutput(0, "asking", SECONDS_MAX);
            signal(ranks.process(1), "KILL");
            ranks.awaitOutput(0, "opening again", SECONDS_MAX);
            assertThat(ranks.output(0)).contains("AGAIN RankLostException");
            ranks.restart(1);
            ranks.awaitOutput(0, "as alone: true", SECONDS_MAX);
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            assertThat(ranks.ends(1, SECONDS_MAX)).isTrue();
            assertThat(ranks.output(1)).contains("served");
        }
    }

    @Test
    void ranksThatRankZeroLeavesAloneEnd() throws Exception {
        try (RankProcesses ranks = start(2, "decode", DemoModel.folder())) {
            ranks.awaitOutput(0, "asking", SECONDS_MAX);
            signal(ranks.process(0), "KILL");
            ranks.awaitOutput(1, "FAILED", SECONDS_MAX);
            assertThat(ranks.output(1)).contains("rank 0");
            assertThat(ranks.ends(1, SECONDS_MAX)).as("rank 1 ended").isTrue();
        }
    }

    @Test
    void ranksWithDifferentModelsRefuseEachOther() throws Exception {
        Path other = Files.createDirectory(folder.resolve("other"));
        Path golden = Goldens.own("models").resolve("llama");
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(golden.resolve(file), other.resolve(file));
        }
        try (RankProcesses ranks = start(2, "chat", DemoModel.folder(), other)) {
            for (int rank = 0; rank < 2; rank++) {
                ranks.awaitOutput(rank, "FAILED InvalidRequestException", SECONDS_MAX);
                assertThat(ranks.output(rank)).contains("rank 1").contains("has a different model");
                assertThat(ranks.ends(rank, SECONDS_MAX)).isTrue();
            }
        }
    }

    private static void signal(Process process, String name) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    @Test
    void settingsAreCheckedBeforeAnythingIsRead() throws Exception {
        Path hosts = RankProcesses.hostfile(folder, 2);
        assertThatThrownBy(() -> MlxCluster.builder().hostfile(hosts).rank(2).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("rank (2) must be from 0 to 1");
        assertThatThrownBy(() -> MlxCluster.fromEnvironment(Map.of("MLX_RANK", "1")))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("MLX_HOSTFILE");
        MlxCluster first = MlxCluster.builder().hostfile(hosts).rank(0).build();
        assertThatThrownBy(() ->
                        MlxModel.builder().modelPath(folder).distributed(first).serve())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("rank 0 of 2 over ring");
        MlxCluster second = MlxCluster.builder().hostfile(hosts).rank(1).build();
        assertThatThrownBy(() ->
                        MlxModel.builder().modelPath(folder).distributed(second).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("the other ranks call serve()");
        MlxCluster heads =
                MlxCluster.builder().hostfile(hosts).rank(1).pipeline(false).build();
        assertRefused("mamba2", heads, "must be one of deepseek_v3, ");
        assertRefused("gemma3n", second, "layers of gemma3n, gemma4, gemma4_text share their keys and values");
    }

    @Test
    void whatRanksCannotHaveIsRefusedBeforeAnyWork() throws Exception {
        MlxCluster cluster = MlxCluster.builder()
                .hostfile(RankProcesses.hostfile(folder, 2))
                .rank(1)
                .build();
        MlxModel.Builder adapted =
                MlxModel.builder().modelPath(DemoModel.folder()).adapter(folder).distributed(cluster);
        assertThatThrownBy(adapted::serve)
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("there is no adapter " + folder);
        UserMessage seen = UserMessage.from(TextContent.from("What is it?"), ImageContent.from("http://a.test/b.png"));
        assertThatThrownBy(() -> RankParts.refuseImages(List.of(seen)))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessage("images in messages are not supported by a model that is split over ranks");
    }

    private static void assertRefused(String modelType, MlxCluster cluster, String rule) {
        Path model = Goldens.own("models").resolve(modelType);
        assertThatThrownBy(() ->
                        MlxModel.builder().modelPath(model).distributed(cluster).serve())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model_type (" + modelType + ")")
                .hasMessageContaining("cannot be split over ranks")
                .hasMessageContaining(rule);
    }

    @Test
    void aHostfileOfMlxLaunchIsRead() throws Exception {
        Path file = Files.writeString(
                folder.resolve("launch.json"),
                "{\"hosts\": [{\"ssh\": \"a\", \"ips\": [\"10.0.0.1\"]}, {\"ssh\": \"b\", \"ips\": [\"10.0.0.2\"]}]}");
        MlxCluster cluster = MlxCluster.builder().hostfile(file).rank(1).build();
        assertThat(cluster.size()).isEqualTo(2);
        assertThat(cluster.settings().addresses())
                .containsExactly(List.of("10.0.0.1:32323"), List.of("10.0.0.2:32324"));
    }
}
